// What tells one packet from another whichever way it comes past: the fields that routers and switches leave alone. TTL, hop
// limit, checksum, class of service, MACs and VLAN may differ between copies. Pure; see duplicate_window.h.
#pragma once

#include <cstddef>
#include <cstdint>

#include "byte_order.h"
#include "keyed_hash.h"

namespace flowspan {

// Octets from the transport header on that are looked at.
inline constexpr size_t kDigestOctets = 32;

// Odd multipliers spread the words; the keyed part is digestOf.
inline uint64_t identityOf4(const uint8_t* header, uint32_t total) {
  return loadRaw<uint64_t>(header + 12) * 0x9e3779b97f4a7c15ull ^ (uint64_t{loadRaw<uint32_t>(header + 4)} << 32 | total << 8) * 0xd6e8feb86659fd93ull;
}

inline uint64_t identityOf6(const uint8_t* header) {
  return loadRaw<uint64_t>(header + 8) * 0x9e3779b97f4a7c15ull ^ loadRaw<uint64_t>(header + 16) * 0xd6e8feb86659fd93ull ^
         loadRaw<uint64_t>(header + 24) * 0xa0761d6478bd642full ^ loadRaw<uint64_t>(header + 32) * 0xe7037ed1a0b428dbull ^
         (uint64_t{load16(header + 4)} << 32 | (load32(header) & 0xfffff)) * 0x8ebc6af09c88c6e3ull;
}

// Of 16 to kDigestOctets octets: the first 16 and the last 16, which together are all of them. Never 0.
inline uint64_t digestOf(const KeyedHash& hash, uint64_t identity, const uint8_t* at, size_t n) {
  const uint64_t h = hash.join(identity, loadRaw<uint64_t>(at), loadRaw<uint64_t>(at + 8));
  return hash.join(h, loadRaw<uint64_t>(at + n - 16), loadRaw<uint64_t>(at + n - 8)) | 1;
}

}  // namespace flowspan
