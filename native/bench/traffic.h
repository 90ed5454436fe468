// Bench traffic, the same for the same seed: imix, min64, flood, elephants. Frames are snapped to 128 octets and keep their
// original length. Used by the capture generator and by the microbenchmark, which keeps them in memory.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "../core/byte_order.h"
#include "../core/keyed_hash.h"

namespace flowspan {

inline constexpr uint32_t kSnapOctets = 128;

struct TrafficShape {
  const char* name;
  uint32_t packets;
  uint32_t flows;      // unidirectional
  uint32_t nsBetween;  // packet spacing
};

// imix: about 145 thousand unidirectional flows with a heavy tail, a fifth IPv6, a tenth VLAN-tagged, 40/576/1500 as 7:4:1.
inline constexpr TrafficShape kShapes[] = {
    {"imix", 5'000'000, 145'000, 3'000},
    {"min64", 5'000'000, 1'000'000, 1'500},
    {"flood", 2'000'000, 2'000'000, 1'500},
    {"elephants", 5'000'000, 32, 12'000},
};

struct TrafficFrame {
  uint64_t ns;
  uint32_t captured;
  uint32_t wire;
  uint8_t octets[kSnapOctets];
};

class Traffic {
 public:
  Traffic(const TrafficShape& shape, uint64_t seed) : shape_(shape), random_(seed), secret_(seed), counters_(shape.flows), sequence_(shape.flows) {
    kind_ = shape.name[0];
  }

  // Fills the i-th frame, i from 0 in order.
  void fill(uint32_t i, TrafficFrame& frame) {
    const uint32_t flow = flowOf(i);
    const uint64_t r = secret_.ofTwoWords(kind_ == 'f' ? flow : flow / 2, 1);  // of the connection
    const bool back = kind_ != 'f' && (flow & 1) != 0;
    const uint32_t n = counters_[flow]++;
    const bool six = kind_ == 'i' && r % 5 == 0;
    const bool tagged = kind_ == 'i' && (r >> 8) % 10 == 0;
    const bool tcp = kind_ == 'e' || (kind_ == 'i' ? (r >> 16) % 10 < 7 : (r >> 16) % 2 == 0);
    const uint32_t ipOctets = lengthOf(flow, n, six);
    frame.ns = 1'700'000'000'000'000'000ull + uint64_t{i} * shape_.nsBetween;
    uint8_t* at = frame.octets;
    std::memset(at, 0, sizeof frame.octets);
    const uint64_t macs[2] = {0x020000000000ull | (r & 0xff), 0x0200000000ffull};
    at = mac(mac(at, macs[back ? 0 : 1]), macs[back ? 1 : 0]);
    if (tagged) {
      at = put16(at, 0x8100);
      at = put16(at, 10 + (r >> 24) % 8);
    }
    at = put16(at, six ? 0x86dd : 0x0800);
    const uint8_t protocol = tcp ? 6 : 17;
    const uint32_t clientAddress = 0x0a000000u | (static_cast<uint32_t>(r >> 20) & 0xffffff);
    const uint32_t serverAddress = 0xc0a80000u ^ static_cast<uint32_t>(r >> 32);
    if (six) {
      put32(at, 0x60000000u | (flow & 0xfffff));
      put16(at + 4, ipOctets - 40);
      at[6] = protocol;
      at[7] = back ? 57 : 64;
      address6(at + 8, back ? serverAddress : clientAddress);
      address6(at + 24, back ? clientAddress : serverAddress);
      at += 40;
    } else {
      at[0] = 0x45;
      put16(at + 2, ipOctets);
      put16(at + 4, n + 1 + flow * 7);
      put16(at + 6, 0x4000);
      at[8] = back ? 57 : 64;
      at[9] = protocol;
      put32(at + 12, back ? serverAddress : clientAddress);
      put32(at + 16, back ? clientAddress : serverAddress);
      at += 20;
    }
    const uint32_t client = 1024 + ((kind_ == 'f' ? flow : flow / 2) * 31) % 60000, server = tcp ? 443 : 53;
    put16(at, back ? server : client);
    put16(at + 2, back ? client : server);
    if (tcp) {
      const uint32_t payload = ipOctets - (six ? 60 : 40);
      put32(at + 4, sequence_[flow]);
      put32(at + 8, kind_ == 'f' ? 1 : sequence_[flow ^ 1]);
      sequence_[flow] += payload;
      put16(at + 12, 0x5010);
      put16(at + 14, 8192);
      put16(at + 16, (n * 40503u) ^ flow);  // stands in for a checksum: differs from packet to packet
    } else {
      put16(at + 4, ipOctets - (six ? 40 : 20));
      put16(at + 6, ((n * 40503u) ^ flow) | 1);  // likewise; 0 would say that there is none
      put32(at + 8, n);
    }
    const uint32_t header = 14 + (tagged ? 4 : 0);
    frame.wire = header + ipOctets < 60 ? 60 : header + ipOctets;
    frame.captured = frame.wire < kSnapOctets ? frame.wire : kSnapOctets;
  }

 private:
  uint32_t flowOf(uint32_t i) {
    if (kind_ == 'f') return i;
    if (kind_ != 'i') return static_cast<uint32_t>((random_.next() >> 32) * shape_.flows >> 32);
    // Every flow once at first sight, then heavy-tailed: the cube of a uniform variable.
    if (i % 34 == 0 && i / 34 < shape_.flows) return i / 34;
    const double u = static_cast<double>(random_.next() >> 11) * 0x1.0p-53;
    return static_cast<uint32_t>(u * u * u * shape_.flows);
  }
  uint32_t lengthOf(uint32_t flow, uint32_t n, bool six) const {
    if (kind_ == 'm' || kind_ == 'f') return 46;
    if (kind_ == 'e') return 1500;
    const uint64_t r = secret_.ofTwoWords(flow, n + 2) % 12;
    return (r < 7 ? 40 : r < 11 ? 576 : 1500) + (six && r < 7 ? 20 : 0);
  }
  static uint8_t* mac(uint8_t* at, uint64_t value) {
    for (int i = 5; i >= 0; i--) *at++ = static_cast<uint8_t>(value >> (8 * i));
    return at;
  }
  static uint8_t* put16(uint8_t* at, uint64_t value) {
    storeNetwork(at, static_cast<uint16_t>(value));
    return at + 2;
  }
  static void put32(uint8_t* at, uint32_t value) { storeNetwork(at, value); }
  static void address6(uint8_t* at, uint32_t address) {
    at[0] = 0x20, at[1] = 0x01, at[2] = 0x0d, at[3] = 0xb8;
    put32(at + 12, address);
  }

  const TrafficShape& shape_;
  char kind_;
  SplitMix random_;
  KeyedHash secret_;
  std::vector<uint32_t> counters_;
  std::vector<uint32_t> sequence_;  // octets each flow has sent
};

}  // namespace flowspan
