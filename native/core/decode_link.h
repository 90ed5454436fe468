// Link headers and what may stand between them and IP: 802.1Q and 802.1ad tags, LLC and SNAP, MPLS, PPPoE, PPP. Each
// returns the EtherType of what follows.
// A part of decoder.cc, included there alone, so that the layers inline into each other. See decoder.h.
#pragma once

#include "decoder.h"

namespace flowspan {

FLOWSPAN_HOT bool Decoder::linkHeader(LinkType link, Cursor& cursor, DecodedPacket& packet, uint16_t& etherType) {
  if (link != LinkType::ethernet) return otherLinkHeader(link, cursor, packet, etherType);
  if (!cursor.has(14)) return false;
  packet.frameMacs = cursor.at;
  etherType = load16(cursor.at + 12);
  cursor.skip(14);
  return true;
}

// Formats as on tcpdump.org/linktypes. None of them carries both MAC addresses.
FLOWSPAN_COLD bool Decoder::otherLinkHeader(LinkType link, Cursor& cursor, DecodedPacket& packet, uint16_t& etherType) {
  (void)packet;
  switch (link) {
    case LinkType::linuxSll:
      if (!cursor.has(16)) return false;
      etherType = load16(cursor.at + 14);
      cursor.skip(16);
      return true;
    case LinkType::linuxSll2:
      if (!cursor.has(20)) return false;
      etherType = load16(cursor.at);
      cursor.skip(20);
      return true;
    case LinkType::rawIp:
      etherType = cursor.has(1) && cursor.at[0] >> 4 == 6 ? kEtherTypeIpv6 : kEtherTypeIpv4;
      return true;
    case LinkType::bsdLoopback: {
      if (!cursor.has(4)) return false;
      // The capturing host's byte order: AF_INET is 2 everywhere; AF_INET6 is 10, 24, 28 or 30.
      const uint32_t big = load32(cursor.at);
      const uint32_t family = big > 0xffff ? __builtin_bswap32(big) : big;
      etherType = family == 2 ? kEtherTypeIpv4 : (family == 10 || family == 24 || family == 28 || family == 30) ? kEtherTypeIpv6 : 0xffff;
      cursor.skip(4);
      return true;
    }
    case LinkType::ppp:
      // RFC 1661 section 2; address and control octets of RFC 1662 may stand before the protocol.
      if (cursor.has(2) && cursor.at[0] == 0xff && cursor.at[1] == 0x03) cursor.skip(2);
      if (!cursor.has(2)) return false;
      etherType = pppToEtherType(cursor, 0xffff);
      return true;
    case LinkType::pppHdlc:
      if (!cursor.has(4)) return false;
      if (cursor.at[0] == 0xff) {
        cursor.skip(2);
        etherType = pppToEtherType(cursor, 0xffff);
      } else {
        // Cisco HDLC: address, control, EtherType.
        etherType = load16(cursor.at + 2);
        cursor.skip(4);
      }
      return true;
    case LinkType::pppoe:
      if (!cursor.has(6)) return false;
      etherType = kEtherTypePppoe;
      return true;
    case LinkType::ethernet:
      break;
  }
  return false;
}

// The PPP protocol number at the cursor, one octet when compressed (RFC 1661 section 6.5): odd numbers end it.
FLOWSPAN_COLD uint16_t Decoder::pppToEtherType(Cursor& cursor, uint16_t otherwise) {
  if (!cursor.has(1)) return otherwise;
  uint16_t protocol = cursor.at[0];
  if ((protocol & 1) != 0) {
    cursor.skip(1);
  } else {
    if (!cursor.has(2)) return otherwise;
    protocol = load16(cursor.at);
    cursor.skip(2);
  }
  switch (protocol) {
    case 0x0021: return kEtherTypeIpv4;
    case 0x0057: return kEtherTypeIpv6;
    case 0x0281: return kEtherTypeMpls;
    default: return otherwise;
  }
}

FLOWSPAN_COLD uint16_t Decoder::tags(Cursor& cursor, DecodedPacket& packet, uint16_t etherType, bool keep) {
  for (unsigned count = 0; etherType == kEtherTypeVlan || etherType == kEtherTypeServiceVlan || etherType == kEtherTypeOldServiceVlan; count++) {
    if (count == kTagsMax) {
      annotate(packet, DecodeAnnotation::tooManyTags);
      return etherType;
    }
    if (!cursor.has(4)) {
      annotate(packet, DecodeAnnotation::truncatedVlanTag);
      return etherType;
    }
    const uint16_t tci = load16(cursor.at);
    const auto vid = static_cast<uint16_t>(kTagPresent | (tci & 0x0fff));
    if (keep && packet.key.vlan == 0) {
      packet.key.vlan = vid;
      packet.priorities = static_cast<uint8_t>(tci >> 13);
    } else if (keep && packet.key.customerVlan == 0) {
      packet.key.customerVlan = vid;
      packet.priorities |= static_cast<uint8_t>((tci >> 13) << 3);
    }
    etherType = load16(cursor.at + 2);
    cursor.skip(4);
  }
  return etherType == kEtherTypeCiscoMetadata ? metadata(cursor) : etherType;
}

// What switches with security groups (Cisco TrustSec) write between tags and protocol: version, length in words, the group's number.
FLOWSPAN_COLD uint16_t Decoder::metadata(Cursor& cursor) {
  const size_t octets = cursor.has(2) && cursor.at[0] == 1 ? 2 + 4u * cursor.at[1] : 0;
  if (octets == 0 || !cursor.has(octets + 2)) return kEtherTypeCiscoMetadata;
  const uint16_t etherType = load16(cursor.at + octets);
  cursor.skip(octets + 2);
  return etherType;
}

// 802.3: the field is a length, LLC follows. SNAP with OUI 0 (or 802.1H's 00-00-F8) carries an EtherType. Without SNAP the
// service access points are left for the key.
FLOWSPAN_COLD uint16_t Decoder::logicalLink(Cursor& cursor, DecodedPacket& packet) {
  packet.serviceAccessPoints = 0;
  if (!cursor.has(3)) return 0;
  if (cursor.has(8) && load16(cursor.at) == 0xaaaa && cursor.at[2] == 0x03) {
    const uint32_t oui = load24(cursor.at + 3);
    const uint16_t etherType = load16(cursor.at + 6);
    if ((oui == 0 || oui == 0x0000f8) && etherType >= 0x0600) {
      cursor.skip(8);
      return etherType;
    }
  }
  packet.serviceAccessPoints = load16(cursor.at);
  return 0;
}

// RFC 3032. What follows the stack is not named: an IP version nibble is trusted, all else stays an MPLS frame.
FLOWSPAN_COLD uint16_t Decoder::mpls(Cursor& cursor, DecodedPacket& packet, uint16_t etherType, bool keep) {
  uint32_t depth = 0;
  uint32_t top = 0;
  for (bool bottom = false; !bottom; depth++) {
    if (!cursor.has(4) || depth == kLabelsMax) {
      annotate(packet, DecodeAnnotation::truncatedMpls);
      break;
    }
    const uint32_t entry = load32(cursor.at);
    if (depth == 0) top = entry >> 8;
    bottom = (entry & 0x100) != 0;
    cursor.skip(4);
  }
  if (keep && depth > 0) {
    packet.flags |= kMplsStack;
    packet.mpls = depth << 24 | top;
  }
  if (packet.annotation == static_cast<uint8_t>(DecodeAnnotation::truncatedMpls)) return etherType;
  return ipBehindLabels(cursor, etherType);
}

// Behind labels may stand the frames of a pseudowire without control word (RFC 4448), and stations whose addresses begin with a 4 or a 6 are
// many: it has to be a length that the frame can hold as well. What is cut before it is believed.
FLOWSPAN_COLD uint16_t Decoder::ipBehindLabels(const Cursor& cursor, uint16_t otherwise) {
  if (!cursor.has(1)) return otherwise;
  const unsigned version = cursor.at[0] >> 4;
  if (version == 4) {
    const uint32_t header = (cursor.at[0] & 15u) * 4;
    if (header < 20 || !cursor.has(4)) return header < 20 ? otherwise : kEtherTypeIpv4;
    const uint32_t total = load16(cursor.at + 2);
    return total == 0 || (total >= header && total <= cursor.wire) ? kEtherTypeIpv4 : otherwise;
  }
  if (version != 6) return otherwise;
  return !cursor.has(6) || load16(cursor.at + 4) + 40u <= cursor.wire ? kEtherTypeIpv6 : otherwise;
}

// RFC 2516 section 4: version and type 1, code 0, session, length; then PPP.
FLOWSPAN_COLD uint16_t Decoder::pppoe(Cursor& cursor, DecodedPacket& packet) {
  if (!cursor.has(8)) {
    annotate(packet, DecodeAnnotation::truncatedPppoe);
    return kEtherTypePppoe;
  }
  if (cursor.at[0] != 0x11 || cursor.at[1] != 0) return kEtherTypePppoe;
  cursor.skip(6);
  return pppToEtherType(cursor, kEtherTypePppoe);
}

}  // namespace flowspan
