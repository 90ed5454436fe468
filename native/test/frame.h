// Frames for tests, built layer by layer from the inside out: `frame(ethernet(kIpv4), ip4({...}), tcp({...}), text("x"))`.
// Lengths are those of what was appended; checksums are zero, nothing reads them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

using Bytes = std::vector<uint8_t>;

inline Bytes operator+(Bytes a, const Bytes& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}
inline Bytes be16(unsigned v) { return {static_cast<uint8_t>(v >> 8), static_cast<uint8_t>(v)}; }
inline Bytes be32(uint32_t v) { return be16(v >> 16) + be16(v & 0xffff); }
inline Bytes zeros(size_t n) { return Bytes(n, 0); }
inline Bytes octets(size_t n, uint8_t value = 0x78) { return Bytes(n, value); }

inline Bytes mac(uint8_t last) { return {0x02, 0, 0, 0, 0, last}; }
// From MAC ..:01 to ..:02 unless said otherwise.
inline Bytes ethernet(unsigned etherType, const Bytes& payload, uint8_t from = 1, uint8_t to = 2) {
  return mac(to) + mac(from) + be16(etherType) + payload;
}
inline Bytes tagged(unsigned tpid, unsigned tci, unsigned etherType, const Bytes& payload, uint8_t from = 1, uint8_t to = 2) {
  return mac(to) + mac(from) + be16(tpid) + be16(tci) + be16(etherType) + payload;
}

struct Ip4 {
  uint32_t from = 0x0a000001, to = 0x0a000002;
  uint8_t protocol = 17;
  uint8_t ttl = 64, tos = 0;
  uint16_t id = 1, fragment = 0;  // 0x2000 more fragments
  Bytes options = {};
  int totalLength = -1;  // what is there
};
inline Bytes ip4(const Ip4& h, const Bytes& payload) {
  const size_t header = 20 + h.options.size();
  const unsigned total = h.totalLength >= 0 ? static_cast<unsigned>(h.totalLength) : static_cast<unsigned>(header + payload.size());
  return Bytes{static_cast<uint8_t>(0x40 | header / 4), h.tos} + be16(total) + be16(h.id) + be16(h.fragment) + Bytes{h.ttl, h.protocol, 0, 0} +
         be32(h.from) + be32(h.to) + h.options + payload;
}

inline Bytes address6(uint8_t last) {
  Bytes a = zeros(16);
  a[0] = 0x20, a[1] = 0x01, a[15] = last;
  return a;
}
struct Ip6 {
  uint8_t from = 1, to = 2;
  uint8_t next = 17;
  uint8_t hops = 64, trafficClass = 0;
  uint32_t label = 0;
  int payloadLength = -1;
};
inline Bytes ip6(const Ip6& h, const Bytes& payload) {
  const unsigned length = h.payloadLength >= 0 ? static_cast<unsigned>(h.payloadLength) : static_cast<unsigned>(payload.size());
  return be32(6u << 28 | uint32_t{h.trafficClass} << 20 | h.label) + be16(length) + Bytes{h.next, h.hops} + address6(h.from) + address6(h.to) + payload;
}

// The checksum is any but 0, which would say that there is none: nobody here computes it.
inline Bytes udp(unsigned from, unsigned to, const Bytes& payload = {}, unsigned checksum = 0x5a5a) {
  return be16(from) + be16(to) + be16(8 + payload.size()) + be16(checksum) + payload;
}

enum TcpBits : unsigned { FIN = 1, SYN = 2, RST = 4, PSH = 8, ACK = 16, URG = 32, ECE = 64, CWR = 128, NS = 256 };
struct Tcp {
  unsigned from = 40000, to = 443;
  uint32_t seq = 0, ack = 0;
  unsigned bits = ACK;
  unsigned window = 1000;
};
inline Bytes tcp(const Tcp& h, const Bytes& payload = {}) {
  return be16(h.from) + be16(h.to) + be32(h.seq) + be32(h.ack) + be16(5u << 12 | h.bits) + be16(h.window) + zeros(4) + payload;
}

inline Bytes icmp(uint8_t type, uint8_t code, const Bytes& rest) { return Bytes{type, code, 0, 0} + rest; }
