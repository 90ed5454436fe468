// Tunnels, opened to the inner flow where set: the inner packet gives the key, the tunnel's type and id are part of it, the
// outer addresses are kept beside it. A tunnel that cannot be read to an inner flow stays the outer flow.
// A part of decoder.cc, included there alone, so that the layers inline into each other. See decoder.h.
#pragma once

#include "decoder.h"

namespace flowspan {

namespace {

constexpr uint16_t kPortVxlan = 4789, kPortGeneve = 6081, kPortGtpu = 2152, kPortTeredo = 3544, kPortL2tp = 1701;
constexpr uint16_t kWellKnownPortMax = 1023;
constexpr uint16_t kErspan2 = 0x88be, kErspan3 = 0x22eb;

// RFC 4291 section 2.5.5.2: IPv4 as an IPv4-mapped address, since the row does not tell the outer version.
void outerAddressOf(const FlowKey& key, unsigned end, uint8_t* address) {
  if ((key.kind & kKindMask) != kKindIpv4) {
    std::memcpy(address, key.address[end], 16);
    return;
  }
  std::memset(address, 0, 10);
  std::memset(address + 10, 0xff, 2);
  std::memcpy(address + 12, key.address[end], 4);
}

}  // namespace

bool Decoder::mayBeTunnel(uint8_t protocol, const DecodedPacket& packet) const {
  switch (protocol) {
    case kIpInIp:
    case kIpv6InIp:
    case kGre:
    case kL2tpv3: return true;
    case kUdp: {
      const auto is = [&](uint16_t port) { return packet.key.port[0] == port || packet.key.port[1] == port; };
      return is(kPortVxlan) || is(kPortGeneve) || is(kPortGtpu) || is(kPortTeredo) || is(kPortL2tp);
    }
    default: return false;
  }
}

FLOWSPAN_COLD bool Decoder::tunnel(Cursor cursor, uint8_t protocol, DecodedPacket& packet, unsigned depth) {
  if ((packet.key.kind & kKindTransportUnknown) != 0) return false;
  TunnelType type = TunnelType::none;
  uint32_t id = 0;
  Inner inner = Inner::nothing;
  bool whole = true;
  if (protocol == kIpInIp && opens(TunnelType::ipInIp)) {
    type = TunnelType::ipInIp;
    inner = Inner::ipv4;
  } else if (protocol == kIpv6InIp) {
    // RFC 4213 over IPv4; IPv6 in IPv6 (RFC 2473) counts as IP in IP.
    type = (packet.key.kind & kKindMask) == kKindIpv4 ? TunnelType::sixInFour : TunnelType::ipInIp;
    inner = Inner::ipv6;
  } else if (protocol == kGre) {
    whole = greTunnel(cursor, type, id, inner, packet);
  } else if (protocol == kL2tpv3) {
    type = TunnelType::l2tpv3;
    whole = l2tpv3(cursor, id, inner);
  } else if (protocol == kUdp) {
    whole = udpTunnel(cursor, type, id, inner, packet);
  }
  if (type == TunnelType::none || !opens(type)) return false;
  if (!whole) {
    annotate(packet, DecodeAnnotation::truncatedTunnelHeader);
    return false;
  }
  if (inner == Inner::nothing) return false;
  if (depth >= kTunnelsMax) {
    annotate(packet, DecodeAnnotation::tooManyTunnels);
    return false;
  }
  const DecodedPacket outer = packet;
  const uint64_t outerIdentity = identity_;
  packet.flags &= static_cast<uint16_t>(~(kFragment | kFirstFragment | kFlowLabelled));
  packet.key.tunnelType = static_cast<uint8_t>(type);
  packet.key.tunnelId = id;
  if (outer.key.tunnelType == 0) {
    packet.flags |= kOuter;
    for (unsigned i = 0; i < 2; i++) outerAddressOf(outer.key, i, packet.outerAddress[i]);
  }
  bool decoded = false;
  switch (inner) {
    case Inner::ipv4: decoded = ipv4(cursor, packet, depth + 1); break;
    case Inner::ipv6: decoded = ipv6(cursor, packet, depth + 1); break;
    case Inner::ethernet:
      if (cursor.has(14)) {
        const uint8_t* macs = cursor.at;
        const uint16_t etherType = load16(macs + 12);
        cursor.skip(14);
        decoded = network(cursor, etherType, packet, depth + 1);
        if (!decoded && packet.annotation == outer.annotation) {
          packet.frameMacs = macs;
          packet.serviceAccessPoints = 0;
          ethernetKey(macs, etherType, packet);
          packet.ipOctets = 0;
          decoded = true;
        }
      }
      break;
    case Inner::nothing: break;
  }
  if (decoded) return true;
  packet = outer;
  identity_ = outerIdentity;
  annotate(packet, DecodeAnnotation::truncatedTunnelHeader);
  return false;
}

// RFC 2784, RFC 2890; NVGRE RFC 7637; ERSPAN draft-foschiano-erspan. False: cut short.
bool Decoder::greTunnel(Cursor& cursor, TunnelType& type, uint32_t& id, Inner& inner, DecodedPacket& packet) {
  if (!cursor.has(4)) return false;
  const uint16_t bits = load16(cursor.at);
  const uint16_t etherType = load16(cursor.at + 2);
  const bool keyed = (bits & 0x2000) != 0;
  const bool sequenced = (bits & 0x1000) != 0;
  const size_t octets = 4 + ((bits & 0x8000) != 0 ? 4 : 0) + (keyed ? 4 : 0) + (sequenced ? 4 : 0);
  type = TunnelType::gre;
  if ((bits & 0x4007) != 0) {
    // Version 1 is PPTP's (RFC 2637): compressed PPP, not opened. Nor is what has routes of its own (RFC 1701), which RFC 2784 does away with.
    if (opens(type)) annotate(packet, DecodeAnnotation::unsupportedTunnelVersion);
    return true;
  }
  if (!cursor.has(octets)) return false;
  if (keyed) id = packet.greKey;
  cursor.skip(octets);
  switch (etherType) {
    case kEtherTypeIpv4: inner = Inner::ipv4; return true;
    case kEtherTypeIpv6: inner = Inner::ipv6; return true;
    case kEtherTypeTransparentBridging:
      inner = Inner::ethernet;
      if (keyed && opens(TunnelType::nvgre)) {
        type = TunnelType::nvgre;
        id >>= 8;  // the low octet is a flow hash
      }
      return true;
    case kErspan2:
      type = TunnelType::erspan2;
      inner = Inner::ethernet;
      id = 0;
      if (!sequenced) return true;  // type I has no header of its own
      if (!cursor.has(8)) return false;
      id = load16(cursor.at + 2) & 0x3ff;
      cursor.skip(8);
      return true;
    case kErspan3: {
      type = TunnelType::erspan3;
      inner = Inner::ethernet;
      if (!cursor.has(12)) return false;
      id = load16(cursor.at + 2) & 0x3ff;
      const bool platform = (cursor.at[11] & 1) != 0;
      // Five bits of frame type: 0 Ethernet, 2 IP, as a switch sends that captures behind its routing.
      const unsigned frameType = cursor.at[10] >> 2 & 0x1f;
      cursor.skip(12);
      if (platform) {
        if (!cursor.has(8)) return false;
        cursor.skip(8);
      }
      if (frameType == 2) inner = ipOf(cursor);
      else if (frameType != 0) inner = Inner::nothing;
      return true;
    }
    default: return true;
  }
}

// Peers of a Teredo relay answer from its port, and one answer of a DNS server in sixteen begins like IPv6: it has to fill the datagram.
// Behind a bubble, which carries nothing (next header 59), trailers may stand (RFC 6081 section 4). What was cut before is believed.
bool Decoder::fillsTeredo(const Cursor& cursor, uint32_t octets) {
  if (cursor.at[0] >> 4 != 6) return false;
  if (!cursor.has(7)) return true;
  const uint32_t claimed = 40u + load16(cursor.at + 4);
  return claimed == octets || (cursor.at[6] == kNoNextHeader && claimed <= octets);
}

// IP says itself which version it is.
Decoder::Inner Decoder::ipOf(const Cursor& cursor) {
  const unsigned version = cursor.has(1) ? cursor.at[0] >> 4 : 0;
  return version == 4 ? Inner::ipv4 : version == 6 ? Inner::ipv6 : Inner::nothing;
}

bool Decoder::udpTunnel(Cursor& cursor, TunnelType& type, uint32_t& id, Inner& inner, DecodedPacket& packet) {
  const auto is = [&](uint16_t port) { return packet.key.port[0] == port || packet.key.port[1] == port; };
  // These are sent to their port, from any but a well-known one: what a server answers to a client that happens to have the
  // number is no tunnel, and every octets pass for an Ethernet frame.
  const auto isTo = [&](uint16_t port) { return packet.key.port[1] == port && packet.key.port[0] > kWellKnownPortMax; };
  if (!cursor.has(8)) return true;
  const uint8_t* udp = cursor.at;
  cursor.skip(8);
  if (isTo(kPortVxlan) && opens(TunnelType::vxlan)) {  // RFC 7348 section 5
    if (!cursor.has(8)) return type = TunnelType::vxlan, false;
    if ((cursor.at[0] & 0x08) == 0) return true;
    type = TunnelType::vxlan;
    id = load24(cursor.at + 4);
    cursor.skip(8);
    inner = Inner::ethernet;
  } else if (isTo(kPortGeneve) && opens(TunnelType::geneve)) {  // RFC 8926 section 3.4
    type = TunnelType::geneve;
    if (!cursor.has(8)) return false;
    if (cursor.at[0] >> 6 != 0) {
      annotate(packet, DecodeAnnotation::unsupportedTunnelVersion);
      return true;
    }
    const size_t options = (cursor.at[0] & 0x3fu) * 4;
    const uint16_t etherType = load16(cursor.at + 2);
    id = load24(cursor.at + 4);
    if (!cursor.has(8 + options)) return false;
    cursor.skip(8 + options);
    inner = etherType == kEtherTypeTransparentBridging ? Inner::ethernet
            : etherType == kEtherTypeIpv4              ? Inner::ipv4
            : etherType == kEtherTypeIpv6              ? Inner::ipv6
                                                       : Inner::nothing;
  } else if (isTo(kPortGtpu) && opens(TunnelType::gtpu)) {  // 3GPP TS 29.281 section 5
    type = TunnelType::gtpu;
    if (!cursor.has(8)) return false;
    const uint8_t bits = cursor.at[0];
    if (bits >> 5 != 1) {
      annotate(packet, DecodeAnnotation::unsupportedTunnelVersion);
      return true;
    }
    if ((bits & 0x10) == 0 || cursor.at[1] != 255) return true;  // not user data
    id = load32(cursor.at + 4);
    cursor.skip(8);
    if ((bits & 0x07) != 0) {
      if (!cursor.has(4)) return false;
      uint8_t next = (bits & 0x04) != 0 ? cursor.at[3] : 0;
      cursor.skip(4);
      for (unsigned count = 0; next != 0 && count < kExtensionHeadersMax; count++) {
        if (!cursor.has(1) || cursor.at[0] == 0 || !cursor.has(cursor.at[0] * 4u)) return false;
        const size_t octets = cursor.at[0] * 4u;
        next = cursor.at[octets - 1];
        cursor.skip(octets);
      }
    }
    if (!cursor.has(1)) return false;
    inner = ipOf(cursor);
  } else if (is(kPortTeredo) && opens(TunnelType::teredo)) {  // RFC 4380 section 5.1.1
    type = TunnelType::teredo;
    if (cursor.has(4) && load16(cursor.at) == 0x0001) {
      const size_t octets = 4u + cursor.at[2] + cursor.at[3] + 9;
      if (!cursor.has(octets)) return false;
      cursor.skip(octets);
    }
    if (cursor.has(8) && load16(cursor.at) == 0x0000) cursor.skip(8);
    if (!cursor.has(1)) return false;
    inner = fillsTeredo(cursor, load16(udp + 4) - static_cast<uint32_t>(cursor.at - udp)) ? Inner::ipv6 : Inner::nothing;
  } else if (is(kPortL2tp) && opens(TunnelType::l2tpv3)) {  // RFC 3931 section 4.1.2.1
    if (!cursor.has(4)) return type = TunnelType::l2tpv3, false;
    if ((load16(cursor.at) & 0x800f) != 0x0003) return true;  // control, or L2TPv2
    type = TunnelType::l2tpv3;
    cursor.skip(4);
    return l2tpv3(cursor, id, inner);
  }
  return true;
}

// RFC 3931 section 4.1: cookie and sublayer are agreed out of band, so the Ethernet frame is looked for behind each
// possible length by an EtherType and what begins behind it: a MAC address may have the octets of an EtherType in the middle.
bool Decoder::l2tpv3(Cursor& cursor, uint32_t& id, Inner& inner) {
  const auto isTyped = [](const uint8_t* type) {
    switch (load16(type)) {
      case kEtherTypeIpv4: return type[2] >> 4 == 4;
      case kEtherTypeIpv6: return type[2] >> 4 == 6;
      case kEtherTypeArp: return load16(type + 2) == 1;  // RFC 826: of Ethernet
      default: return false;
    }
  };
  // Up to two tags; within them the type alone has to do.
  const auto isFrame = [&](const uint8_t* frame) {
    const uint16_t type = load16(frame + 12);
    if (type != kEtherTypeVlan && type != kEtherTypeServiceVlan) return isTyped(frame + 12);
    const uint16_t within = load16(frame + 16);
    return within == kEtherTypeIpv4 || within == kEtherTypeIpv6 || within == kEtherTypeArp || within == kEtherTypeVlan;
  };
  if (!cursor.has(4)) return false;
  id = load32(cursor.at);
  if (id == 0) return true;  // control
  cursor.skip(4);
  for (const size_t before : {size_t{0}, size_t{4}, size_t{8}, size_t{12}}) {
    if (!cursor.has(before + 18)) return before != 0;
    if (!isFrame(cursor.at + before)) continue;
    cursor.skip(before);
    inner = Inner::ethernet;
    return true;
  }
  return true;
}

}  // namespace flowspan
