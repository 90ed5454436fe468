#include "row_counts_object.h"

#include <algorithm>
#include <new>
#include <string>

#include "../source/failure.h"
#include "arguments.h"

namespace flowspan {

namespace {

constexpr napi_type_tag kRowCountsTag = {0x666c6f777370616e, 0x726f77636f756e74};
constexpr double kKeysMax = 1 << 24;
constexpr double kPlacesMax = 4'096;
constexpr double kTopMax = 1 << 20;
constexpr size_t kDimensionsMax = 64;
constexpr double kWordMax = 4294967295.0;

template <typename Body>
auto guarded(const Napi::CallbackInfo& info, Body body) -> decltype(body()) {
  try {
    return body();
  } catch (const Failure& failure) {
    throwFailure(info.Env(), failure.code(), failure.what());
  } catch (const std::bad_alloc&) {
    throwFailure(info.Env(), "ENOMEM", "ENOMEM: no memory for that many keys");
  }
}

constexpr napi_typedarray_type typeOf(const uint8_t*) { return napi_uint8_array; }
constexpr napi_typedarray_type typeOf(const int32_t*) { return napi_int32_array; }
constexpr napi_typedarray_type typeOf(const double*) { return napi_float64_array; }
constexpr const char* nameOf(napi_typedarray_type type) {
  return type == napi_uint8_array ? "a Uint8Array" : type == napi_int32_array ? "an Int32Array" : "a Float64Array";
}

// A column of at least so many numbers.
template <typename T>
Napi::TypedArrayOf<T> columnAt(const Arguments& from, const char* key, size_t least) {
  constexpr napi_typedarray_type type = typeOf(static_cast<const T*>(nullptr));
  const Napi::Value value = from.value().Get(key);
  if (!value.IsTypedArray() || value.As<Napi::TypedArray>().TypedArrayType() != type ||
      value.As<Napi::TypedArray>().ElementLength() < least) {
    from.refuse(key, std::string(nameOf(type)) + " of at least " + std::to_string(least));
  }
  return value.As<Napi::TypedArrayOf<T>>();
}

template <typename T, typename From>
Napi::TypedArrayOf<T> arrayOf(Napi::Env env, const From& from) {
  Napi::TypedArrayOf<T> to = Napi::TypedArrayOf<T>::New(env, from.size());
  std::copy(from.begin(), from.end(), to.Data());
  return to;
}

KeyCountsPlan planOf(const Arguments& all, const Arguments& dimension) {
  KeyCountsPlan plan{};
  plan.words = static_cast<uint32_t>(dimension.number("words", 1, kKeyWordsMax));
  plan.keysMax = static_cast<uint32_t>(all.number("keysMax", 1, kKeysMax));
  plan.placesMax = static_cast<uint32_t>(all.number("placesMax", 1, kPlacesMax));
  plan.places = static_cast<uint32_t>(all.number("places", 1, plan.placesMax));
  const Napi::Int32Array multipliers = columnAt<int32_t>(dimension, "multipliers", plan.words + 1);
  std::copy_n(multipliers.Data(), plan.words + 1, plan.multipliers.begin());
  plan.seed = static_cast<uint32_t>(dimension.number("seed", 0, kWordMax));
  return plan;
}

}  // namespace

Napi::Function RowCountsObject::define(Napi::Env env) {
  return DefineClass(
      env, "NativeRowCounts",
      {InstanceMethod<&RowCountsObject::addRows>("addRows"), InstanceMethod<&RowCountsObject::take>("take"),
       InstanceMethod<&RowCountsObject::addTaken>("addTaken"), InstanceMethod<&RowCountsObject::forgetAbsent>("forgetAbsent"),
       InstanceMethod<&RowCountsObject::widen>("widen"), InstanceMethod<&RowCountsObject::clear>("clear")});
}

RowCountsObject::RowCountsObject(const Napi::CallbackInfo& info) : Napi::ObjectWrap<RowCountsObject>(info) {
  guarded(info, [&] {
    info.This().As<Napi::Object>().TypeTag(&kRowCountsTag);
    const Arguments options(info[0], "");
    const std::vector<Arguments> dimensions = options.objects("dimensions", kDimensionsMax);
    const auto keep = [&](const auto& column) {
      columns_.push_back(Napi::Persistent(column.template As<Napi::Object>()));
      return column.Data();
    };
    if (options.has("rows")) {
      const Arguments rows = options.object("rows");
      const Napi::Uint8Array flags = columnAt<uint8_t>(rows, "flags", 1);
      const Napi::Int32Array places = columnAt<int32_t>(rows, "places", 1);
      const size_t count = std::min<size_t>(flags.ElementLength(), kRowsMax);
      const size_t shares = places.ElementLength();
      rows_ = {.flags = keep(flags),
               .weights = keep(columnAt<double>(rows, "weights", count)),
               .firstShare = keep(columnAt<int32_t>(rows, "firstShare", count + 1)),
               .places = keep(places),
               .figures = keep(columnAt<double>(rows, "figures", shares * kFiguresPerKey)),
               .sampled = keep(columnAt<double>(rows, "sampled", shares * kFiguresPerSample)),
               .rows = static_cast<uint32_t>(count),
               .shares = static_cast<uint32_t>(shares)};
    }
    for (const Arguments& dimension : dimensions) {
      const KeyCountsPlan plan = planOf(options, dimension);
      for (const Arguments& use : dimension.objects("columns", kDimensionsMax)) {
        const int32_t* keys = keep(columnAt<int32_t>(use, "keys", size_t{rows_.rows} * plan.words));
        const KeyColumn column = {reinterpret_cast<const uint32_t*>(keys), static_cast<uint8_t>(use.number("needs", 0, 255)),
                                  static_cast<uint8_t>(use.number("swaps", 0, 255))};
        uses_.push_back({static_cast<uint32_t>(plans_.size()), column});
      }
      plans_.push_back(plan);
      counts_.emplace_back(plan);
    }
    tellMemory();
  });
}

RowCountsObject::~RowCountsObject() { Napi::MemoryManagement::AdjustExternalMemory(Env(), -octetsTold_); }

// Who decides when to collect garbage must know what this object holds.
void RowCountsObject::tellMemory() {
  size_t octets = taken_.octetsOfMemory();
  for (const KeyCounts& counts : counts_) octets += counts.octets();
  const int64_t more = static_cast<int64_t>(octets) - octetsTold_;
  if (more == 0) return;
  Napi::MemoryManagement::AdjustExternalMemory(Env(), more);
  octetsTold_ += more;
}

uint64_t RowCountsObject::evictedKeys() const {
  uint64_t keys = 0;
  for (const KeyCounts& counts : counts_) keys += counts.evictedKeys();
  return keys;
}

KeyCounts& RowCountsObject::dimensionAt(const Napi::CallbackInfo& info, size_t index) {
  return counts_[wholeNumber(info, index, "dimension", 0, static_cast<double>(counts_.size()) - 1)];
}

// What addRows of src/flow/row_counts.ts promises: nothing is counted outside of what there is.
void RowCountsObject::checkRows(uint32_t count) const {
  if (count == 0) return;
  const auto inside = [&](int32_t share) { return share >= 0 && static_cast<uint32_t>(share) <= rows_.shares; };
  bool isGood = inside(rows_.firstShare[0]) && inside(rows_.firstShare[count]);
  for (uint32_t row = 0; row < count; row++) isGood &= rows_.firstShare[row] < rows_.firstShare[row + 1];
  if (!isGood) throw Failure("EINVAL", "rows.firstShare must rise with every row and stay within rows.places");
  const auto places = static_cast<int32_t>(counts_.empty() ? 0 : counts_[0].places());
  for (int32_t share = rows_.firstShare[0]; share < rows_.firstShare[count]; share++) {
    isGood &= rows_.places[share] >= 0 && rows_.places[share] < places;
  }
  if (!isGood) throw Failure("EINVAL", "rows.places must be below " + std::to_string(places));
}

Napi::Value RowCountsObject::addRows(const Napi::CallbackInfo& info) {
  return guarded(info, [&]() -> Napi::Value {
    const uint32_t count = wholeNumber(info, 0, "count", 0, rows_.rows);
    checkRows(count);
    const uint64_t before = evictedKeys();
    for (const Use& use : uses_) counts_[use.dimension].addRows(rows_, count, use.column);
    tellMemory();
    return Napi::Number::New(info.Env(), static_cast<double>(evictedKeys() - before));
  });
}

Napi::Value RowCountsObject::take(const Napi::CallbackInfo& info) {
  return guarded(info, [&]() -> Napi::Value {
    const Napi::Env env = info.Env();
    KeyCounts& counts = dimensionAt(info, 0);
    const double last = counts.places() - 1.0;
    const uint32_t place = wholeNumber(info, 1, "place", 0, last);
    const uint32_t to = info[2].IsNull() ? KeyCounts::kNone : wholeNumber(info, 2, "to", 0, last);
    if (to == place) throw Failure("EINVAL", "to must be another place");
    const uint32_t topK = wholeNumber(info, 3, "topK", 1, kTopMax);
    takenOf_ = wholeNumber(info, 0, "dimension", 0, kDimensionsMax);
    counts.take(place, to, taken_);
    const TopKeys top = topOf(taken_, topK);
    const uint32_t words = counts.words();
    const size_t tops = top.keys.size();
    Napi::Int32Array keys = Napi::Int32Array::New(env, tops * words);
    Napi::Float64Array figures = Napi::Float64Array::New(env, (tops + 1) * kFiguresPerKey);
    Napi::Float64Array sampled = Napi::Float64Array::New(env, (tops + 1) * kFiguresPerSample);
    for (size_t i = 0; i < tops; i++) {
      const size_t key = top.keys[i];
      std::copy_n(counts.table().key(taken_.slots[key]), words, keys.Data() + i * words);
      std::copy_n(&taken_.figures[key * kFiguresPerKey], kFiguresPerKey, figures.Data() + i * kFiguresPerKey);
      std::copy_n(&taken_.sampled[key * kFiguresPerSample], kFiguresPerSample, sampled.Data() + i * kFiguresPerSample);
    }
    std::copy(top.other.begin(), top.other.end(), figures.Data() + tops * kFiguresPerKey);
    std::copy(top.otherSampled.begin(), top.otherSampled.end(), sampled.Data() + tops * kFiguresPerSample);
    Napi::Object result = Napi::Object::New(env);
    result.Set("keys", keys);
    result.Set("figures", figures);
    result.Set("sampled", sampled);
    result.Set("count", Napi::Number::New(env, taken_.count));
    result.Set("evicted", Napi::Boolean::New(env, taken_.evicted));
    result.Set("ranks", arrayOf<uint8_t>(env, taken_.distinct.ranks()));
    tellMemory();
    return result;
  });
}

Napi::Value RowCountsObject::addTaken(const Napi::CallbackInfo& info) {
  return guarded(info, [&]() -> Napi::Value {
    if (!info[0].IsObject() || !info[0].As<Napi::Object>().CheckTypeTag(&kRowCountsTag)) {
      throw Failure("EINVAL", "from must be row counts");
    }
    const RowCountsObject& from = *Unwrap(info[0].As<Napi::Object>());
    if (&from == this || from.takenOf_ >= std::min(counts_.size(), from.counts_.size())) {
      throw Failure("EINVAL", "from must be other row counts that something was taken from");
    }
    KeyCounts& counts = counts_[from.takenOf_];
    const KeyCounts& source = from.counts_[from.takenOf_];
    if (counts.words() != source.words()) throw Failure("EINVAL", "from must have keys of the same words");
    const uint32_t place = wholeNumber(info, 1, "place", 0, counts.places() - 1.0);
    const uint64_t before = evictedKeys();
    counts.addTaken(source, from.taken_, place);
    tellMemory();
    return Napi::Number::New(info.Env(), static_cast<double>(evictedKeys() - before));
  });
}

void RowCountsObject::forgetAbsent(const Napi::CallbackInfo&) {
  for (KeyCounts& counts : counts_) counts.forgetAbsent();
  takenOf_ = KeyCounts::kNone;
}

void RowCountsObject::widen(const Napi::CallbackInfo& info) {
  guarded(info, [&] {
    for (KeyCountsPlan& plan : plans_) {
      const uint32_t places = wholeNumber(info, 0, "places", plan.places, plan.placesMax);
      counts_[static_cast<size_t>(&plan - plans_.data())].widen(places);
      plan.places = places;
    }
    tellMemory();
  });
}

void RowCountsObject::clear(const Napi::CallbackInfo& info) {
  guarded(info, [&] {
    takenOf_ = KeyCounts::kNone;
    taken_ = TakenKeys();
    counts_.clear();
    for (const KeyCountsPlan& plan : plans_) counts_.emplace_back(plan);
    tellMemory();
  });
}

}  // namespace flowspan
