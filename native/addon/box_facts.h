// What the kernel tells of the box that stands in no file: merging offloads and early drop of a port, and whether somebody steers the clock.
// Reads only; any thread, no right needed.
#pragma once

#include <napi.h>

namespace flowspan {

Napi::Value mergingOffloadsOf(const Napi::CallbackInfo& info);
Napi::Value earlyDropOf(const Napi::CallbackInfo& info);
Napi::Value kernelClock(const Napi::CallbackInfo& info);

}  // namespace flowspan
