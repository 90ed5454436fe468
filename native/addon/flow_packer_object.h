// FlowPacker of src/flow/flow_packing.ts: what packs rows into columns as a JavaScript object. JavaScript thread only.
#pragma once

#include <napi.h>

#include <memory>

#include "../store/flow_packer.h"

namespace flowspan {

class FlowPackerObject : public Napi::ObjectWrap<FlowPackerObject> {
 public:
  static Napi::Function define(Napi::Env env);
  explicit FlowPackerObject(const Napi::CallbackInfo& info);
  ~FlowPackerObject() override;

 private:
  Napi::Value pack(const Napi::CallbackInfo& info);
  Napi::Value octets(const Napi::CallbackInfo& info);

  void tellMemory();

  std::unique_ptr<FlowPacker> packer_;
  int64_t octetsTold_ = 0;
};

}  // namespace flowspan
