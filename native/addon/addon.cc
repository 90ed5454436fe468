// The addon's table of contents: NativeAddon of src/meter/addon.ts. May be loaded in several environments (worker threads)
// of one process; it keeps no state of its own beyond each environment.
#include <napi.h>

#include "../generated/row_layout.h"
#include "../source/clocks.h"
#include "box_facts.h"
#include "flow_packer_object.h"
#include "meter_object.h"
#include "process_memory.h"
#include "projection_object.h"
#include "row_counts_object.h"
#include "row_evidence_object.h"
#include "row_locality_object.h"
#include "service_notice.h"
#include "socket_measures.h"

namespace flowspan {

namespace {

Napi::Value clocks(const Napi::CallbackInfo& info) {
  // The wall clock between two readings of the monotonic one: their middle is at most half a call away from it.
  const uint64_t before = monotonicNs();
  const uint64_t wall = realtimeNs();
  const uint64_t after = monotonicNs();
  Napi::Object to = Napi::Object::New(info.Env());
  to.Set("monotonicNs", Napi::BigInt::New(info.Env(), before + (after - before) / 2));
  to.Set("realtimeNs", Napi::BigInt::New(info.Env(), wall));
  return to;
}

struct Classes {
  Napi::FunctionReference meter;
  Napi::FunctionReference rowCounts;
  Napi::FunctionReference rowEvidence;
  Napi::FunctionReference rowLocality;
  Napi::FunctionReference flowPacker;
};

Napi::Object load(Napi::Env env, Napi::Object exports) {
  auto* classes = new Classes{Napi::Persistent(MeterObject::define(env)), Napi::Persistent(RowCountsObject::define(env)),
                              Napi::Persistent(RowEvidenceObject::define(env)), Napi::Persistent(RowLocalityObject::define(env)),
                              Napi::Persistent(FlowPackerObject::define(env))};
  env.SetInstanceData(classes);  // freed with the environment
  exports.Set("open", Napi::Function::New(env, [classes](const Napi::CallbackInfo& info) -> Napi::Value {
                return classes->meter.New({info[0]});
              }));
  exports.Set("countRows", Napi::Function::New(env, [classes](const Napi::CallbackInfo& info) -> Napi::Value {
                return classes->rowCounts.New({info[0]});
              }));
  exports.Set("readEvidence", Napi::Function::New(env, [classes](const Napi::CallbackInfo& info) -> Napi::Value {
                return classes->rowEvidence.New({info[0]});
              }));
  exports.Set("markLocality", Napi::Function::New(env, [classes](const Napi::CallbackInfo& info) -> Napi::Value {
                return classes->rowLocality.New({info[0]});
              }));
  exports.Set("packFlows", Napi::Function::New(env, [classes](const Napi::CallbackInfo& info) -> Napi::Value {
                return classes->flowPacker.New({info[0]});
              }));
  exports.Set("layoutHash", Napi::Function::New(env, [](const Napi::CallbackInfo& info) -> Napi::Value {
                return Napi::Number::New(info.Env(), kLayoutHash);
              }));
  exports.Set("layoutDescription", Napi::Function::New(env, [](const Napi::CallbackInfo& info) -> Napi::Value {
                return Napi::String::New(info.Env(), kLayoutDescription);
              }));
  exports.Set("version", Napi::Function::New(env, [](const Napi::CallbackInfo& info) -> Napi::Value {
                return Napi::String::New(info.Env(), FLOWSPAN_VERSION);
              }));
  exports.Set("clocks", Napi::Function::New(env, clocks));
  exports.Set("compileProjection", Napi::Function::New(env, compileProjection));
  exports.Set("project", Napi::Function::New(env, project));
  exports.Set("unacknowledgedBytes", Napi::Function::New(env, unacknowledgedBytes));
  exports.Set("pathMtu", Napi::Function::New(env, pathMtu));
  exports.Set("setUserTimeout", Napi::Function::New(env, setUserTimeout));
  exports.Set("mergingOffloads", Napi::Function::New(env, mergingOffloadsOf));
  exports.Set("earlyDrop", Napi::Function::New(env, earlyDropOf));
  exports.Set("keepMemoryTogether", Napi::Function::New(env, keepMemoryTogether));
  exports.Set("giveMemoryBack", Napi::Function::New(env, giveMemoryBack));
  exports.Set("notifyService", Napi::Function::New(env, notifyService));
  exports.Set("kernelClock", Napi::Function::New(env, kernelClock));
  return exports;
}

}  // namespace

NODE_API_MODULE(flowspan, load)

}  // namespace flowspan
