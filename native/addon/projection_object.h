// compileProjection and project of src/meter/addon.ts. JavaScript thread only; a compiled table is immutable.
#pragma once

#include <napi.h>

namespace flowspan {

Napi::Value compileProjection(const Napi::CallbackInfo& info);
Napi::Value project(const Napi::CallbackInfo& info);

}  // namespace flowspan
