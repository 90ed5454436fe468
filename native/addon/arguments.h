// Reads what JavaScript hands over and refuses what is out of bounds, naming the argument, its value and what is allowed.
// JavaScript thread only.
#pragma once

#include <napi.h>

#include <initializer_list>
#include <string>
#include <vector>

#include "../engine/engine.h"

namespace flowspan {

// An object with a name for error messages: `source.path`.
class Arguments {
 public:
  Arguments(const Napi::Value& value, std::string name);

  bool has(const char* key) const;
  Arguments object(const char* key) const;
  double number(const char* key, double minimum, double maximum) const;
  double number(const char* key, double minimum, double maximum, double otherwise) const;
  bool flag(const char* key) const;
  bool flag(const char* key, bool otherwise) const;
  std::string text(const char* key) const;
  std::string text(const char* key, const std::string& otherwise) const;
  // Index of the string among the allowed ones.
  size_t choice(const char* key, std::initializer_list<const char*> allowed) const;
  std::vector<std::string> texts(const char* key) const;
  // Each named `key[i]`; lists count as objects with the keys "0", "1".
  std::vector<Arguments> objects(const char* key, size_t most) const;
  template <typename T>
  std::vector<T> numbers(const char* key, size_t most, uint32_t maximum) const {
    std::vector<T> numbers;
    for (const uint32_t number : wholeNumbers(key, most, maximum)) numbers.push_back(static_cast<T>(number));
    return numbers;
  }
  int64_t signedBig(const char* key) const;
  uint64_t unsignedBig(const char* key) const;
  const Napi::Object& value() const { return object_; }
  std::string path(const char* key) const { return name_.empty() ? key : name_ + "." + key; }
  [[noreturn]] void refuse(const char* key, const std::string& allowed) const;

 private:
  Napi::Value required(const char* key) const;
  std::vector<uint32_t> wholeNumbers(const char* key, size_t most, uint32_t maximum) const;

  Napi::Object object_;
  std::string name_;
};

// One whole number handed over as a plain argument.
uint32_t wholeNumber(const Napi::CallbackInfo& info, size_t index, const char* name, double minimum, double maximum);

// Rows of kRowBytes as three plain arguments from `index` on: a Uint8Array, the offset of the first row in it, how many.
struct RowsArgument {
  uint8_t* rows;
  uint32_t count;
};
RowsArgument rowsAt(const Napi::CallbackInfo& info, size_t index);

ObservationPlan readObservations(const Arguments& observations);
EngineOptions engineOptions(const Napi::Value& value);
struct SamplingAbilities {
  bool vlanInKey;
  bool ring;  // has a first stage in the kernel
};
// What is left out of `sampling` stays in `plan` as it was.
void readSampling(const Arguments& sampling, SamplingAbilities can, SamplingPlan& plan);

// Throws into JavaScript an Error with `code`.
[[noreturn]] void throwFailure(Napi::Env env, const std::string& code, const std::string& message);

}  // namespace flowspan
