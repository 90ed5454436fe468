#include "observer.h"

#include <algorithm>
#include <cstring>

#include "byte_order.h"
#include "decoder.h"

namespace flowspan {

namespace {

constexpr uint16_t kDnsPort = 53, kDhcpServerPort = 67, kDhcpClientPort = 68, kMdnsPort = 5353;
constexpr uint64_t kBurstNs = 1'000'000'000;
// Record header 5, handshake header 4, version 2, random 32, empty session identifier 1, one cipher suite 4, compression 2,
// extensions 2, server_name of one character 10.
constexpr uint32_t kHelloOctetsMin = 62;
constexpr uint32_t kRecordHeadOctets = 5;
// With shares of every kind and a ticket hellos have some 2,500: what goes on beyond is none.
constexpr uint32_t kHelloOctetsMax = 4096;
constexpr uint32_t kDnsHeaderOctets = 12;
constexpr uint32_t kDhcpFixedOctets = 240;

// The transport header of a packet that took the short way of decoding, which remembers none: Ethernet with one tag at most.
const uint8_t* commonTransport(const PacketView& view, uint32_t& left) {
  Cursor cursor{view.data, view.data + view.captured, view.wire};
  if (!cursor.has(14)) return nullptr;
  uint16_t type = load16(view.data + 12);
  cursor.skip(14);
  if (type == kEtherTypeVlan && cursor.has(4)) {
    type = load16(cursor.at + 2);
    cursor.skip(4);
  }
  const bool four = type == kEtherTypeIpv4;
  const size_t header = four ? 20 : 40;
  if ((!four && type != kEtherTypeIpv6) || !cursor.has(header)) return nullptr;
  const size_t total = four ? load16(cursor.at + 2) : load16(cursor.at + 4) + size_t{40};
  if (total < header) return nullptr;
  left = static_cast<uint32_t>(std::min(cursor.left(), total) - header);
  return cursor.at + header;
}

}  // namespace

void Observer::configure(const ObservationPlan& plan) {
  kinds_ = sink_ == nullptr ? 0 : plan.kinds;
  helloOctetsMin_ = wants(ObservationKind::tls) ? kHelloOctetsMin : kNeverHello;
  restOctetsMin_ = wants(ObservationKind::tls) ? 1 : kNeverHello;
  const auto bit = [&](ObservationKind kind, uint32_t port) { return wants(kind) ? 1u << (port - kFirstPort) : 0u; };
  portBits_ = bit(ObservationKind::dns, kDnsPort) | bit(ObservationKind::dhcp, kDhcpServerPort) | bit(ObservationKind::dhcp, kDhcpClientPort);
  mdnsPort_ = wants(ObservationKind::mdns) ? kMdnsPort : kNoPort;
  observedProtocol_ = portBits_ != 0 || mdnsPort_ != kNoPort ? uint32_t{kUdp} : kNoProtocol;
  intervalNs_ = kBurstNs / std::max(plan.perSecond, 1u);
}

bool Observer::lookAtHello(const DecodedPacket& packet, std::span<const PacketView> views, uint32_t streamOffset) {
  const Payload payload = payloadOf(packet, views);
  if (payload.at == nullptr || !wants(ObservationKind::tls) || streamOffset >= kHelloOctetsMax) return false;
  if (streamOffset != 0) {
    const bool taken = take(ObservationKind::tls, packet, payload, streamOffset);
    // RFC 9293 3.9.1: what the sender wrote at once ends with a push.
    return taken && (packet.tcpBits() & kTcpPsh) == 0 && streamOffset + payload.whole < kHelloOctetsMax;
  }
  // RFC 8446 5.1 and 4: a record of type handshake (22), version 3.x, whose first message is a ClientHello (1).
  const uint8_t* at = payload.at;
  if (payload.octets < kHelloOctetsMin || at[0] != 22 || at[1] != 3 || at[5] != 1) return false;
  return take(ObservationKind::tls, packet, payload) && kRecordHeadOctets + load16(at + 3) > payload.whole;
}

void Observer::lookAtDatagram(const DecodedPacket& packet, std::span<const PacketView> views) {
  const uint16_t from = packet.key.port[packet.side], to = packet.key.port[packet.side ^ 1];
  const auto isDhcp = [](uint16_t port) { return port == kDhcpServerPort || port == kDhcpClientPort; };
  ObservationKind kind = ObservationKind::dhcp;
  if (from == kDnsPort) kind = ObservationKind::dns;
  else if (from == kMdnsPort) kind = ObservationKind::mdns;
  else if (!isDhcp(from) || !isDhcp(to)) return;
  if (!wants(kind)) return;
  const Payload payload = payloadOf(packet, views);
  if (kind == ObservationKind::dhcp) {
    if (payload.octets >= kDhcpFixedOctets) take(kind, packet, payload);
  } else if (payload.octets >= kDnsHeaderOctets && payload.at[2] >= 0x80) {
    take(kind, packet, payload);  // RFC 1035 4.1.1: the top bit of the flags says that it is an answer
  }
}

// Without a place where there is none to look at.
Observer::Payload Observer::payloadOf(const DecodedPacket& packet, std::span<const PacketView> views) const {
  if (kinds_ == 0 || (packet.flags & (kFragment | kFirstFragment)) == kFragment) return {};
  const uint8_t* transport = nullptr;
  uint32_t left = 0;
  if ((packet.flags & kTransportAt) != 0) {
    transport = packet.quoted;
    left = packet.quotedOctets;
  } else {
    const auto view = std::ranges::find(views, packet.frameMacs, &PacketView::data);
    if (packet.frameMacs == nullptr || view == views.end()) return {};
    transport = commonTransport(*view, left);
  }
  if (transport == nullptr || left < 8) return {};
  if (packet.key.protocol == kUdp) {
    const uint32_t claimed = load16(transport + 4);
    if (claimed < 8) return {};
    return {transport + 8, std::min(left, claimed) - 8, claimed - 8};
  }
  const uint32_t header = (packet.control >> 28) * 4;
  if (header < 20 || left < header) return {};
  return {transport + header, std::min(left - header, packet.payloadOctets), packet.payloadOctets};
}

// As many as a second allows may come at once. Time that stepped back begins anew.
bool Observer::isWithinRate(ObservationKind kind, uint64_t ns) {
  uint64_t& next = nextNs_[static_cast<unsigned>(kind)];
  if (next < ns || next > ns + 2 * kBurstNs) next = ns;
  if (next > ns + kBurstNs - intervalNs_) return false;
  next += intervalNs_;
  return true;
}

bool Observer::take(ObservationKind kind, const DecodedPacket& packet, const Payload& payload, uint32_t streamOffset) {
  const auto counter = [&](MeterCounter c) -> uint64_t& { return counters_[static_cast<unsigned>(c)]; };
  if (!isWithinRate(kind, packet.ns)) {
    counter(MeterCounter::observationsOverRate)++;
    return false;
  }
  Observation* to = sink_->next();
  if (to == nullptr) {
    counter(MeterCounter::observationsQueueFull)++;
    return false;
  }
  const FlowKey& key = packet.key;
  to->octets = static_cast<uint16_t>(std::min(payload.octets, Observation::kPayloadMax));
  to->kind = kind;
  to->ipVersion = (key.kind & kKindMask) == kKindIpv4 ? 4 : 6;
  to->wholeOctets = payload.whole;
  to->ns = packet.ns;
  std::memcpy(to->source, key.address[packet.side], 16);
  std::memcpy(to->destination, key.address[packet.side ^ 1], 16);
  to->sourcePort = key.port[packet.side];
  to->destinationPort = key.port[packet.side ^ 1];
  to->vlan = key.vlan;
  std::memset(to->sourceMac, 0, sizeof to->sourceMac);
  if (packet.frameMacs != nullptr) std::memcpy(to->sourceMac, packet.frameMacs + 6, 6);
  to->streamOffset = streamOffset;
  std::memcpy(to->payload, payload.at, to->octets);
  sink_->commit();
  static_assert(static_cast<unsigned>(MeterCounter::observedTls) - static_cast<unsigned>(MeterCounter::observedDns) == kObservationKindCount - 1);
  counters_[static_cast<unsigned>(MeterCounter::observedDns) + static_cast<unsigned>(kind)]++;
  return true;
}

}  // namespace flowspan
