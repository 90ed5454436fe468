// What the ranges of a direction are made of: IP length, TTL and code point of a packet as one word with a spare bit above each
// field, so that one subtraction from each end tells whether all of them lie within. Pure; any thread.
#pragma once

#include <cstdint>

namespace flowspan {

// Length (saturating at 65535) in bits 0 to 15, TTL or hop limit in 17 to 24, DSCP in 26 to 31. Bits 16 and 25 are spare.
inline uint32_t ipLengthOf(uint32_t octets) { return octets < 0xffff ? octets : 0xffff; }
inline uint32_t ipShapeOf(uint32_t octets, uint32_t ttl, uint32_t classOfService) {
  return ipLengthOf(octets) | ttl << 17 | (classOfService & 0xfc) << 24;
}

// The least and the greatest length and TTL of a direction's open record. The code point is the first packet's at both ends,
// so any other lies outside.
struct IpRange {
  static constexpr uint32_t kLength = 0xffff, kTtl = 0xffu << 17, kDscp = 0xfcu << 24;

  uint32_t low;
  uint32_t high;

  // Of no packets: nothing lies within.
  static const IpRange kNothing;
  // Where a field is below its lowest or above its highest, the difference borrows from the spare bit above it.
  bool holds(uint32_t shape) const {
    constexpr uint64_t kBorrowed = uint64_t{1} << 16 | uint64_t{1} << 25 | uint64_t{1} << 32;
    return (((uint64_t{shape} - low) | (uint64_t{high} - shape)) & kBorrowed) == 0;
  }
  void begin(uint32_t shape) { low = high = shape; }
  // Length and TTL; true when the code point is another one than the first.
  bool widen(uint32_t shape) {
    const auto least = [&](uint32_t field) { return (shape & field) < (low & field) ? shape & field : low & field; };
    const auto most = [&](uint32_t field) { return (shape & field) > (high & field) ? shape & field : high & field; };
    const uint32_t dscp = low & kDscp;
    low = least(kLength) | least(kTtl) | dscp;
    high = most(kLength) | most(kTtl) | dscp;
    return (shape & kDscp) != dscp;
  }

  uint16_t minimumLength() const { return static_cast<uint16_t>(low & kLength); }
  uint16_t maximumLength() const { return static_cast<uint16_t>(high & kLength); }
  uint8_t minimumTtl() const { return static_cast<uint8_t>((low & kTtl) >> 17); }
  uint8_t maximumTtl() const { return static_cast<uint8_t>((high & kTtl) >> 17); }
};

inline constexpr IpRange IpRange::kNothing{kLength | kTtl | kDscp, 0};

}  // namespace flowspan
