// The common packet in one straight piece of code: Ethernet with one tag at most, IPv4 without options or fragments or IPv6
// without extension headers, a whole TCP or UDP header. Everything it answers is what the general way would have answered
// (a test compares the two); it only saves steps, and composes the key in registers, because many narrow stores read back
// as one word stall the processor.
// What differs at random from packet to packet (direction, tag, protocol) is computed, not branched on: a branch guessed wrongly
// costs more than the whole of either side. Defined in a header so that it becomes part of the batch's loop.
#pragma once

#include "decoder.h"
#include "packet_identity.h"

namespace flowspan {

namespace common {

inline constexpr uint16_t kRawIpv4 = toNetwork(kEtherTypeIpv4), kRawIpv6 = toNetwork(kEtherTypeIpv6), kRawVlan = toNetwork(kEtherTypeVlan);

// The last two words of a FlowKey. Changing places of the ports is a rotation.
inline uint64_t portsWord(uint32_t from, uint32_t to, bool swap) {
  const uint32_t ports = std::endian::native == std::endian::little ? from | to << 16 : from << 16 | to;
  const uint64_t word = std::rotl(ports, static_cast<int>(swap) << 4);
  return std::endian::native == std::endian::little ? word : word << 32;
}
inline uint64_t linkWord(uint64_t vlan, uint64_t protocol, uint64_t kind, uint64_t interfaceSlot) {
  if constexpr (std::endian::native == std::endian::little) return vlan | protocol << 32 | kind << 40 | interfaceSlot << 56;
  return vlan << 48 | protocol << 24 | kind << 16 | interfaceSlot;
}
// First word of an IPv4 address: its four octets, then zeros.
inline uint64_t ipv4Word(const uint8_t* at) {
  const uint64_t octets = loadRaw<uint32_t>(at);
  return std::endian::native == std::endian::little ? octets : octets << 32;
}
inline void storeKey(FlowKey& key, uint64_t a0, uint64_t a1, uint64_t b0, uint64_t b1, uint64_t ports, uint64_t link) {
  auto* at = reinterpret_cast<uint8_t*>(&key);
  const auto store = [&](unsigned i, uint64_t word) { std::memcpy(at + 8 * i, &word, sizeof word); };
  store(0, a0), store(1, a1), store(2, b0), store(3, b1), store(4, ports), store(5, link);
}

}  // namespace common

FLOWSPAN_HOT bool Decoder::commonPacket(const PacketView& view, uint8_t interfaceSlot, DecodedPacket& p) const {
  using namespace common;
  if (view.captured < 14 + 20 + 20 || view.link != LinkType::ethernet || view.vlanTpid != 0) return false;
  const uint8_t* ip = view.data + 14;
  uint16_t type = loadRaw<uint16_t>(view.data + 12);
  uint64_t vlan = 0;
  unsigned priorities = 0;
  if (type == kRawVlan) {
    const uint16_t tci = load16(ip);
    vlan = kTagPresent | (tci & 0x0fffu);
    priorities = tci >> 13;
    type = loadRaw<uint16_t>(ip + 2);
    ip += 4;
  }
  const auto left = static_cast<uint32_t>(view.data + view.captured - ip);
  const auto wire = view.wire - static_cast<uint32_t>(ip - view.data);
  const uint8_t* transport;
  uint32_t total, headerOctets;
  uint64_t identity;
  uint8_t protocol;
  uint16_t flags;
  if (type == kRawIpv4) {
    if (left < 40 || ip[0] != 0x45 || (load16(ip + 6) & 0x3fff) != 0) return false;
    total = load16(ip + 2);
    headerOctets = 20;
    protocol = ip[9];
    p.ttl = ip[8];
    p.classOfService = ip[1];
    p.identified = loadRaw<uint16_t>(ip + 4) != 0;
    flags = kHasIp;
    identity = identityOf4(ip, total);
  } else if (type == kRawIpv6) {
    if (left < 60 || ip[0] >> 4 != 6) return false;
    const uint32_t claimed = load16(ip + 4);
    if (claimed == 0) return false;
    total = claimed + 40;
    headerOctets = 40;
    protocol = ip[6];
    p.ttl = ip[7];
    const uint32_t first = load32(ip);
    p.classOfService = static_cast<uint8_t>(first >> 20);
    p.flowLabel = first & 0xfffff;
    p.identified = false;
    flags = kHasIp | kFlowLabelled;
    identity = identityOf6(ip);
  } else {
    return false;
  }
  if (total > wire || total < headerOctets + 16) return false;
  transport = ip + headerOctets;
  const uint32_t octets = total - headerOctets;
  const uint32_t captured = left - headerOctets < octets ? left - headerOctets : octets;
  if (!usualProtocol_[protocol]) [[unlikely]] return false;
  const uint32_t from = load16(transport), to = load16(transport + 2);
  // As if it were TCP: 20 octets are captured either way, and nobody looks at these fields without kTcpHeader.
  const uint16_t offsetAndBits = load16(transport + 12);
  const uint32_t tcpOctets = (offsetAndBits >> 12) * 4u;
  const bool isTcp = protocol == kTcp;
  const uint32_t payload = octets - tcpOctets;
  // The top bit: a header below 20 octets, or longer than the packet.
  const uint32_t brokenTcp = ((tcpOctets - 20) | payload) & (0u - opaque(uint32_t{isTcp}));
  if (static_cast<int32_t>(brokenTcp) < 0) [[unlikely]] return false;
  p.sequence = load32(transport + 4);
  p.acknowledgment = load32(transport + 8);
  p.tcpBits = offsetAndBits & 0x0fff;
  p.window = load16(transport + 14);
  p.payloadOctets = payload;
  flags |= static_cast<uint16_t>(uint32_t{isTcp} * kTcpHeader);
  p.digest = digestOf(hash_, identity ^ protocol, transport, captured < kDigestOctets ? captured : kDigestOctets);
  p.ns = view.ns;
  p.wireOctets = view.wire;
  p.ipOctets = total;
  p.flags = flags;
  p.annotation = 0;
  p.priorities = static_cast<uint8_t>(priorities);
  p.frameMacs = view.data;
  if (headerOctets == 20) {
    const uint64_t a = ipv4Word(ip + 12), b = ipv4Word(ip + 16);
    // Address and port as one number.
    const bool swap = (uint64_t{loadRaw<uint32_t>(ip + 12)} << 16 | from) > (uint64_t{loadRaw<uint32_t>(ip + 16)} << 16 | to);
    const uint64_t ports = portsWord(from, to, swap);
    const uint64_t link = linkWord(vlan, protocol, kKindIpv4, interfaceSlot);
    const uint64_t exchange = (a ^ b) & (0 - uint64_t{swap});
    const uint64_t low = a ^ exchange, high = b ^ exchange;
    storeKey(p.key, low, 0, high, 0, ports, link);
    p.side = swap;
    p.hash = hash_.ofFourWords(low, high, ports, link & lastWordMask_);
  } else {
    const uint64_t a0 = loadRaw<uint64_t>(ip + 8), a1 = loadRaw<uint64_t>(ip + 16), b0 = loadRaw<uint64_t>(ip + 24), b1 = loadRaw<uint64_t>(ip + 32);
    const bool swap = (a0 > b0) | ((a0 == b0) & ((a1 > b1) | ((a1 == b1) & (from > to))));
    const uint64_t mask = 0 - uint64_t{swap};
    const uint64_t exchange0 = (a0 ^ b0) & mask, exchange1 = (a1 ^ b1) & mask;
    const uint64_t words[6] = {a0 ^ exchange0, a1 ^ exchange1, b0 ^ exchange0, b1 ^ exchange1, portsWord(from, to, swap),
                               linkWord(vlan, protocol, kKindIpv6, interfaceSlot)};
    storeKey(p.key, words[0], words[1], words[2], words[3], words[4], words[5]);
    p.side = swap;
    const uint64_t masked[6] = {words[0], words[1], words[2], words[3], words[4], words[5] & lastWordMask_};
    p.hash = hash_.ofSixWords(masked);
  }
  return true;
}

}  // namespace flowspan
