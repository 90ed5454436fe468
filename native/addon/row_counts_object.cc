#include "row_counts_object.h"

#include <algorithm>
#include <string>

#include "seam.h"

namespace flowspan {

namespace {

constexpr napi_type_tag kRowCountsTag = {0x666c6f777370616e, 0x726f77636f756e74};
constexpr double kKeysMax = 1 << 24;
constexpr double kPlacesMax = 4'096;
constexpr double kTopMax = 1 << 20;
constexpr double kWindowMsMax = 86'400'000;
constexpr double kIntervalMax = 1 << 30;
constexpr double kWordMax = 4294967295.0;
constexpr double kExactMax = 9007199254740991.0;  // Number.MAX_SAFE_INTEGER
constexpr size_t kDimensionsMax = kKeyKindNames.size();
constexpr size_t kProtocolsMax = 256;
enum Outcome : uint32_t { kWindowsNeeded, kSelectorId, kLateRows, kEarlyRows, kEvictedKeys, kOutcomes };

template <typename T, typename From>
Napi::TypedArrayOf<T> arrayOf(Napi::Env env, const From& from) {
  Napi::TypedArrayOf<T> to = Napi::TypedArrayOf<T>::New(env, from.size());
  std::copy(from.begin(), from.end(), to.Data());
  return to;
}

// A whole number of either sign, as exact as numbers are.
int64_t exactNumber(const Napi::CallbackInfo& info, size_t index, const char* name) {
  const double number = info[index].IsNumber() ? info[index].As<Napi::Number>().DoubleValue() : 0.5;
  if (!(number >= -kExactMax && number <= kExactMax) || number != static_cast<double>(static_cast<int64_t>(number))) {
    throw Failure("EINVAL", std::string(name) + " must be a whole number");
  }
  return static_cast<int64_t>(number);
}

KeyKind kindAt(const Arguments& dimension) {
  const std::string name = dimension.text("name");
  const auto found = std::find(kKeyKindNames.begin(), kKeyKindNames.end(), name);
  if (found == kKeyKindNames.end()) dimension.refuse("name", "one of those that rows have keys of");
  return static_cast<KeyKind>(found - kKeyKindNames.begin());
}

KeyCountsPlan dimensionPlan(const Arguments& all, const Arguments& dimension, uint32_t words) {
  KeyCountsPlan plan{};
  plan.words = words;
  plan.keysMax = static_cast<uint32_t>(all.number("keysMax", 1, kKeysMax));
  plan.placesMax = static_cast<uint32_t>(all.number("placesMax", 1, kPlacesMax));
  plan.places = static_cast<uint32_t>(all.number("places", 1, plan.placesMax));
  const Napi::Int32Array multipliers = arrayAt<int32_t>(dimension, "multipliers", words + 1);
  std::copy_n(multipliers.Data(), words + 1, plan.multipliers.begin());
  plan.seed = static_cast<uint32_t>(dimension.number("seed", 0, kWordMax));
  return plan;
}

}  // namespace

Napi::Function RowCountsObject::define(Napi::Env env) {
  return DefineClass(
      env, "NativeRowCounts",
      {InstanceMethod<&RowCountsObject::add>("add"), InstanceMethod<&RowCountsObject::tellSelector>("tellSelector"),
       InstanceMethod<&RowCountsObject::take>("take"), InstanceMethod<&RowCountsObject::addTaken>("addTaken"),
       InstanceMethod<&RowCountsObject::forgetAbsent>("forgetAbsent"), InstanceMethod<&RowCountsObject::widen>("widen"),
       InstanceMethod<&RowCountsObject::clear>("clear")});
}

RowCountsObject::RowCountsObject(const Napi::CallbackInfo& info) : Napi::ObjectWrap<RowCountsObject>(info) {
  guarded(info, [&] {
    info.This().As<Napi::Object>().TypeTag(&kRowCountsTag);
    const Arguments options(info[0], "");
    for (const Arguments& dimension : options.objects("dimensions", kDimensionsMax)) {
      const KeyKind kind = kindAt(dimension);
      plan_.kinds.push_back(kind);
      plan_.dimensions.push_back(dimensionPlan(options, dimension, wordsOf(kind)));
    }
    if (plan_.dimensions.empty()) options.refuse("dimensions", "at least one");
    plan_.windowMs = static_cast<int64_t>(options.number("windowMs", 1, kWindowMsMax));
    plan_.hasSelectors = options.flag("hasSelectors");
    for (const Arguments& ports : options.objects("servicePorts", kProtocolsMax)) {
      const auto protocol = static_cast<uint8_t>(ports.number("protocol", 0, 255));
      const Napi::Uint8Array bits = arrayAt<uint8_t>(ports, "bits", ServicePorts::kPorts / 8);
      ports_.emplace_back(protocol, std::vector<uint8_t>(bits.Data(), bits.Data() + ServicePorts::kPorts / 8));
    }
    const auto keep = [&](auto array) {
      arrays_.push_back(Napi::Persistent(array.template As<Napi::Object>()));
      return array.Data();
    };
    const uint32_t placesMax = plan_.dimensions[0].placesMax;
    totals_ = reinterpret_cast<WindowTotal*>(keep(arrayAt<double>(options, "totals", size_t{placesMax} * kFiguresPerTotal)));
    windowPlaces_ = keep(arrayAt<int32_t>(options, "windowPlaces", placesMax));
    outcome_ = keep(arrayAt<int32_t>(options, "outcome", kOutcomes));
    makeCounts();
  });
}

RowCountsObject::~RowCountsObject() { Napi::MemoryManagement::AdjustExternalMemory(Env(), -octetsTold_); }

// With new tables, and before they hold anything.
void RowCountsObject::makeCounts() {
  takenOf_ = KeyCounts::kNone;
  taken_ = TakenKeys();
  counts_ = std::make_unique<RowCounts>(plan_);
  for (const auto& [protocol, bits] : ports_) counts_->servicePorts().name(protocol, bits.data());
  // Who decides when to collect garbage must know what would go with this object. That keys come is no reason to: a rollup lives as long as
  // the program, and V8, told of megabytes more within a second, would look through all it has again and again.
  const auto octets = static_cast<int64_t>(counts_->octets());
  Napi::MemoryManagement::AdjustExternalMemory(Env(), octets - octetsTold_);
  octetsTold_ = octets;
}

uint32_t RowCountsObject::dimensionAt(const Napi::CallbackInfo& info, size_t index) const {
  return wholeNumber(info, index, "dimension", 0, static_cast<double>(plan_.dimensions.size()) - 1);
}

Napi::Value RowCountsObject::add(const Napi::CallbackInfo& info) {
  return guarded(info, [&]() -> Napi::Value {
    const auto [rows, count] = rowsAt(info, 0);
    const int64_t offsetMs = exactNumber(info, 3, "offsetMs");
    const uint32_t placesMax = plan_.dimensions[0].placesMax;
    OpenWindows windows{exactNumber(info, 4, "oldest"), exactNumber(info, 5, "newest"), windowPlaces_, 0};
    if (windows.newest < windows.oldest || windows.newest - windows.oldest >= placesMax) {
      throw Failure("EINVAL", "newest must be oldest or less than " + std::to_string(placesMax) + " windows later");
    }
    windows.open = wholeNumber(info, 6, "open", 0, placesMax);
    const auto places = static_cast<int32_t>(counts_->places());
    if (!std::all_of(windowPlaces_, windowPlaces_ + windows.open, [&](int32_t place) { return place >= 0 && place < places; })) {
      throw Failure("EINVAL", "windowPlaces must be below " + std::to_string(places));
    }
    const uint64_t evictedBefore = counts_->evictedKeys();
    const RowsOutcome outcome = counts_->add(rows, count, offsetMs, windows, totals_);
    outcome_[kWindowsNeeded] = static_cast<int32_t>(outcome.windowsNeeded);
    outcome_[kSelectorId] = outcome.selectorId;
    outcome_[kLateRows] = static_cast<int32_t>(outcome.lateRows);
    outcome_[kEarlyRows] = static_cast<int32_t>(outcome.earlyRows);
    outcome_[kEvictedKeys] = static_cast<int32_t>(counts_->evictedKeys() - evictedBefore);
    return Napi::Boolean::New(info.Env(), outcome.isCounted);
  });
}

void RowCountsObject::tellSelector(const Napi::CallbackInfo& info) {
  guarded(info, [&] {
    if (!plan_.hasSelectors) throw Failure("EINVAL", "there are no selectors");
    const auto selectorId = static_cast<uint16_t>(wholeNumber(info, 0, "selectorId", 1, 65535));
    const double interval = wholeNumber(info, 1, "interval", 1, kIntervalMax);
    if (!info[2].IsBoolean() || !info[3].IsBoolean()) throw Failure("EINVAL", "ofFlows and isKnown must be true or false");
    counts_->tellSelector(selectorId, {interval, info[2].As<Napi::Boolean>()}, info[3].As<Napi::Boolean>());
  });
}

Napi::Value RowCountsObject::take(const Napi::CallbackInfo& info) {
  return guarded(info, [&]() -> Napi::Value {
    const Napi::Env env = info.Env();
    const uint32_t dimension = dimensionAt(info, 0);
    KeyCounts& counts = counts_->dimension(dimension);
    const double last = counts.places() - 1.0;
    const uint32_t place = wholeNumber(info, 1, "place", 0, last);
    const uint32_t to = info[2].IsNull() ? KeyCounts::kNone : wholeNumber(info, 2, "to", 0, last);
    if (to == place) throw Failure("EINVAL", "to must be another place");
    const uint32_t topK = wholeNumber(info, 3, "topK", 1, kTopMax);
    takenOf_ = dimension;
    counts.take(place, to, taken_);
    const TopKeys top = topOf(taken_, topK);
    const uint32_t words = counts.words();
    const size_t tops = top.keys.size();
    Napi::Int32Array keys = Napi::Int32Array::New(env, tops * words);
    Napi::Float64Array figures = Napi::Float64Array::New(env, (tops + 1) * kFiguresPerKey);
    Napi::Float64Array sampled = Napi::Float64Array::New(env, (tops + 1) * kFiguresPerSample);
    const auto put = [](const auto& from, Napi::Float64Array& into, size_t at) { std::copy(from.begin(), from.end(), into.Data() + at * from.size()); };
    for (size_t i = 0; i < tops; i++) {
      const size_t key = top.keys[i];
      std::copy_n(counts.table().key(taken_.slots[key]), words, keys.Data() + i * words);
      put(taken_.figures[key], figures, i);
      put(taken_.sampled[key], sampled, i);
    }
    put(top.other, figures, tops);
    put(top.otherSampled, sampled, tops);
    Napi::Object result = Napi::Object::New(env);
    result.Set("keys", keys);
    result.Set("figures", figures);
    result.Set("sampled", sampled);
    result.Set("count", Napi::Number::New(env, taken_.count));
    result.Set("evicted", Napi::Boolean::New(env, taken_.evicted));
    result.Set("ranks", arrayOf<uint8_t>(env, taken_.distinct.ranks()));
    return result;
  });
}

Napi::Value RowCountsObject::addTaken(const Napi::CallbackInfo& info) {
  return guarded(info, [&]() -> Napi::Value {
    if (!info[0].IsObject() || !info[0].As<Napi::Object>().CheckTypeTag(&kRowCountsTag)) {
      throw Failure("EINVAL", "from must be row counts");
    }
    const RowCountsObject& from = *Unwrap(info[0].As<Napi::Object>());
    const uint32_t dimension = from.takenOf_;
    if (&from == this || dimension >= std::min(plan_.dimensions.size(), from.plan_.dimensions.size())) {
      throw Failure("EINVAL", "from must be other row counts that something was taken from");
    }
    if (plan_.kinds[dimension] != from.plan_.kinds[dimension]) throw Failure("EINVAL", "from must count by the same keys");
    const uint32_t place = wholeNumber(info, 1, "place", 0, counts_->places() - 1.0);
    const uint64_t before = counts_->evictedKeys();
    counts_->dimension(dimension).addTaken(from.counts_->dimension(dimension), from.taken_, place);
    return Napi::Number::New(info.Env(), static_cast<double>(counts_->evictedKeys() - before));
  });
}

void RowCountsObject::forgetAbsent(const Napi::CallbackInfo&) {
  counts_->forgetAbsent();
  takenOf_ = KeyCounts::kNone;
}

void RowCountsObject::widen(const Napi::CallbackInfo& info) {
  guarded(info, [&] {
    const KeyCountsPlan& plan = plan_.dimensions[0];
    const uint32_t places = wholeNumber(info, 0, "places", plan.places, plan.placesMax);
    counts_->widen(places);
    for (KeyCountsPlan& dimension : plan_.dimensions) dimension.places = places;
  });
}

void RowCountsObject::clear(const Napi::CallbackInfo& info) {
  guarded(info, [&] { makeCounts(); });
}

}  // namespace flowspan
