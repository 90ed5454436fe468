// What an observation is: the first octets of a packet that names hosts (a DNS or mDNS answer, DHCP, a TLS ClientHello), with
// who sent it to whom. They go to whoever reads names out of them and are not kept. Host order, but for addresses.
#pragma once

#include <cstddef>
#include <cstdint>

#include "../generated/row_layout.h"

namespace flowspan {

struct Observation {
  // What an Ethernet frame carries above IPv4 and UDP: answers and hellos that are longer are cut.
  static constexpr uint32_t kPayloadMax = 1472;

  uint16_t octets;  // of `payload` that are there
  ObservationKind kind;
  uint8_t ipVersion;
  uint32_t wholeOctets;  // what the packet carried
  uint64_t ns;           // row clock
  uint8_t source[16];    // IPv4 in the first four octets
  uint8_t destination[16];
  uint16_t sourcePort;
  uint16_t destinationPort;
  uint16_t vlan;  // kTagPresent | VID of the outer tag, 0 without
  uint8_t sourceMac[6];  // zero where there is none
  uint32_t streamOffset;  // octets of the stream before it: 0 but for the rest of a hello
  uint8_t payload[kPayloadMax];
};
static_assert(offsetof(Observation, payload) == observation_head::kBytes && offsetof(Observation, octets) == observation_head::kOctets);
static_assert(offsetof(Observation, kind) == observation_head::kKind && offsetof(Observation, ipVersion) == observation_head::kIpVersion);
static_assert(offsetof(Observation, wholeOctets) == observation_head::kWholeOctets && offsetof(Observation, ns) == observation_head::kNs);
static_assert(offsetof(Observation, source) == observation_head::kSource && offsetof(Observation, destination) == observation_head::kDestination);
static_assert(offsetof(Observation, sourcePort) == observation_head::kSourcePort && offsetof(Observation, vlan) == observation_head::kVlan);
static_assert(offsetof(Observation, destinationPort) == observation_head::kDestinationPort);
static_assert(offsetof(Observation, sourceMac) == observation_head::kSourceMac);
static_assert(offsetof(Observation, streamOffset) == observation_head::kStreamOffset);

// Takes observations. Called by the core's thread; never waits.
class ObservationSink {
 public:
  virtual ~ObservationSink() = default;
  // A place for one; null when there is no room. Nothing is handed over before `commit`.
  virtual Observation* next() = 0;
  virtual void commit() = 0;
};

}  // namespace flowspan
