// See pool_table.h.
#include "pool_table.h"

#include <algorithm>

namespace flowspan {

namespace {

using Wide = unsigned __int128;

template <typename Address>
Address addressOf(const AddressPrefix& prefix) {
  Address value = 0;
  for (unsigned i = 0; i < sizeof(Address); i++) value = value << 8 | prefix.address[i];
  return value;
}

// First and last address; host bits of the prefix do not matter.
template <typename Address>
struct Range {
  explicit Range(const AddressPrefix& prefix) {
    constexpr unsigned kBits = sizeof(Address) * 8;
    const unsigned bits = std::min<unsigned>(prefix.bits, kBits);
    const Address host = bits == 0 ? ~Address{0} : bits == kBits ? Address{0} : ~Address{0} >> bits;
    first = addressOf<Address>(prefix) & ~host;
    last = first | host;
  }
  Address first, last;
};

uint8_t bitOf(unsigned pool) { return static_cast<uint8_t>(1u << pool); }

}  // namespace

template <typename Address>
void AddressRanges<Address>::compile(const SamplingPlan& plan, uint8_t bits) {
  constexpr bool kSix = sizeof(Address) == 16;
  const auto each = [&](auto visit) {
    for (unsigned pool = 0; pool < std::min<size_t>(plan.pools.size(), kPoolsMax); pool++) {
      const auto& prefixes = plan.pools[pool].match.prefixes;
      for (unsigned i = 0; i < std::min<size_t>(prefixes.size(), kPoolPrefixesMax); i++) {
        if (prefixes[i].six == kSix) visit(pool, Range<Address>(prefixes[i]));
      }
    }
  };
  start_[0] = 0;
  count_ = 1;
  each([&](unsigned, const Range<Address>& range) {
    start_[count_++] = range.first;
    if (range.last != ~Address{0}) start_[count_++] = range.last + 1;
  });
  std::sort(start_.begin(), start_.begin() + count_);
  count_ = static_cast<unsigned>(std::unique(start_.begin(), start_.begin() + count_) - start_.begin());
  std::fill_n(bits_.begin(), count_, bits);
  each([&](unsigned pool, const Range<Address>& range) {
    for (unsigned i = 0; i < count_; i++) {
      if (start_[i] >= range.first && start_[i] <= range.last) bits_[i] |= bitOf(pool);
    }
  });
}

void PoolTable::compile(const SamplingPlan& plan) {
  uint8_t anyVlan = 0;
  anyProtocol_ = anyAddress_ = anyPort_ = 0;
  const auto count = static_cast<unsigned>(std::min<size_t>(plan.pools.size(), kPoolsMax));
  for (unsigned pool = 0; pool < count; pool++) {
    const PoolMatch& match = plan.pools[pool].match;
    if (match.vlans.empty()) anyVlan |= bitOf(pool);
    if (match.prefixes.empty()) anyAddress_ |= bitOf(pool);
    if (match.protocols.empty()) anyProtocol_ |= bitOf(pool);
    if (match.ports.empty()) anyPort_ |= bitOf(pool);
  }
  byVlan_.fill(anyVlan);
  byProtocol_.fill(anyProtocol_);
  byPort_.fill(anyPort_);
  for (unsigned pool = 0; pool < count; pool++) {
    const PoolMatch& match = plan.pools[pool].match;
    for (const uint16_t vlan : match.vlans) byVlan_[vlan & 0x0fff] |= bitOf(pool);
    for (const uint8_t protocol : match.protocols) byProtocol_[protocol] |= bitOf(pool);
    for (const PortRange& range : match.ports) {
      for (unsigned port = range.first; port <= range.last; port++) byPort_[port] |= bitOf(pool);
    }
  }
  ranges4_.compile(plan, anyAddress_);
  ranges6_.compile(plan, anyAddress_);
}

}  // namespace flowspan
