// Which port of a flow names its application: the server's. Where the initiator is known (RFC 5103 biflowDirection) the server is the
// other end; else the port that has a name, else the lower one. The same as src/flow/service_port.ts, which has the names. Not changed once
// rows are read.
#pragma once

#include <algorithm>
#include <array>
#include <bitset>
#include <cstdint>
#include <memory>

namespace flowspan {

inline constexpr uint8_t kInitiator = 1, kReverseInitiator = 2;

class ServicePorts {
 public:
  static constexpr size_t kPorts = 65536;

  // `bits`: kPorts / 8 octets, the lowest bit of the first is port 0.
  void name(uint8_t protocol, const uint8_t* bits) {
    auto known = std::make_unique<Bits>();
    std::copy_n(bits, known->size(), known->begin());
    known_[protocol] = std::move(known);
  }

  uint16_t portOf(uint8_t protocol, uint16_t source, uint16_t destination, uint8_t biflowDirection) const {
    if (biflowDirection == kInitiator) return destination;
    if (biflowDirection == kReverseInitiator) return source;
    const Bits* known = known_[protocol].get();
    const bool sourceKnown = known != nullptr && isIn(*known, source);
    const bool destinationKnown = known != nullptr && isIn(*known, destination);
    if (sourceKnown != destinationKnown) return sourceKnown ? source : destination;
    return std::min(source, destination);
  }
  // Which end that port belongs to; where both have it, the destination's: it was addressed.
  static bool serverIsDestination(uint16_t port, uint16_t destination, uint8_t biflowDirection) {
    if (biflowDirection == kInitiator) return true;
    if (biflowDirection == kReverseInitiator) return false;
    return port == destination;
  }

 private:
  using Bits = std::array<uint8_t, kPorts / 8>;
  static bool isIn(const Bits& bits, uint16_t port) { return (bits[port / 8] >> (port % 8) & 1) != 0; }

  std::array<std::unique_ptr<Bits>, 256> known_;
};

}  // namespace flowspan
