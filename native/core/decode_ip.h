// IPv4 (RFC 791), IPv6 and its extension headers (RFC 8200), fragments. octets counted are those the IP header claims,
// never the frame's: padding is not IP.
// A part of decoder.cc, included there alone, so that the layers inline into each other. See decoder.h.
#pragma once

#include "decoder.h"

namespace flowspan {

namespace {

// Ethernet pads to 46 octets: more than that behind a header that claims nothing is data, not padding.
constexpr uint32_t kPaddedOctets = 46;

}  // namespace

FLOWSPAN_HOT bool Decoder::ipv4(Cursor cursor, DecodedPacket& packet, unsigned depth) {
  if (!cursor.has(20)) {
    annotate(packet, DecodeAnnotation::truncatedIpHeader);
    return false;
  }
  const uint8_t* header = cursor.at;
  if (header[0] >> 4 != 4) {
    annotate(packet, DecodeAnnotation::badIpVersion);
    return false;
  }
  const uint32_t headerOctets = (header[0] & 15u) * 4;
  if (headerOctets < 20) {
    annotate(packet, DecodeAnnotation::badIpHeaderLength);
    return false;
  }
  uint32_t total = load16(header + 2);
  if (total < headerOctets) [[unlikely]] {
    // Segmentation offload writes 0 and leaves the length to the NIC: the frame is all there is to go by.
    annotate(packet, total == 0 ? DecodeAnnotation::superPacket : DecodeAnnotation::badIpTotalLength);
    total = cursor.wire;
  } else if (total > cursor.wire) [[unlikely]] {
    annotate(packet, DecodeAnnotation::badIpTotalLength);
  }
  FlowKey& key = packet.key;
  std::memset(key.address, 0, sizeof key.address);
  std::memcpy(key.address[0], header + 12, 4);
  std::memcpy(key.address[1], header + 16, 4);
  key.port[0] = key.port[1] = 0;
  key.kind = kKindIpv4;
  key.protocol = header[9];
  packet.flags |= kHasIp;
  packet.ipOctets = total;
  packet.classOfService = header[1];
  packet.shape = ipShapeOf(total, header[8], header[1]);
  const uint16_t fragment = load16(header + 6);
  const uint16_t identification = load16(header + 4);
  packet.identified = identification != 0;
  identity_ = identityOf4(header);
  if (!cursor.has(headerOctets)) [[unlikely]] {
    key.kind |= kKindTransportUnknown;
    annotate(packet, DecodeAnnotation::truncatedIpHeader);
    return true;
  }
  cursor.skip(headerOctets);
  const uint32_t payload = total >= headerOctets ? total - headerOctets : 0;
  if ((fragment & 0x3fff) != 0) [[unlikely]] {
    packet.flags |= kFragment;
    // RFC 791: source, destination, protocol and identification name a datagram.
    packet.fragmentId = datagramOf(hash_.ofTwoWords(loadRaw<uint64_t>(header + 12), uint64_t{identification} << 8 | key.protocol), key);
    if ((fragment & 0x1fff) != 0) {
      digest(cursor, key.protocol, packet);
      laterFragment(packet);
      return true;
    }
    packet.flags |= kFirstFragment;
  }
  transport(cursor, key.protocol, payload, packet, depth);
  return true;
}

FLOWSPAN_HOT bool Decoder::ipv6(Cursor cursor, DecodedPacket& packet, unsigned depth) {
  if (!cursor.has(40)) {
    annotate(packet, DecodeAnnotation::truncatedIpHeader);
    return false;
  }
  const uint8_t* header = cursor.at;
  const uint32_t first = load32(header);
  if (first >> 28 != 6) {
    annotate(packet, DecodeAnnotation::badIpVersion);
    return false;
  }
  FlowKey& key = packet.key;
  std::memcpy(key.address, header + 8, 32);
  key.port[0] = key.port[1] = 0;
  key.kind = kKindIpv6;
  packet.flags |= kHasIp | kFlowLabelled;
  packet.flowLabel = first & 0xfffff;
  packet.classOfService = static_cast<uint8_t>(first >> 20);
  packet.identified = false;
  const uint32_t claimed = load16(header + 4);
  const uint32_t wire = cursor.wire;
  identity_ = identityOf6(header);
  uint8_t next = header[6];
  cursor.skip(40);
  const uint8_t* payloadStart = cursor.at;
  uint32_t jumboOctets = 0;
  bool later = false;
  bool known = true;
  if (!(next == kTcp || next == kUdp)) known = extensionHeaders(cursor, packet, next, jumboOctets, later);
  key.protocol = next;
  uint32_t total = 40 + claimed;
  if (claimed == 0) [[unlikely]] {
    if (jumboOctets != 0) total = 40 + jumboOctets;
    else if (wire > kPaddedOctets) {
      annotate(packet, DecodeAnnotation::superPacket);
      total = wire;
    }
  }
  if (total > wire) [[unlikely]] annotate(packet, DecodeAnnotation::badIpTotalLength);
  packet.ipOctets = total;
  packet.shape = ipShapeOf(total, header[7], packet.classOfService);
  if (later) {
    digest(cursor, next, packet);
    laterFragment(packet);
    return true;
  }
  if (!known) {
    key.kind |= kKindTransportUnknown;
    return true;
  }
  const auto extension = static_cast<uint32_t>(cursor.at - payloadStart);
  transport(cursor, next, total - 40 >= extension ? total - 40 - extension : 0, packet, depth);
  return true;
}

// Walks to the transport header. `later` is set for a fragment that does not start the datagram: what follows it is data.
// False when the chain is cut short or too long: `next` is then the last type known.
FLOWSPAN_COLD bool Decoder::extensionHeaders(Cursor& cursor, DecodedPacket& packet, uint8_t& next, uint32_t& jumboOctets, bool& later) {
  const uint8_t* addresses = packet.key.address[0];
  for (unsigned count = 0;; count++) {
    uint32_t octets = 0;
    switch (next) {
      case kHopByHop:
      case kRouting:
      case kDestinationOptions:
      case kMobility:
      case kHip:
      case kShim6:
        // The protocols among these (RFC 7045) may also end the chain; their length field is the same.
        if (!cursor.has(8)) break;
        octets = (cursor.at[1] + 1u) * 8;
        break;
      case kAh:
        if (!cursor.has(8)) break;
        octets = (cursor.at[1] + 2u) * 4;  // RFC 4302 section 2.2: 32-bit words, minus 2
        break;
      case kFragmentHeader:
        octets = 8;
        break;
      default:
        return true;
    }
    if (octets == 0 || !cursor.has(octets)) {
      annotate(packet, DecodeAnnotation::truncatedExtensionHeader);
      return false;
    }
    if (count == kExtensionHeadersMax) {
      annotate(packet, DecodeAnnotation::tooManyExtensionHeaders);
      return false;
    }
    if (next == kHopByHop && cursor.at[2] == 0xc2 && cursor.at[3] == 4) jumboOctets = load32(cursor.at + 4);  // RFC 2675 section 2
    const bool ends = (next == kMobility || next == kHip || next == kShim6) && cursor.at[0] == kNoNextHeader;
    if (ends) return true;
    if (next == kFragmentHeader) {
      const uint16_t offset = load16(cursor.at + 2);
      const uint32_t identification = load32(cursor.at + 4);
      // An atomic fragment (RFC 6946) is a whole datagram.
      if ((offset & 0xfff9) != 0) {
        packet.flags |= kFragment;
        const uint64_t datagram = hash_.join(hash_.ofTwoWords(loadRaw<uint64_t>(addresses), loadRaw<uint64_t>(addresses + 8)),
                                             loadRaw<uint64_t>(addresses + 16) ^ identification, loadRaw<uint64_t>(addresses + 24));
        packet.fragmentId = datagramOf(datagram, packet.key);
      }
      identity_ ^= uint64_t{identification} << 32 | offset;
      packet.identified = true;
      next = cursor.at[0];
      cursor.skip(8);
      if (offset >> 3 != 0) {
        later = true;
        return true;
      }
      if ((offset & 1) != 0) packet.flags |= kFirstFragment;
      continue;
    }
    next = cursor.at[0];
    cursor.skip(octets);
  }
}

// Never 0, which would be none. Tenants of different VLANs or tunnels may use the same addresses and identification.
FLOWSPAN_COLD uint64_t Decoder::datagramOf(uint64_t datagram, const FlowKey& key) const {
  if ((key.vlan | key.customerVlan) != 0) datagram = hash_.ofTwoWords(datagram, uint64_t{key.vlan} << 16 | key.customerVlan);
  if (key.tunnelType != 0) datagram = hash_.ofTwoWords(datagram, uint64_t{key.tunnelId} << 8 | key.tunnelType);
  return datagram | 1;
}

FLOWSPAN_COLD void Decoder::laterFragment(DecodedPacket& packet) {
  if (const FragmentPorts* ports = fragments_.find(packet.fragmentId, packet.ns)) {
    packet.key.port[0] = ports->port[0];
    packet.key.port[1] = ports->port[1];
    packet.key.protocol = ports->protocol;
    packet.key.kind |= ports->kind;
    packet.flags |= ports->flags;
    return;
  }
  packet.key.kind |= kKindTransportUnknown;
  packet.flags |= kAwaitsFirst;
}

}  // namespace flowspan
