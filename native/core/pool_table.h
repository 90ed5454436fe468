// Which pool a flow key belongs to, compiled: every property looked up gives a bit for each pool that it satisfies, and the
// lowest bit of their conjunction is the first pool that matches. A few loads for ports, VLANs and protocol, and a search
// without branches over the address ranges in use. Fixed size; compiling takes no memory. Owner: the core's thread.
#pragma once

#include <array>
#include <bit>
#include <cstdint>

#include "byte_order.h"
#include "decoder.h"
#include "flow_key.h"
#include "sampling_plan.h"

namespace flowspan {

// Bits by address: the space cut at every end of a prefix, with the bits of each piece.
template <typename Address>
class AddressRanges {
 public:
  static constexpr unsigned kCutsMax = 2 * kPoolsMax * kPoolPrefixesMax + 1;

  uint8_t bitsOf(Address address) const {
    unsigned at = 0;
    for (unsigned left = count_; left > 1;) {
      const unsigned half = left / 2;
      at += start_[at + half] <= address ? half : 0;
      left -= half;
    }
    return bits_[at];
  }

  // `bits` of those pools that take every address.
  void compile(const SamplingPlan& plan, uint8_t bits);

 private:
  std::array<Address, kCutsMax> start_{};
  std::array<uint8_t, kCutsMax> bits_{};
  unsigned count_ = 1;
};

class PoolTable {
 public:
  void compile(const SamplingPlan& plan);

  // kPoolsMax when no pool matches.
  unsigned poolOf(const FlowKey& key) const {
    const unsigned kind = key.kind & kKindMask;
    unsigned bits = anyProtocol_ & anyAddress_ & anyPort_;
    if (kind != kKindEthernet) {
      const bool ports = hasPorts(key.protocol);
      const unsigned port0 = ports ? byPort_[key.port[0]] : anyPort_, port1 = ports ? byPort_[key.port[1]] : anyPort_;
      const unsigned address0 = kind == kKindIpv4 ? ranges4_.bitsOf(load32(key.address[0])) : ranges6_.bitsOf(wide(key.address[0]));
      const unsigned address1 = kind == kKindIpv4 ? ranges4_.bitsOf(load32(key.address[1])) : ranges6_.bitsOf(wide(key.address[1]));
      bits = byProtocol_[key.protocol] & ((address0 & port0) | (address1 & port1));
    }
    unsigned vlan = byVlan_[key.vlan & 0x0fff];
    if (key.customerVlan != 0) [[unlikely]] vlan |= byVlan_[key.customerVlan & 0x0fff];
    return static_cast<unsigned>(std::countr_zero((bits & vlan) | 1u << kPoolsMax));
  }

 private:
  using Wide = unsigned __int128;
  static Wide wide(const uint8_t* address) { return Wide{load64(address)} << 64 | load64(address + 8); }

  uint8_t anyProtocol_ = 0, anyAddress_ = 0, anyPort_ = 0;
  std::array<uint8_t, 256> byProtocol_{};
  std::array<uint8_t, 4096> byVlan_{};
  AddressRanges<uint32_t> ranges4_;
  AddressRanges<Wide> ranges6_;
  std::array<uint8_t, 65536> byPort_{};
};

}  // namespace flowspan
