// NativeRowCounts of src/meter/addon.ts: what a rollup counts, as a JavaScript object. JavaScript thread only.
#pragma once

#include <napi.h>

#include <memory>

#include "../rollup/row_counts.h"

namespace flowspan {

class RowCountsObject : public Napi::ObjectWrap<RowCountsObject> {
 public:
  static Napi::Function define(Napi::Env env);
  explicit RowCountsObject(const Napi::CallbackInfo& info);
  ~RowCountsObject() override;

 private:
  Napi::Value add(const Napi::CallbackInfo& info);
  void tellSelector(const Napi::CallbackInfo& info);
  Napi::Value take(const Napi::CallbackInfo& info);
  Napi::Value addTaken(const Napi::CallbackInfo& info);
  void forgetAbsent(const Napi::CallbackInfo& info);
  void widen(const Napi::CallbackInfo& info);
  void clear(const Napi::CallbackInfo& info);

  uint32_t dimensionAt(const Napi::CallbackInfo& info, size_t index) const;
  void makeCounts();

  RowCountsPlan plan_;
  std::unique_ptr<RowCounts> counts_;
  // Memory of the owner's arrays, which are kept alive: totals of every place, places of the windows that are open, what a call has to say.
  WindowTotal* totals_ = nullptr;
  int32_t* windowPlaces_ = nullptr;
  int32_t* outcome_ = nullptr;
  std::vector<Napi::ObjectReference> arrays_;
  // Ports that have names, by protocol.
  std::vector<std::pair<uint8_t, std::vector<uint8_t>>> ports_;
  // What was taken last, and of which dimension.
  TakenKeys taken_;
  uint32_t takenOf_ = KeyTable::kNone;
  int64_t octetsTold_ = 0;
};

}  // namespace flowspan
