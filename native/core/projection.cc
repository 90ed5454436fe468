// Rows to IPFIX data sets by compiled plans: the same octets as projectRows in src/flow/projection.ts, which is the
// reference. Copies are widened to whole vector moves where what they overwrite is written afterwards. Pure; a Projection
// may be run by any thread.
#include <stdexcept>

#include "byte_order.h"
#include "meter_core.h"

namespace flowspan {

namespace {

// stepKinds of the reference, and from kCopyWide on our own: a copy of at most that many octets done as one move.
enum StepKind : uint16_t {
  kCopy = 0, kTimeSeconds = 1, kTimeMilliseconds = 2, kTimeNtpMicroseconds = 3, kTimeNtpNanoseconds = 4, kZero = 5,
  kCopyWide8, kCopyWide16, kCopyWide32, kCopyWide64,
};
constexpr uint32_t kOverrunMax = 64;
constexpr uint32_t kSetHeaderOctets = 4;
constexpr uint64_t kNtpEpochOffsetS = 2'208'988'800ull;

template <size_t N>
inline void move(uint8_t* to, const uint8_t* from) {
  uint8_t held[N];
  std::memcpy(held, from, N);
  std::memcpy(to, held, N);
}

inline void writeTime(uint16_t kind, uint64_t ns, uint8_t* to) {
  switch (kind) {
    case kTimeSeconds: storeNetwork(to, static_cast<uint32_t>(ns / 1'000'000'000)); break;
    case kTimeMilliseconds: storeNetwork(to, ns / 1'000'000); break;
    default: {
      // RFC 7011 section 6.1.9: seconds since 1900 and a binary fraction; microseconds leave its lowest 11 bits zero.
      const uint64_t fraction = ((ns % 1'000'000'000) << 32) / 1'000'000'000;
      storeNetwork(to, static_cast<uint32_t>(ns / 1'000'000'000 + kNtpEpochOffsetS));
      storeNetwork(to + 4, static_cast<uint32_t>(kind == kTimeNtpMicroseconds ? fraction & ~0x7ffull : fraction));
    }
  }
}

// rowKindPlace of src/flow/row_kinds.ts; kRowKindCount for a family that nobody knows.
inline unsigned kindOf(const uint8_t* row) {
  const unsigned family = row[offsetof(Row, family)];
  constexpr auto kAggregate = static_cast<unsigned>(RowFamily::aggregate);
  if (family != kAggregate) return family < kAggregate ? family : kRowKindCount;
  const uint64_t present = load64(row + offsetof(Row, presence));
  const auto kind = (present & presence::kAddresses) != 0
                        ? (row[offsetof(Row, ipVersion)] == 6 ? RowKind::aggregateOfIpv6Pair : RowKind::aggregateOfIpv4Pair)
                    : (present & presence::kPorts) != 0     ? RowKind::aggregateOfService
                    : (present & presence::kProtocol) != 0  ? RowKind::aggregateOfProtocol
                    : (present & presence::kEtherType) != 0 ? RowKind::aggregateOfEtherType
                                                            : RowKind::aggregate;
  return static_cast<unsigned>(kind);
}

[[noreturn]] void refuse() { throw std::invalid_argument("projection table"); }

uint16_t widened(uint16_t octets, uint16_t source) {
  const auto fits = [&](unsigned wide) { return octets <= wide && source + wide <= kRowBytes; };
  return static_cast<uint16_t>(fits(8) ? kCopyWide8 : fits(16) ? kCopyWide16 : fits(32) ? kCopyWide32 : fits(64) ? kCopyWide64 : kCopy);
}

}  // namespace

Projection::Projection(const int32_t* words, size_t count) {
  size_t at = 0;
  const auto take = [&]() -> int32_t {
    if (at >= count) refuse();
    return words[at++];
  };
  const auto takeBelow = [&](int32_t limit) -> uint16_t {
    const int32_t value = take();
    if (value < 0 || value >= limit) refuse();
    return static_cast<uint16_t>(value);
  };
  for (auto& plans : byClass_) {
    const int32_t number = take();
    if (number < 0 || number > 2) refuse();
    for (int32_t i = 0; i < 2; i++) {
      const int32_t plan = take();
      if (plan < -1 || plan > 127 || (i < number && plan < 0)) refuse();
      plans[static_cast<size_t>(i)] = static_cast<int8_t>(i < number ? plan : -1);
    }
  }
  const uint16_t planCount = takeBelow(128);
  for (uint16_t p = 0; p < planCount; p++) {
    Plan plan{takeBelow(65536), takeBelow(65536), {}};
    const uint16_t stepCount = takeBelow(4096);
    bool inOrder = true;
    uint32_t next = 0;
    for (uint16_t s = 0; s < stepCount; s++) {
      const Step step{takeBelow(kZero + 1), takeBelow(kRowBytes), takeBelow(65536), takeBelow(65536)};
      const bool time = step.kind >= kTimeSeconds && step.kind <= kTimeNtpNanoseconds;
      if (step.target + step.octets > plan.recordOctets) refuse();
      if (step.kind != kZero && step.source + (time ? 8u : step.octets) > kRowBytes) refuse();
      if (time && step.octets != (step.kind == kTimeSeconds ? 4 : 8)) refuse();
      inOrder = inOrder && step.target == next;
      next = step.target + uint32_t{step.octets};
      plan.steps.push_back(step);
    }
    // An overrun is repaired by the next step only when steps follow each other without gaps.
    if (inOrder && next == plan.recordOctets) {
      for (Step& step : plan.steps) {
        if (step.kind == kCopy) step.kind = widened(step.octets, step.source);
      }
    }
    plans_.push_back(std::move(plan));
  }
  for (const auto& plans : byClass_) {
    for (const int8_t plan : plans) {
      if (plan >= planCount) refuse();
    }
  }
}

Projection::Result Projection::run(const uint8_t* rows, uint32_t count, uint8_t* out, uint32_t limit, int64_t wallOffsetNs) const {
  Result result;
  uint32_t at = 0;
  uint8_t* set = nullptr;
  int setTemplate = -1;
  const auto closeSet = [&] {
    if (set != nullptr) storeNetwork(set + 2, static_cast<uint16_t>(out + at - set));
  };
  for (; result.rows < count; result.rows++) {
    const uint8_t* row = rows + size_t{result.rows} * kRowBytes;
    const unsigned kind = kindOf(row);
    const unsigned twoWay = row[7] & 1u;  // presence bit 0, in network order
    const bool known = kind < kRowKindCount;
    const auto& chosen = byClass_[known ? kind * 2 + twoWay : 0];
    uint32_t needed = 0;
    int following = setTemplate;
    for (const int8_t p : chosen) {
      if (p < 0 || !known) break;
      const Plan& plan = plans_[static_cast<size_t>(p)];
      needed += plan.recordOctets + (plan.templateId == following ? 0 : kSetHeaderOctets);
      following = plan.templateId;
    }
    if (uint64_t{at} + needed > limit) break;
    const bool wide = uint64_t{at} + needed + kOverrunMax <= limit;
    for (const int8_t p : chosen) {
      if (p < 0 || !known) break;
      const Plan& plan = plans_[static_cast<size_t>(p)];
      if (plan.templateId != setTemplate) {
        closeSet();
        set = out + at;
        setTemplate = plan.templateId;
        storeNetwork(set, plan.templateId);
        at += kSetHeaderOctets;
      }
      uint8_t* record = out + at;
      for (const Step& step : plan.steps) {
        uint8_t* to = record + step.target;
        const uint8_t* from = row + step.source;
        switch (wide || step.kind <= kZero ? step.kind : static_cast<uint16_t>(kCopy)) {
          case kCopyWide8: move<8>(to, from); break;
          case kCopyWide16: move<16>(to, from); break;
          case kCopyWide32: move<32>(to, from); break;
          case kCopyWide64: move<64>(to, from); break;
          case kCopy: std::memcpy(to, from, step.octets); break;
          case kZero: std::memset(to, 0, step.octets); break;
          default: writeTime(step.kind, load64(from) + static_cast<uint64_t>(wallOffsetNs), to);
        }
      }
      at += plan.recordOctets;
      result.records++;
    }
  }
  closeSet();
  result.octets = at;
  return result;
}

}  // namespace flowspan
