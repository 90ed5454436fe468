// NativeRowEvidence of src/meter/addon.ts: what rows tell about the mirror, as a JavaScript object. JavaScript thread only.
#pragma once

#include <napi.h>

#include <array>
#include <memory>

#include "../mirror/row_evidence.h"

namespace flowspan {

class RowEvidenceObject : public Napi::ObjectWrap<RowEvidenceObject> {
 public:
  static Napi::Function define(Napi::Env env);
  explicit RowEvidenceObject(const Napi::CallbackInfo& info);

 private:
  Napi::Value add(const Napi::CallbackInfo& info);
  Napi::Value subnets(const Napi::CallbackInfo& info);

  std::unique_ptr<RowEvidence> evidence_;
  // Where the owner has each kind's sum; the array is kept alive.
  std::array<double*, kEvidenceNames.size()> sums_{};
  Napi::ObjectReference array_;
};

}  // namespace flowspan
