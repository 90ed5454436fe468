// The common packet whose header came lately, under another length and with other numbers: what stands is taken from there, what changes
// is decoded. Everything it answers is what the common way would have answered. See recent_headers.h and decode_usual.h.
#pragma once

#include "decode_usual.h"
#include "packet_identity.h"
#include "recent_headers.h"

namespace flowspan {

// What a packet whose header came lately has of its own; see RecentPacket for the rest.
struct RecentSegment {
  RecentHeader* header;
  uint64_t digest;
  uint64_t numbers;  // sequence number << 32 | acknowledgment number
  uint32_t control;
  uint32_t ipOctets;
  uint32_t payloadOctets;

  uint32_t special() const { return common::specialOf(control, static_cast<uint32_t>(int32_t{header->onlyTcp})); }
  bool isPlain() const { return special() < DecodedPacket::kPlain; }
};

// Such a packet as the short way of the update asks for it. Made and used in one place, so that its fields stand in registers.
struct RecentPacket {
  RecentPacket(const RecentSegment& segment, const PacketView& view)
      : ns(view.ns),
        numbers(segment.numbers),
        wireOctets(view.wire),
        ipOctets(segment.ipOctets),
        shape(segment.header->shape | ipLengthOf(segment.ipOctets)),
        control(segment.control),
        payloadOctets(segment.payloadOctets),
        side(segment.header->side) {}

  uint64_t ns;
  uint64_t numbers;
  uint32_t wireOctets;
  uint32_t ipOctets;
  uint32_t shape;
  uint32_t control;
  uint32_t payloadOctets;
  uint8_t side;

