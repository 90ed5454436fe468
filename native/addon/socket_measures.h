// What the kernel knows about a TCP or UDP socket of Node's, by descriptor (NOTES "Acknowledgement by the peer's kernel").
// A descriptor that is gone or of another kind gives −1 or false, never an error: connections end at any time.
#pragma once

#include <napi.h>

namespace flowspan {

Napi::Value unacknowledgedBytes(const Napi::CallbackInfo& info);
Napi::Value pathMtu(const Napi::CallbackInfo& info);
Napi::Value setUserTimeout(const Napi::CallbackInfo& info);

}  // namespace flowspan
