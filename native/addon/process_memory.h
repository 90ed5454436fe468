// What the C library does with the memory of this process. Any thread.
#pragma once

#include <napi.h>

namespace flowspan {

// (): settles for the rest of the process what is given back when it is freed, and how many pools there are. Before other threads begin.
void keepMemoryTogether(const Napi::CallbackInfo& info);
// (): resolves when what is free in the pools has been given back to the system.
Napi::Value giveMemoryBack(const Napi::CallbackInfo& info);

}  // namespace flowspan
