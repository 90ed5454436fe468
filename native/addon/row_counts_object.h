// NativeRowCounts of src/meter/addon.ts: the counts of all dimensions of a rollup as a JavaScript object. JavaScript thread only.
#pragma once

#include <napi.h>

#include <vector>

#include "../rollup/key_counts.h"

namespace flowspan {

class RowCountsObject : public Napi::ObjectWrap<RowCountsObject> {
 public:
  static Napi::Function define(Napi::Env env);
  explicit RowCountsObject(const Napi::CallbackInfo& info);
  ~RowCountsObject() override;

 private:
  Napi::Value addRows(const Napi::CallbackInfo& info);
  Napi::Value take(const Napi::CallbackInfo& info);
  Napi::Value addTaken(const Napi::CallbackInfo& info);
  void forgetAbsent(const Napi::CallbackInfo& info);
  void widen(const Napi::CallbackInfo& info);
  void clear(const Napi::CallbackInfo& info);

  uint64_t evictedKeys() const;
  void checkRows(uint32_t count) const;
  KeyCounts& dimensionAt(const Napi::CallbackInfo& info, size_t index);
  void tellMemory();

  std::vector<KeyCountsPlan> plans_;
  std::vector<KeyCounts> counts_;
  struct Use {
    uint32_t dimension;
    KeyColumn column;
  };
  std::vector<Use> uses_;
  RowColumns rows_{};
  // What was taken last, and of which dimension.
  TakenKeys taken_;
  uint32_t takenOf_ = KeyTable::kNone;
  // Keeps the columns alive whose memory `rows_` and `uses_` point to.
  std::vector<Napi::ObjectReference> columns_;
  int64_t octetsTold_ = 0;
};

}  // namespace flowspan
