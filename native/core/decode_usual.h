// The common packet in one straight piece of code: Ethernet with one tag at most, IPv4 without options or fragments or IPv6
// without extension headers, a whole TCP or UDP header. Everything it answers is what the general way would have answered
// (a test compares the two); it only saves steps, and composes the key in registers, because many narrow stores read back
// as one word stall the processor.
// What differs at random from packet to packet (direction, protocol) is computed, not branched on: a branch guessed wrongly
// costs more than the whole of either side. Defined in a header so that it becomes part of the batch's loop.
#pragma once

#include "decoder.h"
#include "packet_identity.h"

namespace flowspan {

namespace common {

inline constexpr bool kLittle = std::endian::native == std::endian::little;
inline constexpr uint16_t kRawIpv4 = toNetwork(kEtherTypeIpv4), kRawIpv6 = toNetwork(kEtherTypeIpv6), kRawVlan = toNetwork(kEtherTypeVlan);
// More fragments, or an offset.
inline constexpr uint16_t kRawFragment = toNetwork(uint16_t{0x3fff});
// Octets of the transport header that have to be captured: all that TCP's fixed part has.
inline constexpr uint32_t kTransportOctets = 20;
// In the control word of TCP: ACK alone; and SYN, FIN, RST and ACK with the window. Where they differ in no bit, what is left is
// the window, which only counts when it is 0: that becomes the greatest number by taking 1.
inline constexpr uint32_t kAcknowledges = 0x0010'0000, kToldByControl = 0x0017'ffff;

// DecodedPacket::special. `onlyTcp`: all ones, or 0 for UDP.
inline uint32_t specialOf(uint32_t control, uint32_t onlyTcp) { return ((control ^ kAcknowledges) & kToldByControl & onlyTcp) + onlyTcp; }

// The last two words of a FlowKey. Changing places of the ports is a rotation.
inline uint64_t portsWord(const uint8_t* transport, uint32_t swapped) {
  const uint32_t ports = std::rotl(std::rotl(load32(transport), 16), static_cast<int>(swapped * 16));
  return kLittle ? ports : uint64_t{std::rotl(ports, 16)} << 32;
}
inline uint64_t linkWord(uint64_t vlan, uint64_t protocol, uint64_t kind, uint64_t interfaceSlot) {
  if constexpr (kLittle) return vlan | protocol << 32 | kind << 40 | interfaceSlot << 56;
  return vlan << 48 | protocol << 24 | kind << 16 | interfaceSlot;
}
inline void storeWord(FlowKey& key, unsigned i, uint64_t word) { std::memcpy(reinterpret_cast<uint8_t*>(&key) + 8 * i, &word, sizeof word); }

}  // namespace common

FLOWSPAN_HOT bool Decoder::commonPacket(const PacketView& view, uint8_t interfaceSlot, DecodedPacket& __restrict p) const {
  using namespace common;
  if (view.captured < 14 + 20 + kTransportOctets) [[unlikely]] return false;
  const uint8_t* ip = view.data + 14;
  uint16_t type = loadRaw<uint16_t>(view.data + 12);
  uint64_t vlan = 0;
  p.priorities = 0;
  if (type == kRawVlan) {
    const uint32_t tci = load16(ip);
    vlan = kTagPresent | (tci & 0x0fffu);
    p.priorities = static_cast<uint8_t>(tci >> 13);
    type = loadRaw<uint16_t>(ip + 2);
    ip += 4;
  }
  if (type == kRawIpv4) return common4(view, ip, vlan, interfaceSlot, p);
  if (type == kRawIpv6) return common6(view, ip, vlan, interfaceSlot, p);
  return false;
}

FLOWSPAN_HOT bool Decoder::common4(const PacketView& view, const uint8_t* ip, uint64_t vlan, uint8_t interfaceSlot, DecodedPacket& __restrict p) const {
  using namespace common;
  if (ip[0] != 0x45 || (loadRaw<uint16_t>(ip + 6) & kRawFragment) != 0) [[unlikely]] return false;
  const uint32_t total = load16(ip + 2);
  const uint8_t protocol = ip[9];
  if (!commonTransport<false>(view, ip, total, protocol, p)) [[unlikely]] return false;
  const uint32_t from = loadRaw<uint32_t>(ip + 12), to = loadRaw<uint32_t>(ip + 16);
  if (from == to) [[unlikely]] return false;  // the ports decide then
  const uint32_t swapped = from > to;
  p.side = static_cast<uint8_t>(swapped);
  p.identified = loadRaw<uint16_t>(ip + 4) != 0;
  p.classOfService = ip[1];
  p.shape = ipShapeOf(total, ip[8], ip[1]);
  const uint64_t pair = std::rotl(loadRaw<uint64_t>(ip + 12), static_cast<int>(swapped * 32));
  const uint64_t ports = portsWord(ip + 20, swapped), link = linkWord(vlan, protocol, kKindIpv4, interfaceSlot);
  storeWord(p.key, 0, kLittle ? static_cast<uint32_t>(pair) : pair & ~uint64_t{0xffffffff});
  storeWord(p.key, 1, 0);
  storeWord(p.key, 2, kLittle ? pair >> 32 : pair << 32);
  storeWord(p.key, 3, 0);
  storeWord(p.key, 4, ports);
  storeWord(p.key, 5, link);
  p.hash = hash_.ofKey(pair, ports, link & lastWordMask_);
  return true;
}

FLOWSPAN_HOT bool Decoder::common6(const PacketView& view, const uint8_t* ip, uint64_t vlan, uint8_t interfaceSlot, DecodedPacket& __restrict p) const {
  using namespace common;
  const uint32_t first = load32(ip);
  const uint32_t claimed = load16(ip + 4);
  if (first >> 28 != 6 || claimed == 0) [[unlikely]] return false;
  const uint8_t protocol = ip[6];
  if (!commonTransport<true>(view, ip, claimed + 40, protocol, p)) [[unlikely]] return false;
  p.flags = static_cast<uint16_t>(p.flags | kFlowLabelled);
  p.identified = false;
  p.classOfService = static_cast<uint8_t>(first >> 20);
  p.flowLabel = first & 0xfffff;
  p.shape = ipShapeOf(claimed + 40, ip[7], first >> 20);
  const uint64_t a0 = loadRaw<uint64_t>(ip + 8), a1 = loadRaw<uint64_t>(ip + 16), b0 = loadRaw<uint64_t>(ip + 24), b1 = loadRaw<uint64_t>(ip + 32);
  const bool portsGreater = load16(ip + 40) > load16(ip + 42);
  const uint32_t swapped = (a0 > b0) | ((a0 == b0) & ((a1 > b1) | ((a1 == b1) & portsGreater)));
  p.side = static_cast<uint8_t>(swapped);
  const uint64_t mask = 0 - uint64_t{swapped};
  const uint64_t exchange0 = (a0 ^ b0) & mask, exchange1 = (a1 ^ b1) & mask;
  const uint64_t words[4] = {a0 ^ exchange0, a1 ^ exchange1, b0 ^ exchange0, b1 ^ exchange1};
  for (unsigned i = 0; i < 4; i++) storeWord(p.key, i, words[i]);
  const uint64_t ports = portsWord(ip + 40, swapped), link = linkWord(vlan, protocol, kKindIpv6, interfaceSlot);
  storeWord(p.key, 4, ports);
  storeWord(p.key, 5, link);
  p.hash = hash_.ofKey(hash_.mixFour(words[0], words[1], words[2], words[3]), ports, link & lastWordMask_);
  return true;
}

// From the transport header on; also what a packet of either version has. A datagram of UDP passes for a segment without data
// that acknowledges nothing, so that what follows need not ask which it is.
template <bool six>
FLOWSPAN_HOT bool Decoder::commonTransport(const PacketView& view, const uint8_t* ip, uint32_t total, uint8_t protocol,
                                           DecodedPacket& __restrict p) const {
  using namespace common;
  constexpr uint32_t headerOctets = six ? 40 : 20;
  const auto before = static_cast<uint32_t>(ip - view.data);
  const uint32_t captured = std::min(view.captured - before, total);
  const int32_t mask = segmentMask_[protocol];
  if (captured < headerOctets + kTransportOctets || total > view.wire - before || mask > 0) [[unlikely]] return false;
  const auto onlyTcp = static_cast<uint32_t>(mask);
  const uint8_t* transport = ip + headerOctets;
  const uint32_t control = load32(transport + 12);
  const uint32_t tcpOctets = (control >> 28) * 4;
  const uint32_t payload = total - headerOctets - tcpOctets;
  // The top bit: a header below 20 octets, or longer than the packet.
  if (static_cast<int32_t>(((tcpOctets - 20) | payload) & onlyTcp) < 0) [[unlikely]] return false;
  // Nothing stands for the rest of an unsummed datagram: more of it is looked at. Of TCP these octets are a sequence number's.
  if ((loadRaw<uint16_t>(transport + 6) | onlyTcp) == 0) [[unlikely]] return false;
  p.numbers = load64(transport + 4) & static_cast<uint64_t>(int64_t{mask});
  p.payloadOctets = payload & onlyTcp;
  p.control = control & onlyTcp;
  p.special = specialOf(control, onlyTcp);
  p.flags = static_cast<uint16_t>(kHasIp | (onlyTcp & kTcpHeader));
  const uint8_t* end = ip + std::min(captured, headerOctets + static_cast<uint32_t>(kDigestOctets));
  // Not before it is known that all of the header was captured.
  const uint64_t identity = six ? identityOf6(ip) : identityOf4(ip);
  p.digest = digestOf(hash_, identity ^ protocol, transport, end);
  p.ns = view.ns;
  p.wireOctets = view.wire;
  p.ipOctets = total;
  p.annotation = 0;
  p.frameMacs = view.data;
  return true;
}

}  // namespace flowspan