  uint32_t sequence() const { return static_cast<uint32_t>(numbers >> 32); }
  uint32_t acknowledgment() const { return static_cast<uint32_t>(numbers); }
  uint16_t tcpBits() const { return control >> 16 & 0x0fff; }
};

namespace common {

// From the IP header to the ports behind it, as pairs of words that may overlap, and which bits of them have to agree.
template <bool six>
struct RecentLayout;

// Left out: total length, identification, DF (which its sender may change from packet to packet) and the checksum.
template <>
struct RecentLayout<false> {
  static constexpr unsigned kPairs = 2, kAt[kPairs] = {0, 8}, kOctets = 24, kHeaderOctets = 20;
  alignas(16) static constexpr uint8_t kMask[kPairs][16] = {{255, 255, 0, 0, 0, 0, 0x3f, 255, 255, 255, 0, 0, 255, 255, 255, 255},
                                                            {255, 255, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255}};
  // Source and destination, destination and ports.
  static uint64_t mixed(const uint8_t* ip) { return loadRaw<uint64_t>(ip + 12) + loadRaw<uint64_t>(ip + 16); }
};

// Left out: payload length.
template <>
struct RecentLayout<true> {
  static constexpr unsigned kPairs = 3, kAt[kPairs] = {0, 16, 28}, kOctets = 44, kHeaderOctets = 40;
  alignas(16) static constexpr uint8_t kMask[kPairs][16] = {{255, 255, 255, 255, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255},
                                                            {255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255},
                                                            {255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255}};
  // The lower halves of both addresses, the second one together with the ports.
  static uint64_t mixed(const uint8_t* ip) { return loadRaw<uint64_t>(ip + 16) + loadRaw<uint64_t>(ip + 36); }
};

template <bool six>
inline WordPair recentPair(const uint8_t* ip, unsigned i) {
  using Layout = RecentLayout<six>;
  WordPair pair;
  std::memcpy(&pair, ip + Layout::kAt[i], sizeof pair);
  return pair & *reinterpret_cast<const WordPair*>(Layout::kMask[i]);
}

}  // namespace common

FLOWSPAN_HOT bool Decoder::recentSegment(const PacketView& view, uint8_t interfaceSlot, RecentHeaders& recent, RecentSegment& s) const {
  using namespace common;
  if (view.captured < 14 + 20 + kTransportOctets) [[unlikely]] return false;
  uint16_t type = loadRaw<uint16_t>(view.data + 12);
  if (type == kRawIpv4) return recentIp<false, 14>(view, interfaceSlot, recent, s);
  if (type == kRawIpv6) return recentIp<true, 14>(view, interfaceSlot, recent, s);
  if (type != kRawVlan) [[unlikely]] return false;
  type = loadRaw<uint16_t>(view.data + 16);
  if (type == kRawIpv4) return recentIp<false, 18>(view, interfaceSlot, recent, s);
  return type == kRawIpv6 && recentIp<true, 18>(view, interfaceSlot, recent, s);
}

template <bool six, unsigned before>
FLOWSPAN_HOT bool Decoder::recentIp(const PacketView& view, uint8_t interfaceSlot, RecentHeaders& recent, RecentSegment& s) const {
  using namespace common;
  using Layout = RecentLayout<six>;
  constexpr uint32_t kHeaderOctets = Layout::kHeaderOctets;
  const uint8_t* const ip = view.data + before;
  if (view.captured < before + kHeaderOctets + kTransportOctets) [[unlikely]] return false;
  RecentHeader& header = *opaque(&recent.at(Layout::mixed(ip)));  // found once
  WordPair differs{};
  for (unsigned i = 0; i < Layout::kPairs; i++) differs |= recentPair<six>(ip, i) ^ header.octets[i];
  const uint32_t elsewhere = (loadRaw<uint32_t>(view.data + 12) ^ header.link) | (uint32_t{interfaceSlot} ^ header.interfaceSlot);
  if ((differs[0] | differs[1] | elsewhere) != 0) return false;
  const uint8_t* const transport = ip + kHeaderOctets;
  const uint32_t total = six ? load16(ip + 4) + kHeaderOctets : load16(ip + 2);
  // Below zero where one is shorter than the other; none is as long as half of what 32 bits hold.
  uint32_t shortfall = view.wire - before - total;
  uint32_t payload = total - kHeaderOctets;
  if (header.onlyTcp != 0) [[likely]] {
    const uint32_t control = load32(transport + 12), tcpOctets = control >> 26 & 0x3c;
    payload -= tcpOctets;
    shortfall |= (tcpOctets - 20) | payload;
    s.numbers = load64(transport + 4);
    s.payloadOctets = payload;
    s.control = control;
  } else {
    shortfall |= payload - kTransportOctets;
    if (isUnsummed(transport)) [[unlikely]] return false;
    s.numbers = 0;
    s.payloadOctets = s.control = 0;
  }
  if (static_cast<int32_t>(shortfall) < 0) [[unlikely]] return false;
  const uint32_t digested = std::min(std::min(view.captured - before, total), kHeaderOctets + static_cast<uint32_t>(kDigestOctets));
  const uint64_t identity = header.identity ^ (six ? changingIdentityOf6(ip) : changingIdentityOf4(ip));
  s.digest = digestOf(hash_, identity, transport, ip + digested);
  s.ipOctets = total;
  s.header = &header;
  return true;
}

FLOWSPAN_HOT bool Decoder::recentPacket(const PacketView& view, uint8_t interfaceSlot, RecentHeaders& recent, DecodedPacket& __restrict p) const {
  RecentSegment s;
  if (!recentSegment(view, interfaceSlot, recent, s)) return false;
  const RecentHeader& header = *s.header;
  p.key = header.key;
  p.hash = header.hash;
  p.digest = s.digest;
  p.ns = view.ns;
  p.wireOctets = view.wire;
  p.ipOctets = s.ipOctets;
  p.shape = header.shape | ipLengthOf(s.ipOctets);
  p.control = s.control;
  p.numbers = s.numbers;
  p.payloadOctets = s.payloadOctets;
  p.special = s.special();
  p.setTraits(header.traits);
  p.identified = header.isIdentified(view.data);
  p.flowLabel = header.flowLabel;  // without meaning where traits say that there is none
  p.frameMacs = view.data;
  p.recent = s.header;
  return true;
}

FLOWSPAN_COLD inline void Decoder::keepRecent(const PacketView& view, RecentHeaders& recent, DecodedPacket& p) const {
  const uint8_t* ip = view.data + (loadRaw<uint16_t>(view.data + 12) == common::kRawVlan ? 18 : 14);
  if ((p.key.kind & kKindMask) == kKindIpv4) keepRecentIp<false>(view, ip, recent, p);
  else keepRecentIp<true>(view, ip, recent, p);
  p.recent->link = loadRaw<uint32_t>(view.data + 12);
}

template <bool six>
void Decoder::keepRecentIp(const PacketView& view, const uint8_t* ip, RecentHeaders& recent, DecodedPacket& p) const {
  using namespace common;
  RecentHeader& header = recent.at(RecentLayout<six>::mixed(ip));
  for (unsigned i = 0; i < RecentLayout<six>::kPairs; i++) header.octets[i] = recentPair<six>(ip, i);
  header.key = p.key;
  header.hash = p.hash;
  header.identity = (six ? standingIdentityOf6(ip) : standingIdentityOf4(ip)) ^ p.key.protocol;
  header.flow = nullptr;
  header.traits = p.traits();
  header.shape = p.shape & ~IpRange::kLength;
  header.flowLabel = p.flowLabel;
  header.interfaceSlot = p.key.interfaceSlot;
  header.side = p.side;
  header.onlyTcp = p.key.protocol == kTcp ? -1 : 0;
  header.identificationAt = six ? 0 : static_cast<uint8_t>(ip + 4 - view.data);
  p.recent = &header;
}

}  // namespace flowspan
