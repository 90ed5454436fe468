// Transport headers: ports of TCP, UDP, UDP-Lite, SCTP and DCCP; TCP's sequence numbers; ICMP types; GRE keys; and the
// digest that finds duplicates.
// A part of decoder.cc, included there alone, so that the layers inline into each other. See decoder.h.
#pragma once

#include "decoder.h"

namespace flowspan {

namespace {

// RFC 7011's exporter sees only what was captured: 4 octets give the ports.
constexpr size_t kPortOctets = 4;

}  // namespace

FLOWSPAN_HOT void Decoder::transport(Cursor cursor, uint8_t protocol, uint32_t octets, DecodedPacket& packet, unsigned depth) {
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
      packet.flags |= kTransportAt;
      packet.quoted = cursor.at;
      packet.quotedOctets = static_cast<uint32_t>(cursor.left());
      if (protocol == kTcp) tcp(cursor, octets, packet);
    }
  } else if (!withoutPorts(cursor, protocol, octets, packet, depth)) [[unlikely]] {
    return;
  }
  // Before a tunnel is opened: later fragments of its outer packets show nothing of what is within, so they are the outer flow.
  if ((packet.flags & kFirstFragment) != 0) [[unlikely]] {
    const FragmentPorts ports{{key.port[0], key.port[1]}, static_cast<uint16_t>(packet.flags & kEchoReply),
                              static_cast<uint8_t>(key.kind & kKindTransportUnknown), key.protocol};
    fragments_.remember(packet.fragmentId, packet.ns, ports);
  }
  if (tunnels_ != 0 && mayBeTunnel(protocol, packet)) tunnel(cursor, protocol, packet, depth);
}

// False when what follows an authentication header was decoded in its place.
FLOWSPAN_COLD bool Decoder::withoutPorts(Cursor cursor, uint8_t protocol, uint32_t octets, DecodedPacket& packet, unsigned depth) {
  FlowKey& key = packet.key;
  switch (protocol) {
    case kIcmp:
    case kIcmpv6: icmp(cursor, protocol, packet); break;
    case kGre: gre(cursor, packet); break;
    case kEsp: annotate(packet, DecodeAnnotation::encrypted); break;
    case kAh: {
      // IPv4 only; in IPv6 it is an extension header. Authenticated, not encrypted: what follows can be read.
      const uint32_t header = cursor.has(12) ? (cursor.at[1] + 2u) * 4 : 0;
      if ((key.kind & kKindMask) != kKindIpv4 || header < 12 || !cursor.has(header) || cursor.at[0] == kAh) break;
      key.protocol = cursor.at[0];
      cursor.skip(header);
      transport(cursor, key.protocol, octets - header, packet, depth);
      return false;
    }
    default: break;
  }
  return true;
}

FLOWSPAN_HOT void Decoder::tcp(const Cursor& cursor, uint32_t octets, DecodedPacket& packet) {
  if (!cursor.has(16)) {
    annotate(packet, DecodeAnnotation::truncatedTransportHeader);
    return;
  }
  packet.control = load32(cursor.at + 12);
  const uint32_t headerOctets = (packet.control >> 28) * 4u;
  packet.numbers = load64(cursor.at + 4);
  if (headerOctets < 20 || headerOctets > octets) {
    annotate(packet, DecodeAnnotation::badTransportHeader);
    return;
  }
  packet.flags |= kTcpHeader;
  packet.payloadOctets = octets - headerOctets;
}

FLOWSPAN_COLD void Decoder::icmp(Cursor cursor, uint8_t protocol, DecodedPacket& packet) {
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
FLOWSPAN_COLD void Decoder::gre(const Cursor& cursor, DecodedPacket& packet) {
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
// first octets of the transport, whose checksum stands for the rest. See duplicate_window.h.
FLOWSPAN_HOT void Decoder::digest(const Cursor& cursor, uint8_t protocol, DecodedPacket& packet) {
  if (protocol == kUdp && cursor.left() > kDigestOctets && isUnsummed(cursor.at)) [[unlikely]] {
    packet.digest = longDigestOf(hash_, identity_ ^ protocol, cursor.at, cursor.at + std::min(cursor.left(), kUnsummedDigestOctets));
    return;
  }
  const size_t n = cursor.left() < kDigestOctets ? cursor.left() : kDigestOctets;
  if (n >= 16) {
    packet.digest = digestOf(hash_, identity_ ^ protocol, cursor.at, cursor.at + n);
    return;
  }
  uint64_t words[2] = {n, protocol};
  std::memcpy(words, cursor.at, n);
  words[1] ^= uint64_t{n} << 56;
  packet.digest = hash_.join(identity_ ^ protocol, words[0], words[1]) | 1;
}

}  // namespace flowspan
