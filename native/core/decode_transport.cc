// Transport headers: ports of TCP, UDP, UDP-Lite, SCTP and DCCP; TCP's sequence numbers; ICMP types; GRE keys; and the
// digest that finds duplicates. See decoder.h.
#include "decoder.h"

namespace flowspan {

namespace {

constexpr uint32_t kDigestOctets = 48;

// RFC 7011's exporter sees only what was captured: 4 octets give the ports.
constexpr size_t kPortOctets = 4;

}  // namespace

void Decoder::transport(Cursor cursor, uint8_t protocol, uint32_t octets, DecodedPacket& packet, unsigned depth) {
  if (octets < cursor.left()) cursor.end = cursor.at + octets;  // the rest is padding
  digest(cursor, protocol, packet);
  FlowKey& key = packet.key;
  if (hasPorts(protocol)) {
    if (!cursor.has(kPortOctets)) {
      key.kind |= kKindTransportUnknown;
      annotate(packet, DecodeAnnotation::truncatedTransportHeader);
    } else {
      key.port[0] = load16(cursor.at);
      key.port[1] = load16(cursor.at + 2);
      if (protocol == kTcp) tcp(cursor, octets, packet);
    }
  } else {
    switch (protocol) {
      case kIcmp:
      case kIcmpv6: icmp(cursor, protocol, packet); break;
      case kGre: gre(cursor, packet); break;
      case kEsp: annotate(packet, DecodeAnnotation::encrypted); break;
      case kAh:
        // IPv4 only; in IPv6 it is an extension header. Authenticated, not encrypted: what follows can be read.
        if ((key.kind & kKindMask) == kKindIpv4 && cursor.has(12) && cursor.has((cursor.at[1] + 2u) * 4) && cursor.at[0] != kAh) {
          const uint32_t header = (cursor.at[1] + 2u) * 4;
          key.protocol = cursor.at[0];
          cursor.skip(header);
          transport(cursor, key.protocol, octets - header, packet, depth);
          return;
        }
        break;
      default: break;
    }
  }
  if (tunnels_ != 0 && mayBeTunnel(protocol, packet)) tunnel(cursor, protocol, packet, depth);
  if ((packet.flags & kFirstFragment) != 0) [[unlikely]] {
    const FragmentPorts ports{{key.port[0], key.port[1]}, static_cast<uint16_t>(packet.flags & kEchoReply),
                              static_cast<uint8_t>(key.kind & kKindTransportUnknown)};
    if (packet.fragmentId != 0 && key.tunnelType == 0) fragments_.remember(packet.fragmentId, packet.ns, ports);
  }
}

void Decoder::tcp(const Cursor& cursor, uint32_t octets, DecodedPacket& packet) {
  if (!cursor.has(16)) {
    annotate(packet, DecodeAnnotation::truncatedTransportHeader);
    return;
  }
  const uint16_t offsetAndBits = load16(cursor.at + 12);
  const uint32_t headerOctets = (offsetAndBits >> 12) * 4u;
  packet.sequence = load32(cursor.at + 4);
  packet.acknowledgment = load32(cursor.at + 8);
  packet.tcpBits = offsetAndBits & 0x0fff;  // RFC 7125: the data offset's place is zero
  packet.window = load16(cursor.at + 14);
  if (headerOctets < 20 || headerOctets > octets) {
    annotate(packet, DecodeAnnotation::badTransportHeader);
    return;
  }
  packet.flags |= kTcpHeader;
  packet.payloadOctets = octets - headerOctets;
}

void Decoder::icmp(Cursor cursor, uint8_t protocol, DecodedPacket& packet) {
  FlowKey& key = packet.key;
  if (!cursor.has(2)) {
    key.kind |= kKindTransportUnknown;
    annotate(packet, DecodeAnnotation::truncatedTransportHeader);
    return;
  }
  const uint8_t type = cursor.at[0];
  key.port[0] = load16(cursor.at);
  const bool six = protocol == kIcmpv6;
  const uint8_t request = six ? 128 : 8;
  const uint8_t reply = six ? 129 : 0;
  if ((type == request || type == reply) && cursor.at[1] == 0 && cursor.has(6)) {
    key.port[0] = static_cast<uint16_t>(request << 8);
    key.port[1] = load16(cursor.at + 4);
    if (type == reply) packet.flags |= kEchoReply;
  } else if (type == (six ? 1 : 3) && cursor.has(8)) {
    // RFC 792, RFC 4443 section 3.1: the header that could not be delivered follows.
    packet.flags |= kUnreachable;
    packet.quoted = cursor.at + 8;
    packet.quotedOctets = static_cast<uint32_t>(cursor.left() - 8);
  }
}

// RFC 2890: the key follows the checksum when that is present. Kept for the row; not part of an unopened flow's key.
void Decoder::gre(const Cursor& cursor, DecodedPacket& packet) {
  if (!cursor.has(4)) {
    annotate(packet, DecodeAnnotation::truncatedTransportHeader);
    return;
  }
  const uint16_t bits = load16(cursor.at);
  const size_t offset = 4 + ((bits & 0x8000) != 0 ? 4 : 0);
  if ((bits & 0x2007) == 0x2000 && cursor.has(offset + 4)) {
    packet.flags |= kGreKeyed;
    packet.greKey = load32(cursor.at + offset);
  }
}

// Over what two copies of a packet share even when VLAN, MACs or TTL differ: addresses, length, identification, and the
// first octets of the transport, whose checksum stands for the rest. See duplicates.h.
void Decoder::digest(const Cursor& cursor, uint8_t protocol, DecodedPacket& packet) {
  const size_t left = cursor.left();
  const size_t n = left < kDigestOctets ? left : kDigestOctets;
  const uint8_t* at = cursor.at;
  uint64_t h = identity_ ^ protocol;
  if (n >= 16) {
    h = hash_.join(h, loadRaw<uint64_t>(at), loadRaw<uint64_t>(at + 8));
    if (n >= 32) h = hash_.join(h, loadRaw<uint64_t>(at + 16), loadRaw<uint64_t>(at + 24));
    h = hash_.join(h, loadRaw<uint64_t>(at + n - 16), loadRaw<uint64_t>(at + n - 8));
  } else if (n >= 8) {
    h = hash_.join(h, loadRaw<uint64_t>(at), loadRaw<uint64_t>(at + n - 8));
  } else {
    uint64_t word = n;
    for (size_t i = 0; i < n; i++) word = word << 8 | at[i];
    h = hash_.join(h, word, n);
  }
  packet.digest = h | 1;
}

}  // namespace flowspan
