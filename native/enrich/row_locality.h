// Writes into rows, where they lie, which of their ends are inside the site (networkLocality) and which way that makes them go
// (flowDirection, IANA element 61). Immutable; any thread.
#pragma once

#include <cstdint>
#include <span>

#include "address_ranges.h"

namespace flowspan {

class RowLocality {
 public:
  // What is inside: ranges as AddressRanges takes them.
  RowLocality(std::span<const uint32_t> v4, std::span<const uint32_t> v6) : v4_(v4), v6_(v6) {}

  // Rows without addresses stay as they are. Returns whether any row tells of sampled packets.
  bool mark(uint8_t* rows, uint32_t count) const;

 private:
  bool isInside(const uint8_t* address, bool isV6) const {
    return isV6 ? v6_.have(Ipv6Address::at(address)) : v4_.have(Ipv4Address::at(address));
  }

  AddressRanges<Ipv4Address> v4_;
  AddressRanges<Ipv6Address> v6_;
};

}  // namespace flowspan
