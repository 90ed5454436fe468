#include "box_facts.h"

#include <sys/timex.h>

#include "../source/early_drop.h"
#include "../source/interface_facts.h"
#include "../source/offloads.h"

namespace flowspan {

Napi::Value mergingOffloadsOf(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (!info[0].IsString()) return env.Null();
  const auto on = mergingOffloads(info[0].As<Napi::String>().Utf8Value());
  if (!on) return env.Null();
  Napi::Array names = Napi::Array::New(env, on->size());
  for (uint32_t i = 0; i < on->size(); i++) names.Set(i, Napi::String::New(env, (*on)[i]));
  return names;
}

Napi::Value earlyDropOf(const Napi::CallbackInfo& info) {
  const uint32_t index = info[0].IsString() ? interfaceIndex(info[0].As<Napi::String>().Utf8Value()) : 0;
  return Napi::Boolean::New(info.Env(), index != 0 && hasEarlyDrop(index));
}

// adjtimex(2) with `modes` 0 sets nothing. The kernel lets the greatest error grow by 500 ppm and calls itself unsynchronised
// once it reaches 16 s, so a time service that has died is noticed.
Napi::Value kernelClock(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  timex answer{};
  const int state = adjtimex(&answer);
  if (state < 0) return env.Null();
  Napi::Object clock = Napi::Object::New(env);
  clock.Set("synchronised", Napi::Boolean::New(env, state != TIME_ERROR && (answer.status & STA_UNSYNC) == 0));
  clock.Set("errorMaxMs", Napi::Number::New(env, static_cast<double>(answer.maxerror) / 1000.0));
  return clock;
}

}  // namespace flowspan
