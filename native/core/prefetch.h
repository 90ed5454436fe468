// Cache lines that are asked for ahead of their use. GCC takes a function that does nothing but prefetch for one without any effect, and
// where it was not inlined by then leaves its call out, silently: the empty statement is an effect. Pure; any thread.
#pragma once

namespace flowspan {

inline void askForWriting(const void* at) {
  __builtin_prefetch(at, 1);
  asm volatile("" : : "r"(at));
}
inline void askForReading(const void* at) {
  __builtin_prefetch(at);
  asm volatile("" : : "r"(at));
}

}  // namespace flowspan
