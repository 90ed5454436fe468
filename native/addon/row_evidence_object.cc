#include "row_evidence_object.h"

#include <algorithm>
#include <string>
#include <vector>

#include "seam.h"

namespace flowspan {

namespace {

constexpr double kWindowMsMax = 86'400'000;

double momentAt(const Napi::CallbackInfo& info, size_t index) {
  if (!info[index].IsNumber()) throw Failure("EINVAL", "nowMs must be a number");
  return info[index].As<Napi::Number>().DoubleValue();
}

}  // namespace

Napi::Function RowEvidenceObject::define(Napi::Env env) {
  return DefineClass(env, "NativeRowEvidence",
                     {InstanceMethod<&RowEvidenceObject::add>("add"), InstanceMethod<&RowEvidenceObject::subnets>("subnets")});
}

RowEvidenceObject::RowEvidenceObject(const Napi::CallbackInfo& info) : Napi::ObjectWrap<RowEvidenceObject>(info) {
  guarded(info, [&] {
    const Arguments options(info[0], "");
    const double windowMs = options.number("windowMs", 1, kWindowMsMax);
    const uint64_t seed = options.unsignedBig("seed");
    const std::vector<std::string> kinds = options.texts("kinds");
    Napi::Float64Array sums = arrayAt<double>(options, "sums", kinds.size());
    for (size_t kind = 0; kind < kEvidenceNames.size(); kind++) {
      const auto found = std::find(kinds.begin(), kinds.end(), kEvidenceNames[kind]);
      if (found == kinds.end()) options.refuse("kinds", std::string("a list with ") + kEvidenceNames[kind]);
      sums_[kind] = sums.Data() + (found - kinds.begin());
    }
    array_ = Napi::Persistent(sums.As<Napi::Object>());
    evidence_ = std::make_unique<RowEvidence>(windowMs, seed);
  });
}

Napi::Value RowEvidenceObject::add(const Napi::CallbackInfo& info) {
  return guarded(info, [&]() -> Napi::Value {
    const auto [rows, count] = rowsAt(info, 0);
    const bool isAnswered = evidence_->add(rows, count, momentAt(info, 3));
    const RowEvidence::Sums sums = evidence_->take();
    for (size_t kind = 0; kind < sums.size(); kind++) {
      double& to = *sums_[kind];
      if (static_cast<EvidenceKind>(kind) == EvidenceKind::longestTcpOctets) to = std::max(to, sums[kind]);
      else to += sums[kind];
    }
    return Napi::Boolean::New(info.Env(), isAnswered);
  });
}

Napi::Value RowEvidenceObject::subnets(const Napi::CallbackInfo& info) {
  return guarded(info, [&]() -> Napi::Value { return Napi::Number::New(info.Env(), evidence_->subnets(momentAt(info, 0))); });
}

}  // namespace flowspan
