// Picks the packets that name hosts and copies their first octets to an ObservationSink. The short way of the update
// (quick_update.h) is not asked: flows of watched ports are never settled, so their datagrams come the general way by themselves;
// and a ClientHello is longer than what its sender sent before, so it is met where a range is widened anyway. One that its segment cuts
// keeps the connection from being settled until the rest has come, or the peer answers.
// Limits: `perSecond` of each kind, a second's worth at once; Observation::kPayloadMax octets. Not looked into: QUIC, DNS over
// TCP, a rest that overtakes its beginning. Owner: the core's thread.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "decoded_packet.h"
#include "meter_core.h"
#include "observation.h"

namespace flowspan {

class Observer {
 public:
  Observer(ObservationSink* sink, CounterArray& counters) : sink_(sink), counters_(counters) {}

  void configure(const ObservationPlan& plan);

  // Whether every datagram of this flow is looked at.
  bool watches(const FlowKey& key) const {
    return key.protocol == observedProtocol_ && (isWatched(key.port[0]) | isWatched(key.port[1])) != 0;
  }
  // Whether a segment may be a ClientHello: the shortest with a server name is longer.
  bool mayBeHello(const DecodedPacket& packet) const { return packet.payloadOctets >= helloOctetsMin_; }
  // Or the rest of one.
  bool mayBeOfHello(const DecodedPacket& packet) const { return packet.payloadOctets >= restOctetsMin_; }
  // Looks at a datagram of a watched flow. `views`: the frames of the batch.
  void lookAtDatagram(const DecodedPacket& packet, std::span<const PacketView> views);
  // Looks at a segment that may be a hello (`streamOffset` 0) or the rest of one. True when more of it is to come.
  bool lookAtHello(const DecodedPacket& packet, std::span<const PacketView> views, uint32_t streamOffset);

 private:
  struct Payload {
    const uint8_t* at;
    uint32_t octets;  // captured
    uint32_t whole;
  };

  uint32_t isWatched(uint32_t port) const {
    const uint32_t place = port - kFirstPort;
    return (place <= kLastPort - kFirstPort ? portBits_ >> place & 1 : 0u) | (port == mdnsPort_);
  }
  bool wants(ObservationKind kind) const { return (kinds_ >> static_cast<unsigned>(kind) & 1) != 0; }
  Payload payloadOf(const DecodedPacket& packet, std::span<const PacketView> views) const;
  bool isWithinRate(ObservationKind kind, uint64_t ns);
  // False when it was left out.
  bool take(ObservationKind kind, const DecodedPacket& packet, const Payload& payload, uint32_t streamOffset = 0);

  static constexpr uint32_t kNeverHello = ~0u;
  static constexpr uint32_t kFirstPort = 53, kLastPort = 68;
  static constexpr uint32_t kNoPort = 1u << 16;
  static constexpr uint32_t kNoProtocol = 1u << 8;

  ObservationSink* const sink_;
  CounterArray& counters_;
  uint32_t kinds_ = 0;
  uint32_t helloOctetsMin_ = kNeverHello;
  uint32_t restOctetsMin_ = kNeverHello;
  uint32_t portBits_ = 0;  // of the ports from 53 (DNS) to 68 (DHCP)
  uint32_t mdnsPort_ = kNoPort;
  uint32_t observedProtocol_ = kNoProtocol;
  uint64_t intervalNs_ = 0;
  std::array<uint64_t, kObservationKindCount> nextNs_{};  // when the next would be in time, if they came evenly
};

}  // namespace flowspan
