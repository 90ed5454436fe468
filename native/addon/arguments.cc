#include "arguments.h"

#include <cmath>

#include "../source/failure.h"

namespace flowspan {

namespace {
std::string shown(const Napi::Value& value) {
  if (value.IsSymbol()) return "a symbol";
  if (value.IsString()) return '"' + value.As<Napi::String>().Utf8Value() + '"';
  return value.ToString().Utf8Value();
}
}  // namespace

Arguments::Arguments(const Napi::Value& value, std::string name) : name_(std::move(name)) {
  if (!value.IsObject()) throw Failure("EINVAL", (name_.empty() ? "options" : name_) + " is " + shown(value) + ", an object is needed");
  object_ = value.As<Napi::Object>();
}

void Arguments::refuse(const char* key, const std::string& allowed) const {
  const Napi::Value value = object_.Get(key);
  throw Failure("EINVAL", path(key) + " is " + shown(value) + ", allowed is " + allowed);
}

bool Arguments::has(const char* key) const { return !object_.Get(key).IsUndefined(); }

Napi::Value Arguments::required(const char* key) const { return object_.Get(key); }

Arguments Arguments::object(const char* key) const { return Arguments(required(key), path(key)); }

double Arguments::number(const char* key, double minimum, double maximum) const {
  const Napi::Value value = required(key);
  const auto bound = [](double limit) { return std::to_string(static_cast<int64_t>(limit)); };
  const double number = value.IsNumber() ? value.As<Napi::Number>().DoubleValue() : std::nan("");
  if (!(number >= minimum && number <= maximum) || number != std::floor(number)) {
    refuse(key, "a whole number from " + bound(minimum) + " to " + bound(maximum));
  }
  return number;
}

double Arguments::number(const char* key, double minimum, double maximum, double otherwise) const {
  return has(key) ? number(key, minimum, maximum) : otherwise;
}

bool Arguments::flag(const char* key) const {
  const Napi::Value value = required(key);
  if (!value.IsBoolean()) refuse(key, "true or false");
  return value.As<Napi::Boolean>().Value();
}

bool Arguments::flag(const char* key, bool otherwise) const { return has(key) ? flag(key) : otherwise; }

std::string Arguments::text(const char* key) const {
  const Napi::Value value = required(key);
  if (!value.IsString()) refuse(key, "a string");
  std::string text = value.As<Napi::String>().Utf8Value();
  if (text.find('\0') != std::string::npos) refuse(key, "a string without NUL");
  return text;
}

std::string Arguments::text(const char* key, const std::string& otherwise) const { return has(key) ? text(key) : otherwise; }

size_t Arguments::choice(const char* key, std::initializer_list<const char*> allowed) const {
  const Napi::Value value = required(key);
  const std::string text = value.IsString() ? value.As<Napi::String>().Utf8Value() : std::string();
  std::string list;
  size_t index = 0;
  for (const char* one : allowed) {
    if (text == one) return index;
    list += (index++ == 0 ? "" : ", ") + std::string(one);
  }
  refuse(key, "one of " + list);
}

std::vector<std::string> Arguments::texts(const char* key) const {
  const Napi::Value value = required(key);
  if (!value.IsArray()) refuse(key, "a list of strings");
  const Napi::Array list = value.As<Napi::Array>();
  std::vector<std::string> texts;
  for (uint32_t i = 0; i < list.Length(); i++) {
    const Napi::Value one = list.Get(i);
    if (!one.IsString()) refuse(key, "a list of strings");
    texts.push_back(one.As<Napi::String>().Utf8Value());
  }
  return texts;
}

std::vector<Arguments> Arguments::objects(const char* key, size_t most) const {
  const Napi::Value value = required(key);
  const std::string allowed = "a list of at most " + std::to_string(most);
  if (!value.IsArray()) refuse(key, allowed);
  const Napi::Array list = value.As<Napi::Array>();
  if (list.Length() > most) refuse(key, allowed);
  std::vector<Arguments> objects;
  for (uint32_t i = 0; i < list.Length(); i++) objects.emplace_back(list.Get(i), path(key) + '[' + std::to_string(i) + ']');
  return objects;
}

std::vector<uint32_t> Arguments::wholeNumbers(const char* key, size_t most, uint32_t maximum) const {
  const Napi::Value value = required(key);
  const std::string allowed = "a list of at most " + std::to_string(most) + " whole numbers from 0 to " + std::to_string(maximum);
  if (!value.IsArray()) refuse(key, allowed);
  const Napi::Array list = value.As<Napi::Array>();
  if (list.Length() > most) refuse(key, allowed);
  std::vector<uint32_t> numbers;
  for (uint32_t i = 0; i < list.Length(); i++) {
    const Napi::Value one = list.Get(i);
    const double number = one.IsNumber() ? one.As<Napi::Number>().DoubleValue() : -1;
    if (!(number >= 0 && number <= maximum) || number != std::floor(number)) refuse(key, allowed);
    numbers.push_back(static_cast<uint32_t>(number));
  }
  return numbers;
}

int64_t Arguments::signedBig(const char* key) const {
  const Napi::Value value = required(key);
  bool lossless = false;
  const int64_t number = value.IsBigInt() ? value.As<Napi::BigInt>().Int64Value(&lossless) : 0;
  if (!lossless) refuse(key, "a bigint of 64 bits");
  return number;
}

uint64_t Arguments::unsignedBig(const char* key) const {
  const Napi::Value value = required(key);
  bool lossless = false;
  const uint64_t number = value.IsBigInt() ? value.As<Napi::BigInt>().Uint64Value(&lossless) : 0;
  if (!lossless) refuse(key, "a bigint from 0 to 2^64-1");
  return number;
}

uint32_t wholeNumber(const Napi::CallbackInfo& info, size_t index, const char* name, double minimum, double maximum) {
  const Napi::Value value = info[index];
  const double number = value.IsNumber() ? value.As<Napi::Number>().DoubleValue() : std::nan("");
  if (!(number >= minimum && number <= maximum) || number != std::floor(number)) {
    throw Failure("EINVAL", std::string(name) + " is " + shown(value) + ", allowed is a whole number from " +
                                std::to_string(static_cast<int64_t>(minimum)) + " to " + std::to_string(static_cast<int64_t>(maximum)));
  }
  return static_cast<uint32_t>(number);
}

void throwFailure(Napi::Env env, const std::string& code, const std::string& message) {
  Napi::Error error = Napi::Error::New(env, message);
  error.Set("code", Napi::String::New(env, code));
  throw error;
}

RowsArgument rowsAt(const Napi::CallbackInfo& info, size_t index) {
  constexpr double kOctetsMax = 4294967295.0, kRowsMax = 1 << 24;
  const Napi::Value value = info[index];
  if (!value.IsTypedArray() || value.As<Napi::TypedArray>().TypedArrayType() != napi_uint8_array) {
    throw Failure("EINVAL", "rows must be a Uint8Array");
  }
  auto rows = value.As<Napi::Uint8Array>();
  const uint32_t first = wholeNumber(info, index + 1, "firstRow", 0, kOctetsMax);
  const uint32_t count = wholeNumber(info, index + 2, "count", 0, kRowsMax);
  if (first + uint64_t{count} * kRowBytes > rows.ByteLength()) throw Failure("EINVAL", "firstRow and count reach past the end of rows");
  return {rows.Data() + first, count};
}

}  // namespace flowspan
