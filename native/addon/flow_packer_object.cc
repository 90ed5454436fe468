#include "flow_packer_object.h"

#include <cmath>
#include <cstring>
#include <stdexcept>
#include <string>

#include "../generated/row_layout.h"
#include "seam.h"

namespace flowspan {

namespace {

// Numbers that tell of a column: src/flow/flow_packing.ts reads them in this order.
constexpr size_t kNumberPieces = 7;
constexpr size_t kAddressPieces = 5;

// What packing counts on: sums and differences of whole numbers that have bounds.
void checkNumbers(const double* numbers, uint32_t count, const char* name) {
  for (uint32_t i = 0; i < count; i++) {
    if (std::abs(numbers[i]) <= FlowPacker::kNumberMax && numbers[i] == std::floor(numbers[i])) continue;
    throw Failure("EINVAL", std::string(name) + "[" + std::to_string(i) + "] is " + std::to_string(numbers[i]) +
                                ", allowed are whole numbers from -2^60 to 2^60");
  }
}

}  // namespace

Napi::Function FlowPackerObject::define(Napi::Env env) {
  return DefineClass(env, "NativeFlowPacker",
                     {InstanceMethod<&FlowPackerObject::pack>("pack"), InstanceMethod<&FlowPackerObject::octets>("octets")});
}

FlowPackerObject::FlowPackerObject(const Napi::CallbackInfo& info) : Napi::ObjectWrap<FlowPackerObject>(info) {
  guarded(info, [&] {
    const Napi::Int32Array table = arrayAt<int32_t>(info, 0, "table", 1);
    try {
      packer_ = std::make_unique<FlowPacker>(table.Data(), table.ElementLength());
    } catch (const std::invalid_argument& error) {
      throw Failure("EINVAL", std::string("table: ") + error.what());
    }
    tellMemory();
  });
}

FlowPackerObject::~FlowPackerObject() { Napi::MemoryManagement::AdjustExternalMemory(Env(), -octetsTold_); }

// Who decides when to collect garbage must know what this object holds.
void FlowPackerObject::tellMemory() {
  const int64_t more = static_cast<int64_t>(packer_->octets()) - octetsTold_;
  if (more == 0) return;
  Napi::MemoryManagement::AdjustExternalMemory(Env(), more);
  octetsTold_ += more;
}

Napi::Value FlowPackerObject::pack(const Napi::CallbackInfo& info) {
  return guarded(info, [&]() -> Napi::Value {
    const uint32_t count = wholeNumber(info, 1, "count", 0, packer_->rowsMax());
    const Napi::Uint8Array rows = arrayAt<uint8_t>(info, 0, "rows", size_t{count} * kRowBytes);
    const Napi::Float64Array offsetsUs = arrayAt<double>(info, 2, "offsetsUs", count);
    const Napi::Float64Array intervals = arrayAt<double>(info, 3, "intervals", count);
    const size_t numbers = packer_->numbers().size();
    const size_t addresses = packer_->addresses().size();
    Napi::Float64Array pieces = arrayAt<double>(info, 4, "pieces", numbers * kNumberPieces + addresses * kAddressPieces);
    checkNumbers(offsetsUs.Data(), count, "offsetsUs");
    checkNumbers(intervals.Data(), count, "intervals");
    packer_->pack(rows.Data(), count, offsetsUs.Data(), intervals.Data());
    tellMemory();
    double* to = pieces.Data();
    const auto tell = [&](auto... figures) { ((*to++ = static_cast<double>(figures)), ...); };
    for (const PackedNumbers& of : packer_->numbers()) tell(of.width, of.codes, of.base, of.low, of.high, of.dictionary, of.entries);
    for (const PackedAddresses& of : packer_->addresses()) {
      tell(of.hasCodes ? static_cast<double>(of.codes) : -1.0, of.words, of.wordCount, of.ipv4, of.count);
    }
    const PackingRoom& room = packer_->room();
    Napi::ArrayBuffer memory = Napi::ArrayBuffer::New(info.Env(), room.used());
    if (room.used() > 0) std::memcpy(memory.Data(), room.data(), room.used());
    return memory;
  });
}

Napi::Value FlowPackerObject::octets(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), static_cast<double>(packer_->octets()));
}

}  // namespace flowspan
