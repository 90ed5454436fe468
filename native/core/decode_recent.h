// The common packet whose header came lately, under another length and with other numbers: what stands is taken from there, what changes
// is decoded. Everything it answers is what the common way would have answered. See recent_headers.h and decode_usual.h.
#pragma once

#include "decoder.h"
#include "packet_identity.h"
#include "recent_headers.h"

namespace flowspan {

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

FLOWSPAN_HOT bool Decoder::recentPacket(const PacketView& view, uint8_t interfaceSlot, RecentHeaders& recent, DecodedPacket& __restrict p) const {
  using namespace common;
  if (view.captured < 14 + 20 + kTransportOctets) [[unlikely]] return false;
  uint16_t type = loadRaw<uint16_t>(view.data + 12);
  if (type == kRawIpv4) return recentIp<false, 14>(view, interfaceSlot, recent, p);
  if (type == kRawIpv6) return recentIp<true, 14>(view, interfaceSlot, recent, p);
  if (type != kRawVlan) [[unlikely]] return false;
  type = loadRaw<uint16_t>(view.data + 16);
  if (type == kRawIpv4) return recentIp<false, 18>(view, interfaceSlot, recent, p);
  return type == kRawIpv6 && recentIp<true, 18>(view, interfaceSlot, recent, p);
}

template <bool six, unsigned before>
FLOWSPAN_HOT bool Decoder::recentIp(const PacketView& view, uint8_t interfaceSlot, RecentHeaders& recent, DecodedPacket& __restrict p) const {
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
  if (header.isTcp) [[likely]] {
    const uint32_t control = load32(transport + 12), tcpOctets = control >> 26 & 0x3c;
    payload -= tcpOctets;
    shortfall |= (tcpOctets - 20) | payload;
    p.numbers = load64(transport + 4);
    p.payloadOctets = payload;
    p.control = control;
    p.special = ((control ^ kAcknowledges) & kToldByControl) - 1;
  } else {
    shortfall |= payload - kTransportOctets;
    if (isUnsummed(transport)) [[unlikely]] return false;
    p.numbers = 0;
    p.payloadOctets = p.control = p.special = 0;
  }
  if (static_cast<int32_t>(shortfall) < 0) [[unlikely]] return false;
  const uint32_t digested = std::min(std::min(view.captured - before, total), kHeaderOctets + static_cast<uint32_t>(kDigestOctets));
  const uint64_t identity = header.identity ^ (six ? changingIdentityOf6(ip) : changingIdentityOf4(ip));
  p.key = header.key;
  p.hash = header.hash;
  p.digest = digestOf(hash_, identity, transport, ip + digested);
  p.ns = view.ns;
  p.wireOctets = view.wire;
  p.ipOctets = total;
  p.shape = header.shape | ipLengthOf(total);
  p.setTraits(header.traits);
  p.identified = !six && loadRaw<uint16_t>(ip + 4) != 0;
  if (six) p.flowLabel = header.flowLabel;
  p.frameMacs = view.data;
  p.recent = &header;
  return true;
}

FLOWSPAN_COLD inline void Decoder::keepRecent(const PacketView& view, RecentHeaders& recent, DecodedPacket& p) const {
  const uint8_t* ip = view.data + (loadRaw<uint16_t>(view.data + 12) == common::kRawVlan ? 18 : 14);
  if ((p.key.kind & kKindMask) == kKindIpv4) keepRecentIp<false>(ip, recent, p);
  else keepRecentIp<true>(ip, recent, p);
  p.recent->link = loadRaw<uint32_t>(view.data + 12);
}

template <bool six>
void Decoder::keepRecentIp(const uint8_t* ip, RecentHeaders& recent, DecodedPacket& p) const {
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
  header.isTcp = p.key.protocol == kTcp;
  p.recent = &header;
}

}  // namespace flowspan
