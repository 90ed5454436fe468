#include "meter_object.h"

#include <algorithm>
#include <cstring>

#include "../source/failure.h"
#include "arguments.h"
#include "exit_guard.h"

namespace flowspan {

namespace {

constexpr double kWaitMsMax = 10'000;
constexpr size_t kSnapshotMax = 1u << 20;

// Every method: a Failure becomes an Error with `code`, everything else of ours too; nothing else crosses the border.
template <typename Body>
Napi::Value guarded(const Napi::CallbackInfo& info, Body body) {
  try {
    return body(info.Env());
  } catch (const Failure& failure) {
    throwFailure(info.Env(), failure.code(), failure.what());
  } catch (const std::bad_alloc&) {
    throwFailure(info.Env(), "ENOMEM", "ENOMEM: no memory for what the options ask for");
  }
}

Napi::Float64Array doubles(Napi::Env env, const uint64_t* from, size_t count) {
  Napi::Float64Array to = Napi::Float64Array::New(env, count);
  for (size_t i = 0; i < count; i++) to[i] = static_cast<double>(from[i]);
  return to;
}

Napi::Array selectorsOf(Napi::Env env, const std::vector<SelectorFigures>& figures) {
  static constexpr const char* kKinds[] = {"none", "count", "random", "flowHash"};
  Napi::Array list = Napi::Array::New(env, figures.size());
  uint32_t at = 0;
  for (const SelectorFigures& one : figures) {
    Napi::Object entry = Napi::Object::New(env);
    entry.Set("selectorId", Napi::Number::New(env, one.count.selectorId));
    entry.Set("pool", Napi::Number::New(env, one.fact.pool));
    entry.Set("kind", kKinds[static_cast<size_t>(one.fact.kind)]);
    entry.Set("interval", Napi::Number::New(env, one.fact.interval));
    entry.Set("kernelInterval", Napi::Number::New(env, one.fact.kernelInterval));
    entry.Set("observedPackets", static_cast<double>(one.count.observed));
    entry.Set("selectedPackets", static_cast<double>(one.count.selected));
    entry.Set("inForce", one.count.inForce);
    list.Set(at++, entry);
  }
  return list;
}

}  // namespace

Napi::Function MeterObject::define(Napi::Env env) {
  return DefineClass(env, "NativeMeter",
                     {InstanceMethod<&MeterObject::start>("start"), InstanceMethod<&MeterObject::poll>("poll"),
                      InstanceMethod<&MeterObject::waitBlock>("waitBlock"), InstanceMethod<&MeterObject::release>("release"),
                      InstanceMethod<&MeterObject::stats>("stats"), InstanceMethod<&MeterObject::snapshot>("snapshot"),
                      InstanceMethod<&MeterObject::observations>("observations"),
                      InstanceMethod<&MeterObject::configure>("configure"), InstanceMethod<&MeterObject::stop>("stop"),
                      InstanceMethod<&MeterObject::drained>("drained"), InstanceMethod<&MeterObject::close>("close"),
                      InstanceMethod<&MeterObject::feedSlot>("feedSlot"), InstanceMethod<&MeterObject::feed>("feed"),
                      InstanceMethod<&MeterObject::feedTotals>("feedTotals")});
}

MeterObject::MeterObject(const Napi::CallbackInfo& info) : Napi::ObjectWrap<MeterObject>(info), env_(info.Env()) {
  guarded(info, [&](Napi::Env env) {
    const EngineOptions options = engineOptions(info[0]);
    activeNs_ = options.core.activeTimeoutNs;
    idleNs_ = options.core.idleTimeoutNs;
    vlanInKey_ = options.core.vlanInKey;
    ring_ = options.ring;
    auto engine = std::make_shared<Engine>(options);
    const std::shared_ptr<BlockBuffer> blocks = engine->buffer();
    // The ArrayBuffer keeps the memory, not the meter: rows stay readable after close().
    auto* keeper = new std::shared_ptr<BlockBuffer>(blocks);
    Napi::ArrayBuffer buffer = Napi::ArrayBuffer::New(env, blocks->data(), blocks->octets(),
                                                      [](Napi::Env, void*, std::shared_ptr<BlockBuffer>* held) { delete held; }, keeper);
    Napi::Object self = info.This().As<Napi::Object>();
    self.DefineProperties({Napi::PropertyDescriptor::Value("buffer", buffer, napi_enumerable),
                           Napi::PropertyDescriptor::Value("blockBytes", Napi::Number::New(env, blocks->blockOctets()), napi_enumerable)});
    engine_ = new std::shared_ptr<Engine>(std::move(engine));
    napi_add_env_cleanup_hook(env, closeWithEnvironment, engine_);
    closeAtExit(*engine_);
    shareFeed(info);
    return env.Undefined();
  });
}

// Runs for an unreachable object: threads end, offloads are restored.
MeterObject::~MeterObject() {
  if (engine_ == nullptr) return;
  napi_remove_env_cleanup_hook(env_, closeWithEnvironment, engine_);
  forgetAtExit(*engine_);
  delete engine_;
}

void MeterObject::closeWithEnvironment(void* engine) { (*static_cast<std::shared_ptr<Engine>*>(engine))->close(); }

Napi::Value MeterObject::start(const Napi::CallbackInfo& info) {
  return guarded(info, [&](Napi::Env env) {
    if ((*engine_)->isClosed()) throw Failure("EINVAL", "the meter was closed");
    (*engine_)->start();
    return env.Undefined();
  });
}

Napi::Value MeterObject::poll(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), (*engine_)->isClosed() ? -1 : (*engine_)->poll());
}

