// Words to the service manager: sd_notify(3), without its library. Any thread; never blocks.
#pragma once

#include <napi.h>

namespace flowspan {

// (address, text): true when the datagram was taken. An address that begins with @ is an abstract one (unix(7)).
Napi::Value notifyService(const Napi::CallbackInfo& info);

}  // namespace flowspan
