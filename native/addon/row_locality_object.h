// RowLocality of src/flow/row_locality.ts: which ends of rows are inside, as a JavaScript object. JavaScript thread only.
#pragma once

#include <napi.h>

#include <memory>

#include "../enrich/row_locality.h"

namespace flowspan {

class RowLocalityObject : public Napi::ObjectWrap<RowLocalityObject> {
 public:
  static Napi::Function define(Napi::Env env);
  explicit RowLocalityObject(const Napi::CallbackInfo& info);

 private:
  Napi::Value mark(const Napi::CallbackInfo& info);

  std::unique_ptr<RowLocality> locality_;
};

}  // namespace flowspan
