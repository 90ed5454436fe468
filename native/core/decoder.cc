// Order of layers, and the key that comes out of them. See decoder.h.
#include "decoder.h"

#include "decode_link.h"
#include "decode_transport.h"
// After the transport, which it ends in.
#include "decode_ip.h"
#include "decode_tunnel.h"

namespace flowspan {

FLOWSPAN_HOT bool Decoder::network(Cursor cursor, uint16_t etherType, DecodedPacket& packet, unsigned depth) {
  // Tags inside a tunnel are not the frame's; those of the frame stay.
  const bool keep = depth == 0;
  if (etherType != kEtherTypeIpv4 && etherType != kEtherTypeIpv6) {
    etherType = tags(cursor, packet, etherType, keep);
    if (etherType < 0x0600) etherType = logicalLink(cursor, packet);
    if (etherType == kEtherTypePppoe) etherType = pppoe(cursor, packet);
    if (etherType == kEtherTypeMpls || etherType == kEtherTypeMplsMulticast) etherType = mpls(cursor, packet, etherType, keep);
  }
  bool decoded = false;
  if (etherType == kEtherTypeIpv4) decoded = ipv4(cursor, packet, depth);
  else if (etherType == kEtherTypeIpv6) decoded = ipv6(cursor, packet, depth);
  if (!decoded && depth == 0) {
    ethernetKey(packet.frameMacs, etherType, packet);
    return true;
  }
  return decoded;
}

FLOWSPAN_COLD void Decoder::ethernetKey(const uint8_t* macs, uint16_t etherType, DecodedPacket& packet) {
  FlowKey& key = packet.key;
  std::memset(key.address, 0, sizeof key.address);
  key.kind = kKindEthernet;
  if (macs != nullptr) {
    std::memcpy(key.address[0], macs + 6, 6);
    std::memcpy(key.address[1], macs, 6);
  }
  // Frames of 802.2 without SNAP have no EtherType; their service access points keep flows apart (logicalLink).
  packet.flags &= static_cast<uint16_t>(~kHasIp);
  key.port[0] = etherType;
  key.port[1] = 0;
  if (etherType < 0x0600) {
    key.kind |= kKindWithoutEtherType;
    key.port[0] = 0;
    key.port[1] = packet.serviceAccessPoints;
  }
  key.protocol = 0;
}

void Decoder::adoptPorts(DecodedPacket& packet, const FragmentPorts& ports) {
  FlowKey& key = packet.key;
  if (packet.side != 0) {
    // Back to the order of sending, in which ports are remembered.
    uint8_t address[16];
    std::memcpy(address, key.address[0], 16);
    std::memcpy(key.address[0], key.address[1], 16);
    std::memcpy(key.address[1], address, 16);
  }
  key.port[0] = ports.port[0];
  key.port[1] = ports.port[1];
  key.protocol = ports.protocol;
  key.kind = static_cast<uint8_t>((key.kind & ~kKindTransportUnknown) | ports.kind);
  packet.flags = static_cast<uint16_t>((packet.flags & ~kAwaitsFirst) | ports.flags);
  finish(packet);
}

FLOWSPAN_HOT void Decoder::finish(DecodedPacket& packet) const {
  FlowKey& key = packet.key;
  if (packet.frameMacs == nullptr) key.kind |= kKindWithoutMac;
  uint64_t a[2], b[2];
  std::memcpy(a, key.address[0], 16);
  std::memcpy(b, key.address[1], 16);
  const bool ports = hasPorts(key.protocol);
  const uint16_t pa = ports ? key.port[0] : 0, pb = ports ? key.port[1] : 0;
  // Any total order of endpoints will do, so host order is as good as network order.
  const bool greater = (a[0] > b[0]) | ((a[0] == b[0]) & ((a[1] > b[1]) | ((a[1] == b[1]) & (pa > pb))));
  const bool icmp = (key.protocol == kIcmp || key.protocol == kIcmpv6) && (key.kind & kKindMask) != kKindEthernet;
  // Echoes pair by identifier; all other ICMP is one-way, so its endpoints keep their places.
  const bool oneWay = icmp && ((key.kind & kKindTransportUnknown) != 0 || (key.port[0] != 0x0800 && key.port[0] != 0x8000));
  const bool swap = greater & !oneWay;
  const uint64_t mask = swap ? ~0ull : 0;
  for (int i = 0; i < 2; i++) {
    const uint64_t difference = (a[i] ^ b[i]) & mask;
    a[i] ^= difference;
    b[i] ^= difference;
  }
  std::memcpy(key.address[0], a, 16);
  std::memcpy(key.address[1], b, 16);
  if (ports) {
    key.port[0] = swap ? pb : pa;
    key.port[1] = swap ? pa : pb;
  }
  packet.side = swap;
  packet.hash = hashOf(hash_, key, lastWordMask_);
}

bool Decoder::decodeQuoted(const DecodedPacket& error, DecodedPacket& quoted) {
  quoted = error;
  quoted.flags = 0;
  quoted.annotation = 0;
  Cursor cursor{error.quoted, error.quoted + error.quotedOctets, error.quotedOctets};
  const bool decoded = (error.key.kind & kKindMask) == kKindIpv4 ? ipv4(cursor, quoted, kTunnelsMax) : ipv6(cursor, quoted, kTunnelsMax);
  if (!decoded || (quoted.flags & kAwaitsFirst) != 0) return false;
  finish(quoted);
  return true;
}

bool Decoder::anyPacket(const PacketView& view, uint8_t interfaceSlot, DecodedPacket& packet) {
  packet.ns = view.ns;
  packet.wireOctets = view.wire;
  packet.ipOctets = 0;
  packet.flags = 0;
  packet.annotation = 0;
  packet.priorities = 0;
  packet.digest = 0;
  packet.identified = false;
  packet.frameMacs = nullptr;
  packet.payloadOctets = 0;
  packet.special = DecodedPacket::kPlain;
  packet.shape = 0;
  packet.classOfService = 0;
  packet.fragmentId = 0;
  packet.key.tunnelId = 0;
  packet.key.vlan = 0;
  packet.key.customerVlan = 0;
  packet.key.tunnelType = 0;
  packet.key.interfaceSlot = interfaceSlot;

  Cursor cursor{view.data, view.data + view.captured, view.wire};
  uint16_t etherType = 0;
  if (!linkHeader(view.link, cursor, packet, etherType)) {
    annotations_[static_cast<unsigned>(DecodeAnnotation::truncatedLinkHeader)]++;
    return false;
  }
  // A tag that the NIC or the kernel took out of the frame was the outermost one.
  if (view.vlanTpid != 0) {
    packet.key.vlan = kTagPresent | (view.vlanTci & 0x0fff);
    packet.priorities = static_cast<uint8_t>(view.vlanTci >> 13);
  }
  network(cursor, etherType, packet, 0);
  finish(packet);
  if (packet.annotation != 0) annotations_[packet.annotation]++;
  return true;
}

}  // namespace flowspan
