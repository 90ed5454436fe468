// NativeMeter of src/meter/addon.ts: one Engine as a JavaScript object. JavaScript thread only.
// Ends with close(), with garbage collection, or with its environment (a worker thread's end, process exit).
#pragma once

#include <napi.h>

#include <memory>

#include "../engine/engine.h"

namespace flowspan {

class MeterObject : public Napi::ObjectWrap<MeterObject> {
 public:
  static Napi::Function define(Napi::Env env);
  explicit MeterObject(const Napi::CallbackInfo& info);
  ~MeterObject() override;

 private:
  Napi::Value start(const Napi::CallbackInfo& info);
  Napi::Value poll(const Napi::CallbackInfo& info);
  Napi::Value waitBlock(const Napi::CallbackInfo& info);
  Napi::Value release(const Napi::CallbackInfo& info);
  Napi::Value stats(const Napi::CallbackInfo& info);
  Napi::Value snapshot(const Napi::CallbackInfo& info);
  Napi::Value observations(const Napi::CallbackInfo& info);
  Napi::Value configure(const Napi::CallbackInfo& info);
  Napi::Value stop(const Napi::CallbackInfo& info);
  Napi::Value drained(const Napi::CallbackInfo& info);
  Napi::Value close(const Napi::CallbackInfo& info);
  Napi::Value feedSlot(const Napi::CallbackInfo& info);
  Napi::Value feed(const Napi::CallbackInfo& info);
  Napi::Value feedTotals(const Napi::CallbackInfo& info);
  void shareFeed(const Napi::CallbackInfo& info);
  static void closeWithEnvironment(void* engine);

  // Shared with the cleanup hook, which may outlive this object or run before it.
  std::shared_ptr<Engine>* engine_ = nullptr;
  napi_env env_ = nullptr;
  bool vlanInKey_ = true;
  bool ring_ = false;
  uint64_t activeNs_ = 0;
  uint64_t idleNs_ = 0;
};

}  // namespace flowspan