Napi::Value MeterObject::waitBlock(const Napi::CallbackInfo& info) {
  return guarded(info, [&](Napi::Env env) {
    const uint64_t waitNs = wholeNumber(info, 0, "timeoutMs", 0, kWaitMsMax) * 1'000'000ull;
    return Napi::Number::New(env, (*engine_)->isClosed() ? -1 : (*engine_)->waitBlock(waitNs));
  });
}

Napi::Value MeterObject::release(const Napi::CallbackInfo& info) {
  return guarded(info, [&](Napi::Env env) {
    const uint32_t block = wholeNumber(info, 0, "block", 0, 65'535);
    if ((*engine_)->isClosed()) return env.Undefined();
    if (!(*engine_)->release(block)) throw Failure("EINVAL", "block " + std::to_string(block) + " was not polled, or was released before");
    return env.Undefined();
  });
}

Napi::Value MeterObject::stats(const Napi::CallbackInfo& info) {
  return guarded(info, [&](Napi::Env env) {
    const EngineFigures figures = (*engine_)->figures();
    Napi::Object to = Napi::Object::New(env);
    to.Set("counters", doubles(env, figures.counters.data(), figures.counters.size()));
    Napi::Array threads = Napi::Array::New(env, figures.threads.size());
    for (uint32_t i = 0; i < figures.threads.size(); i++) threads.Set(i, doubles(env, figures.threads[i].data(), figures.threads[i].size()));
    to.Set("threads", threads);
    to.Set("annotations", doubles(env, figures.annotations.data(), figures.annotations.size()));
    Napi::Array interfaces = Napi::Array::New(env, figures.interfaces.size());
    uint32_t at = 0;
    for (const InterfaceReport& one : figures.interfaces) {
      Napi::Object entry = Napi::Object::New(env);
      entry.Set("name", one.name);
      entry.Set("index", Napi::Number::New(env, one.index));
      entry.Set("present", one.present);
      entry.Set("up", one.up);
      entry.Set("mtu", Napi::Number::New(env, one.mtu));
      entry.Set("receivedPackets", static_cast<double>(one.receivedPackets));
      entry.Set("droppedByKernelPackets", static_cast<double>(one.droppedByKernelPackets));
      entry.Set("droppedByNicPackets", static_cast<double>(one.droppedByNicPackets));
      entry.Set("sampledByKernelPackets", static_cast<double>(one.sampledByKernelPackets));
      entry.Set("offloads", one.offloads);
      entry.Set("earlyDrop", one.earlyDrop);
      interfaces.Set(at++, entry);
    }
    to.Set("interfaces", interfaces);
    to.Set("sourceError", figures.trouble);
    to.Set("answering", figures.answering);
    to.Set("selectorId", Napi::Number::New(env, figures.selectorId));
    to.Set("selectors", selectorsOf(env, figures.selectors));
    return to;
  });
}

Napi::Value MeterObject::snapshot(const Napi::CallbackInfo& info) {
  return guarded(info, [&](Napi::Env env) {
    const std::vector<Row> rows = (*engine_)->snapshot(wholeNumber(info, 0, "count", 0, kSnapshotMax));
    Napi::Uint8Array to = Napi::Uint8Array::New(env, rows.size() * kRowBytes);
    if (!rows.empty()) std::memcpy(to.Data(), rows.data(), rows.size() * kRowBytes);
    return to;
  });
}

Napi::Value MeterObject::observations(const Napi::CallbackInfo& info) {
  return guarded(info, [&](Napi::Env env) {
    if (!info[0].IsTypedArray() || info[0].As<Napi::TypedArray>().TypedArrayType() != napi_uint8_array) {
      throw Failure("EINVAL", "into is to be a Uint8Array");
    }
    auto into = info[0].As<Napi::Uint8Array>();
    return Napi::Number::New(env, static_cast<double>((*engine_)->takeObservations(into.Data(), into.ByteLength())));
  });
}

Napi::Value MeterObject::configure(const Napi::CallbackInfo& info) {
  return guarded(info, [&](Napi::Env env) {
    const Arguments change(info[0], "change");
    Engine& engine = **engine_;
    // All is read before anything is applied: a refused change changes nothing.
    SamplingPlan plan = engine.samplingPlan();
    const bool sampling = change.has("sampling");
    if (sampling) readSampling(change.object("sampling"), {.vlanInKey = vlanInKey_, .ring = ring_}, plan);
    const uint64_t activeNs = static_cast<uint64_t>(change.number("activeTimeoutMs", 1, 86'400'000, activeNs_ / 1e6) * 1e6);
    const uint64_t idleNs = static_cast<uint64_t>(change.number("idleTimeoutMs", 1, 86'400'000, idleNs_ / 1e6) * 1e6);
    const bool wall = change.has("testWallOffsetNs");
    const int64_t wallNs = wall ? change.signedBig("testWallOffsetNs") : 0;
    const bool observing = change.has("observations");
    const ObservationPlan observed = observing ? readObservations(change.object("observations")) : ObservationPlan{};
    if (engine.isClosed()) throw Failure("EINVAL", "the meter was closed");
    if (activeNs != activeNs_ || idleNs != idleNs_) engine.setTimeouts(activeNs_ = activeNs, idleNs_ = idleNs);
    if (wall) engine.setTestWallOffset(wallNs);
    if (observing) engine.setObservations(observed);
    return Napi::Number::New(env, sampling ? engine.setSampling(std::move(plan)) : engine.selectorId());
  });
}

Napi::Value MeterObject::stop(const Napi::CallbackInfo& info) {
  (*engine_)->stop();
  return info.Env().Undefined();
}

Napi::Value MeterObject::drained(const Napi::CallbackInfo& info) { return Napi::Boolean::New(info.Env(), (*engine_)->drained()); }

Napi::Value MeterObject::close(const Napi::CallbackInfo& info) {
  (*engine_)->close();
  return info.Env().Undefined();
}

// As with blocks, the ArrayBuffer keeps the memory: a slot can still be written after close(), it just goes nowhere.
void MeterObject::shareFeed(const Napi::CallbackInfo& info) {
  const std::shared_ptr<FeedLane> lane = (*engine_)->feedLane();
  if (!lane) return;
  const Napi::Env env = info.Env();
  auto* keeper = new std::shared_ptr<FeedLane>(lane);
  Napi::ArrayBuffer buffer = Napi::ArrayBuffer::New(env, lane->data(), lane->octets(),
                                                    [](Napi::Env, void*, std::shared_ptr<FeedLane>* held) { delete held; }, keeper);
  Napi::Object self = info.This().As<Napi::Object>();
  self.DefineProperties({Napi::PropertyDescriptor::Value("feedBuffer", buffer, napi_enumerable),
                         Napi::PropertyDescriptor::Value("feedSlotBytes", Napi::Number::New(env, kFeedSlotOctets), napi_enumerable)});
}

Napi::Value MeterObject::feedSlot(const Napi::CallbackInfo& info) {
  const auto& lane = (*engine_)->feedLane();
  return Napi::Number::New(info.Env(), lane && !(*engine_)->isClosed() ? lane->lend() : -1);
}

Napi::Value MeterObject::feed(const Napi::CallbackInfo& info) {
  return guarded(info, [&](Napi::Env env) {
    const auto& lane = (*engine_)->feedLane();
    if (!lane) throw Failure("EINVAL", "this meter captures by itself");
    if (!lane->hand(wholeNumber(info, 0, "slot", 0, kFeedSlots - 1), wholeNumber(info, 1, "octets", 0, kFeedSlotOctets))) {
      throw Failure("EINVAL", "the slot was not lent");
    }
    return env.Undefined();
  });
}

Napi::Value MeterObject::feedTotals(const Napi::CallbackInfo& info) {
  return guarded(info, [&](Napi::Env env) {
    const auto total = [&](size_t at) { return info[at].IsNumber() ? static_cast<uint64_t>(std::max(0.0, info[at].As<Napi::Number>().DoubleValue())) : 0; };
    const uint32_t port = wholeNumber(info, 0, "port", 0, kFeedPortsMax - 1);
    if (const auto& lane = (*engine_)->feedLane()) lane->setTotals(port, total(1), total(2));
    return env.Undefined();
  });
}

}  // namespace flowspan
