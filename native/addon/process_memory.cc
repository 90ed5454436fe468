#include "process_memory.h"

#include <malloc.h>

namespace flowspan {

namespace {

// Pieces from this size on are mappings of their own, which go when they are freed. glibc begins with as much, but raises it to up to 32 MiB
// with every larger piece that is freed (mallopt(3)): then arrays that grow by doubling leave their former selves in the pools.
constexpr int kMappedFromOctets = 128 * 1024;
// Pools for threads to allocate from without waiting for each other, by default eight a core: what is free in one is of no use to others.
// Two JavaScript threads allocate all the time, the others rarely.
constexpr int kPoolsMax = 2;

#ifdef __GLIBC__

// malloc_trim(3) gives back whole free pages of all pools, not only at their ends. Each is locked while it is looked through.
class Trim final : public Napi::AsyncWorker {
 public:
  explicit Trim(Napi::Env env) : AsyncWorker(env, "giveMemoryBack"), deferred_(Napi::Promise::Deferred::New(env)) {}
  Napi::Promise promise() const { return deferred_.Promise(); }
  void Execute() override { malloc_trim(0); }
  void OnOK() override { deferred_.Resolve(Env().Undefined()); }

 private:
  Napi::Promise::Deferred deferred_;
};

#endif

}  // namespace

void keepMemoryTogether([[maybe_unused]] const Napi::CallbackInfo& info) {
#ifdef __GLIBC__
  (void)mallopt(M_MMAP_THRESHOLD, kMappedFromOctets);
  (void)mallopt(M_TRIM_THRESHOLD, kMappedFromOctets);
  (void)mallopt(M_ARENA_MAX, kPoolsMax);
#endif
}

Napi::Value giveMemoryBack(const Napi::CallbackInfo& info) {
#ifdef __GLIBC__
  auto* trim = new Trim(info.Env());  // deletes itself
  const Napi::Promise promise = trim->promise();
  trim->Queue();
  return promise;
#else
  const auto deferred = Napi::Promise::Deferred::New(info.Env());
  deferred.Resolve(info.Env().Undefined());
  return deferred.Promise();
#endif
}

}  // namespace flowspan
