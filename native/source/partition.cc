// Looks only as far as the outer addresses: link header, at most kTagsMax tags or labels, IP header.
#include "partition.h"

#include "../core/byte_order.h"

namespace flowspan {

namespace {

constexpr int kTagsMax = 8;

uint32_t mix(uint64_t a, uint64_t b) {
  // Sum and exclusive-or are both symmetric; together they tell pairs apart that one of them confuses.
  uint64_t h = (a ^ b) * 0x9e3779b97f4a7c15ull + (a + b) * 0xc2b2ae3d27d4eb4full;
  h ^= h >> 29;
  h *= 0xbf58476d1ce4e5b9ull;
  return static_cast<uint32_t>(h >> 32);
}

constexpr unsigned kAnyVersion = 0;

// What is no IP to the decoder is none here: its frames are flows of their MACs. So where a layer below says which version
// follows, another one in the header does not count, nor does a header length below 20 octets.
uint32_t hashIp(const uint8_t* at, const uint8_t* end, uint32_t otherwise, unsigned version) {
  if (at >= end || (version != kAnyVersion && at[0] >> 4 != static_cast<int>(version))) return otherwise;
  if (at[0] >> 4 == 4 && (at[0] & 15) >= 5 && end - at >= 20) return mix(loadRaw<uint32_t>(at + 12), loadRaw<uint32_t>(at + 16));
  if (at[0] >> 4 == 6 && end - at >= 40) {
    return mix(loadRaw<uint64_t>(at + 8) * 31 + loadRaw<uint64_t>(at + 16),
               loadRaw<uint64_t>(at + 24) * 31 + loadRaw<uint64_t>(at + 32));
  }
  return otherwise;
}

// RFC 1332 section 3, RFC 5072 section 3.
uint32_t hashPpp(uint16_t protocol, const uint8_t* at, const uint8_t* end, uint32_t otherwise) {
  return protocol == 0x0021 ? hashIp(at, end, otherwise, 4) : protocol == 0x0057 ? hashIp(at, end, otherwise, 6) : otherwise;
}

// From an EtherType on: through tags, MPLS labels and PPPoE to the IP header.
uint32_t hashTyped(uint16_t type, const uint8_t* at, const uint8_t* end, uint32_t otherwise) {
  for (int tags = 0; tags < kTagsMax; tags++) {
    switch (type) {
      case 0x0800: return hashIp(at, end, otherwise, 4);
      case 0x86dd: return hashIp(at, end, otherwise, 6);
      case 0x8100:
      case 0x88a8:
      case 0x9100:
        if (end - at < 4) return otherwise;
        type = load16(at + 2);
        at += 4;
        break;
      case 0x8847:
      case 0x8848:
        if (end - at < 4) return otherwise;
        if (at[2] & 1) return hashIp(at + 4, end, otherwise, kAnyVersion);  // bottom of stack, RFC 3032 2.1
        at += 4;
        break;
      case 0x8864:  // PPPoE session (RFC 2516): six octets, then the PPP protocol
        if (end - at < 8) return otherwise;
        return hashPpp(load16(at + 6), at + 8, end, otherwise);
      default: return otherwise;
    }
  }
  return otherwise;
}

}  // namespace

uint32_t partitionHash(const PacketView& packet) {
  const uint8_t* at = packet.data;
  const uint8_t* end = at + packet.captured;
  switch (packet.link) {
    case LinkType::ethernet: {
      if (packet.captured < 14) return 0;
      const uint64_t destination = load32(at) * 65536ull + load16(at + 4);
      const uint64_t source = load32(at + 6) * 65536ull + load16(at + 10);
      return hashTyped(load16(at + 12), at + 14, end, mix(destination, source));
    }
    case LinkType::linuxSll: return packet.captured < 16 ? 0 : hashTyped(load16(at + 14), at + 16, end, 0);
    case LinkType::linuxSll2: return packet.captured < 20 ? 0 : hashTyped(load16(at), at + 20, end, 0);
    case LinkType::rawIp: return hashIp(at, end, 0, kAnyVersion);
    case LinkType::bsdLoopback: return hashIp(at + 4, end, 0, kAnyVersion);
    case LinkType::ppp: return packet.captured < 4 ? 0 : hashIp(at + (at[0] == 0xff ? 4 : 2), end, 0, kAnyVersion);
    case LinkType::pppHdlc: return hashIp(at + 4, end, 0, kAnyVersion);
    case LinkType::pppoe: return hashIp(at + 8, end, 0, kAnyVersion);
  }
  return 0;
}

}  // namespace flowspan
