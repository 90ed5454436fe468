// What the objects of the addon have in common: errors on their way to JavaScript, and arrays of numbers that come from there.
// JavaScript thread only.
#pragma once

#include <napi.h>

#include <new>
#include <string>

#include "../source/failure.h"
#include "arguments.h"

namespace flowspan {

// Runs a method's body: a Failure becomes an Error with `code`, lack of memory one with ENOMEM.
template <typename Body>
auto guarded(const Napi::CallbackInfo& info, Body body) -> decltype(body()) {
  try {
    return body();
  } catch (const Failure& failure) {
    throwFailure(info.Env(), failure.code(), failure.what());
  } catch (const std::bad_alloc&) {
    throwFailure(info.Env(), "ENOMEM", "ENOMEM: no memory for what is asked for");
  }
}

constexpr napi_typedarray_type arrayType(const uint8_t*) { return napi_uint8_array; }
constexpr napi_typedarray_type arrayType(const int32_t*) { return napi_int32_array; }
constexpr napi_typedarray_type arrayType(const uint32_t*) { return napi_uint32_array; }
constexpr napi_typedarray_type arrayType(const double*) { return napi_float64_array; }

// Of numbers like T, and at least so many of them.
template <typename T>
bool isArray(const Napi::Value& value, size_t least) {
  if (!value.IsTypedArray()) return false;
  const auto array = value.As<Napi::TypedArray>();
  return array.TypedArrayType() == arrayType(static_cast<const T*>(nullptr)) && array.ElementLength() >= least;
}
template <typename T>
std::string arrayText(size_t least) {
  constexpr napi_typedarray_type type = arrayType(static_cast<const T*>(nullptr));
  const char* name = type == napi_uint8_array    ? "a Uint8Array"
                     : type == napi_int32_array  ? "an Int32Array"
                     : type == napi_uint32_array ? "a Uint32Array"
                                                 : "a Float64Array";
  return std::string(name) + " of at least " + std::to_string(least);
}

template <typename T>
Napi::TypedArrayOf<T> arrayAt(const Arguments& from, const char* key, size_t least) {
  const Napi::Value value = from.value().Get(key);
  if (!isArray<T>(value, least)) from.refuse(key, arrayText<T>(least));
  return value.As<Napi::TypedArrayOf<T>>();
}
template <typename T>
Napi::TypedArrayOf<T> arrayAt(const Napi::CallbackInfo& info, size_t index, const char* name, size_t least) {
  if (!isArray<T>(info[index], least)) throw Failure("EINVAL", std::string(name) + " must be " + arrayText<T>(least));
  return info[index].As<Napi::TypedArrayOf<T>>();
}

}  // namespace flowspan
