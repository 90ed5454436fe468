// Packets that the mirror shows twice. Digests of recent packets (decode_transport.cc) in 32768 buckets of two, 512 KiB:
// about the last 65 thousand packets or the window, whichever is shorter. Owner: the core's thread.
//
// Against false alarms: with a non-zero IPv4 identification (or an IPv6 fragment's) the full window counts, because a
// packet sent again carries another one. Without (IPv6, and IPv4 hosts that send 0 with DF, RFC 6864) two identical
// packets may be two: a repeated acknowledgement, a keepalive. A mirror's two copies come within microseconds, so only
// `kUnidentifiedNs` counts there. Frames that are not IP are never compared.
#pragma once

#include <cstdint>

#include "memory_region.h"
#include "prefetch.h"

namespace flowspan {

class DuplicateWindow {
 public:
  static constexpr uint64_t kBuckets = 32768;
  static constexpr uint64_t kUnidentifiedNs = 1'000'000;

  // Without use, no memory is taken.
  DuplicateWindow(uint64_t windowNs, bool used)
      : limits_{unitsOf(windowNs < kUnidentifiedNs ? windowNs : kUnidentifiedNs), unitsOf(windowNs)},
        region_(used ? kBuckets * sizeof(Bucket) : 0) {}

  void prefetch(uint64_t digest) const { askForWriting(&bucket(digest)); }

  // True when a packet with this digest (not 0, which stands for none) was seen within the window; otherwise remembers this one. The first copy's time
  // stays, so a third copy is measured from the first. `identified` is asked when one has the same digest.
  template <typename Identified>
  bool seen(uint64_t digest, uint64_t ns, Identified identified) {
    Bucket& b = bucket(digest);
    const auto print = static_cast<uint32_t>(digest);
    const uint64_t sight = (ns >> kShift) << 32 | print;
    if (static_cast<uint32_t>(b.latest) == print || static_cast<uint32_t>(b.former) == print) [[unlikely]] return again(b, sight, identified());
    b.former = b.latest;
    b.latest = sight;
    return false;
  }

  size_t memoryBytes() const { return region_.bytes(); }

 private:
  static constexpr unsigned kShift = 14;  // 16 µs; wraps after 19 h, when a 32-bit print would have to agree as well
  // A print below the low 32 bits of its time.
  struct Bucket {
    uint64_t latest;
    uint64_t former;
  };
  Bucket& bucket(uint64_t digest) const {
    constexpr unsigned kBucketShift = 4;
    static_assert(sizeof(Bucket) == 1 << kBucketShift);
    return *reinterpret_cast<Bucket*>(region_.as<uint8_t>() + (digest >> (32 - kBucketShift) & (kBuckets - 1) << kBucketShift));
  }

  [[gnu::noinline]] bool again(Bucket& b, uint64_t sight, bool identified) {
    if (static_cast<uint32_t>(sight) == 0) return false;
    const bool isLatest = static_cast<uint32_t>(b.latest) == static_cast<uint32_t>(sight);
    const auto distance = static_cast<int32_t>((sight >> 32) - ((isLatest ? b.latest : b.former) >> 32));
    if (static_cast<uint32_t>(distance < 0 ? -distance : distance) <= limits_[identified]) return true;
    if (!isLatest) b.former = b.latest;
    b.latest = sight;
    return false;
  }

  static uint32_t unitsOf(uint64_t ns) { return static_cast<uint32_t>(ns >> kShift); }

  uint32_t limits_[2];  // without and with identification
  MemoryRegion region_;
};

}  // namespace flowspan
