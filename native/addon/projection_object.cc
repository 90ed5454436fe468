#include "projection_object.h"

#include <stdexcept>

#include "../core/meter_core.h"
#include "../source/failure.h"
#include "arguments.h"

namespace flowspan {

namespace {
constexpr napi_type_tag kProjectionTag = {0x666c6f777370616e, 0x70726f6a65637431};
constexpr double kOctetsMax = 4294967295.0;

Napi::Uint8Array octetsAt(const Napi::CallbackInfo& info, size_t index, const char* name) {
  const Napi::Value value = info[index];
  if (!value.IsTypedArray() || value.As<Napi::TypedArray>().TypedArrayType() != napi_uint8_array) {
    throw Failure("EINVAL", std::string(name) + " must be a Uint8Array");
  }
  return value.As<Napi::Uint8Array>();
}

Napi::Int32Array wordsAt(const Napi::CallbackInfo& info, size_t index, const char* name) {
  const Napi::Value value = info[index];
  if (!value.IsTypedArray() || value.As<Napi::TypedArray>().TypedArrayType() != napi_int32_array) {
    throw Failure("EINVAL", std::string(name) + " must be an Int32Array");
  }
  return value.As<Napi::Int32Array>();
}

const Projection& projectionAt(const Napi::CallbackInfo& info) {
  if (!info[0].IsExternal() || !info[0].As<Napi::External<Projection>>().CheckTypeTag(&kProjectionTag)) {
    throw Failure("EINVAL", "projection must come from compileProjection");
  }
  return *info[0].As<Napi::External<Projection>>().Data();
}
}  // namespace

Napi::Value compileProjection(const Napi::CallbackInfo& info) {
  try {
    const Napi::Int32Array words = wordsAt(info, 0, "table");
    auto* projection = new Projection(words.Data(), words.ElementLength());
    auto handle = Napi::External<Projection>::New(info.Env(), projection, [](Napi::Env, Projection* held) { delete held; });
    handle.TypeTag(&kProjectionTag);
    return handle;
  } catch (const Failure& failure) {
    throwFailure(info.Env(), failure.code(), failure.what());
  } catch (const std::invalid_argument& error) {
    throwFailure(info.Env(), "EINVAL", std::string("EINVAL: table: ") + error.what());
  }
}

Napi::Value project(const Napi::CallbackInfo& info) {
  try {
    const Projection& projection = projectionAt(info);
    const Napi::Uint8Array rows = octetsAt(info, 1, "rows");
    const uint32_t first = wholeNumber(info, 2, "firstRowOffset", 0, kOctetsMax);
    const uint32_t count = wholeNumber(info, 3, "count", 0, 1u << 24);
    Napi::Uint8Array out = octetsAt(info, 4, "out");
    const uint32_t outOffset = wholeNumber(info, 5, "outOffset", 0, kOctetsMax);
    const uint32_t limit = wholeNumber(info, 6, "limit", 0, kOctetsMax);
    if (first + static_cast<uint64_t>(count) * kRowBytes > rows.ByteLength()) {
      throw Failure("EINVAL", "firstRowOffset and count reach past the end of rows");
    }
    if (static_cast<uint64_t>(outOffset) + limit > out.ByteLength()) throw Failure("EINVAL", "outOffset and limit reach past the end of out");
    bool lossless = false;
    const int64_t wallOffsetNs = info[7].IsBigInt() ? info[7].As<Napi::BigInt>().Int64Value(&lossless) : 0;
    if (!lossless) throw Failure("EINVAL", "wallOffsetNs must be a bigint of 64 bits");
    Napi::Int32Array result = wordsAt(info, 8, "result");
    if (result.ElementLength() < 3) throw Failure("EINVAL", "result must hold three numbers");
    const Projection::Result done = projection.run(rows.Data() + first, count, out.Data() + outOffset, limit, wallOffsetNs);
    result[0] = static_cast<int32_t>(done.octets);
    result[1] = static_cast<int32_t>(done.rows);
    result[2] = static_cast<int32_t>(done.records);
    return info.Env().Undefined();
  } catch (const Failure& failure) {
    throwFailure(info.Env(), failure.code(), failure.what());
  }
}

}  // namespace flowspan
