// What tells one packet from another whichever way it comes past: the fields that routers and switches leave alone. TTL, hop
// limit, checksum, class of service, MACs and VLAN may differ between copies. Pure; see duplicate_window.h.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "byte_order.h"
#include "keyed_hash.h"

namespace flowspan {

// Octets from the transport header on that are looked at.
inline constexpr size_t kDigestOctets = 32;
// Of a UDP datagram that bears no checksum, as tunnels send them (RFC 7348 4, RFC 6935): so far in that headers within, with their
// identification, sequence number and checksum, are among them.
inline constexpr size_t kUnsummedDigestOctets = 128;

// Odd multipliers spread the words; the keyed part is digestOf. What stands in the packets of a flow is apart from what changes from one to
// the next. Of IPv4: the addresses; and total length, identification and fragment, without the two octets behind
// them: the TTL, and the protocol, which counts wherever it stands.
inline uint64_t standingIdentityOf4(const uint8_t* header) { return loadRaw<uint64_t>(header + 12) * 0x9e3779b97f4a7c15ull; }
inline uint64_t changingIdentityOf4(const uint8_t* header) {
  const uint64_t word = loadRaw<uint64_t>(header + 2);
  return (std::endian::native == std::endian::little ? word << 16 : word >> 16) * 0xd6e8feb86659fd93ull;
}
inline uint64_t identityOf4(const uint8_t* header) { return standingIdentityOf4(header) ^ changingIdentityOf4(header); }

// Of IPv6: the addresses and the flow label; and the payload length.
inline uint64_t standingIdentityOf6(const uint8_t* header) {
  return loadRaw<uint64_t>(header + 8) * 0x9e3779b97f4a7c15ull ^ loadRaw<uint64_t>(header + 16) * 0xd6e8feb86659fd93ull ^
         loadRaw<uint64_t>(header + 24) * 0xa0761d6478bd642full ^ loadRaw<uint64_t>(header + 32) * 0xe7037ed1a0b428dbull ^
         (load32(header) & 0xfffff) * 0x8ebc6af09c88c6e3ull;
}
inline uint64_t changingIdentityOf6(const uint8_t* header) { return load16(header + 4) * 0x589965cc75374cc3ull; }
inline uint64_t identityOf6(const uint8_t* header) { return standingIdentityOf6(header) ^ changingIdentityOf6(header); }

// Of 16 to kDigestOctets octets up to `end`: the first 16 and the last 16, which together are all of them. Never 0.
inline uint64_t digestOf(const KeyedHash& hash, uint64_t identity, const uint8_t* at, const uint8_t* end) {
  return hash.mixFour(loadRaw<uint64_t>(at) ^ identity, loadRaw<uint64_t>(at + 8), loadRaw<uint64_t>(end - 16), loadRaw<uint64_t>(end - 8)) | 1;
}

// Of more octets than that: every piece keys the next.
inline uint64_t longDigestOf(const KeyedHash& hash, uint64_t identity, const uint8_t* at, const uint8_t* end) {
  while (end - at > static_cast<ptrdiff_t>(kDigestOctets)) {
    identity = digestOf(hash, identity, at, at + kDigestOctets);
    at += kDigestOctets;
  }
  return digestOf(hash, identity, std::min(at, end - 16), end);
}

// RFC 768: all zero says that the sender made no checksum.
inline bool isUnsummed(const uint8_t* udp) { return load16(udp + 6) == 0; }

}  // namespace flowspan
