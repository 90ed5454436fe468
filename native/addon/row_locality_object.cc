#include "row_locality_object.h"

#include <span>
#include <string>

#include "seam.h"

namespace flowspan {

namespace {

template <typename Address>
std::span<const uint32_t> rangesAt(const Arguments& from, const char* key) {
  const Napi::TypedArrayOf<uint32_t> array = arrayAt<uint32_t>(from, key, 0);
  const std::span<const uint32_t> words(array.Data(), array.ElementLength());
  if (!AddressRanges<Address>::isOrdered(words)) {
    from.refuse(key, "first and last address of each range, " + std::to_string(Address::kWords) + " words each, in ascending order, none within another");
  }
  return words;
}

}  // namespace

Napi::Function RowLocalityObject::define(Napi::Env env) {
  return DefineClass(env, "NativeRowLocality", {InstanceMethod<&RowLocalityObject::mark>("mark")});
}

RowLocalityObject::RowLocalityObject(const Napi::CallbackInfo& info) : Napi::ObjectWrap<RowLocalityObject>(info) {
  guarded(info, [&] {
    const Arguments inside(info[0], "");
    const std::span<const uint32_t> v4 = rangesAt<Ipv4Address>(inside, "v4");
    locality_ = std::make_unique<RowLocality>(v4, rangesAt<Ipv6Address>(inside, "v6"));
  });
}

Napi::Value RowLocalityObject::mark(const Napi::CallbackInfo& info) {
  return guarded(info, [&]() -> Napi::Value {
    const auto [rows, count] = rowsAt(info, 0);
    return Napi::Boolean::New(info.Env(), locality_->mark(rows, count));
  });
}

}  // namespace flowspan
