// The two kernel clocks the sources relate to each other. Row time of live metering is CLOCK_MONOTONIC (DESIGN section 7).
#pragma once

#include <cstdint>
#include <ctime>

namespace flowspan {

inline constexpr uint64_t kNsPerSecond = 1'000'000'000ull;

inline uint64_t readClockNs(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return static_cast<uint64_t>(now.tv_sec) * kNsPerSecond + static_cast<uint64_t>(now.tv_nsec);
}

inline uint64_t monotonicNs() { return readClockNs(CLOCK_MONOTONIC); }
inline uint64_t realtimeNs() { return readClockNs(CLOCK_REALTIME); }
inline uint64_t threadCpuNs() { return readClockNs(CLOCK_THREAD_CPUTIME_ID); }

}  // namespace flowspan
