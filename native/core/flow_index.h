// Index of the flow table: cache-line buckets of 12 slots, each a tag octet and an entry number. The tags lie side by side and are
// compared at once, so a lookup costs one miss here and one at the entry. A full bucket spills into the next and counts it, so a
// deletion leaves no tombstone. About 7 octets per flow. Owner: the thread of the MeterCore.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>

#if defined(__SSE2__)
#include <emmintrin.h>
#elif defined(__ARM_NEON) && defined(__aarch64__)
#include <arm_neon.h>
#endif

#include "flow_entry.h"
#include "memory_region.h"
#include "prefetch.h"

namespace flowspan {

// A cache line: found once for a packet, asked for, and looked at when it is there.
struct alignas(64) IndexBucket {
  static constexpr unsigned kSlots = 12;

  uint8_t tag[kSlots];
  uint32_t spilled;      // entries at home here or before that went past this bucket
  uint32_t slot[kSlots];  // entry + 1; 0 is empty, and so names kNoEntry

  // Some bits a slot, of which those in kAllSlots say whether it has this tag, and bits above the last; empty ones have tag 0.
#if defined(__SSE2__)
  using Hits = uint32_t;
  static constexpr unsigned kBitsPerSlot = 1;
  static constexpr Hits kAllSlots = (1u << kSlots) - 1;
  Hits equal(uint8_t wanted) const {
    const __m128i tags = _mm_load_si128(reinterpret_cast<const __m128i*>(tag));
    return static_cast<Hits>(_mm_movemask_epi8(_mm_cmpeq_epi8(tags, _mm_set1_epi8(static_cast<char>(wanted)))));
  }
#elif defined(__ARM_NEON) && defined(__aarch64__)
  using Hits = uint64_t;
  static constexpr unsigned kBitsPerSlot = 4;
  static constexpr Hits kAllSlots = 0x0000'8888'8888'8888ull;
  Hits equal(uint8_t wanted) const {
    const uint8x16_t same = vceqq_u8(vld1q_u8(tag), vdupq_n_u8(wanted));
    return vget_lane_u64(vreinterpret_u64_u8(vshrn_n_u16(vreinterpretq_u16_u8(same), 4)), 0);
  }
#else
  using Hits = uint32_t;
  static constexpr unsigned kBitsPerSlot = 1;
  static constexpr Hits kAllSlots = (1u << kSlots) - 1;
  Hits equal(uint8_t wanted) const {
    Hits hits = 0;
    for (unsigned i = 0; i < kSlots; i++) hits |= Hits{tag[i] == wanted} << i;
    return hits;
  }
#endif
  static unsigned firstOf(Hits hits) { return static_cast<unsigned>(std::countr_zero(hits)) / kBitsPerSlot; }
};
static_assert(sizeof(IndexBucket) == 64);

class FlowIndex {
 public:
  static constexpr unsigned kSlots = IndexBucket::kSlots;
  // Filled to 9 of 12 at capacity: about one bucket in eight spills.
  static constexpr unsigned kFlowsPerBucket = 9;
  using Bucket = IndexBucket;

  explicit FlowIndex(uint32_t capacity)
      : bucketCount_(capacity / kFlowsPerBucket + 2), region_(size_t{bucketCount_} * sizeof(Bucket)), buckets_(region_.as<Bucket>()) {}

  const Bucket* bucketOf(uint64_t hash) const { return &buckets_[home(hash)]; }
  static void prefetch(const Bucket* bucket) { askForWriting(bucket); }
  void prefetch(uint64_t hash) const { prefetch(bucketOf(hash)); }

  // Calls `same(entry)` for entries whose tag agrees until one answers true; returns it, or kNoEntry.
  template <typename Same>
  uint32_t find(uint64_t hash, Same same) const {
    const uint8_t tag = tagOf(hash);
    for (uint32_t b = home(hash);; b = following(b)) {
      const Bucket& bucket = buckets_[b];
      for (Bucket::Hits hits = bucket.equal(tag) & Bucket::kAllSlots; hits != 0; hits &= hits - 1) {
        const uint32_t entry = bucket.slot[Bucket::firstOf(hits)] - 1;
        if (entry != kNoEntry && same(entry)) return entry;
      }
      if (bucket.spilled == 0) return kNoEntry;
    }
  }

  // The first entry whose tag agrees in the home bucket; when none does, any other or kNoEntry: good enough to prefetch and to
  // compare with. No branch, because nothing foretells a new flow.
  static uint32_t guess(const Bucket* bucket, uint64_t hash) {
    constexpr auto kLast = Bucket::Hits{1} << ((kSlots - 1) * Bucket::kBitsPerSlot + Bucket::kBitsPerSlot - 1);
    return bucket->slot[Bucket::firstOf(bucket->equal(tagOf(hash)) | kLast)] - 1;
  }
  uint32_t guess(uint64_t hash) const { return guess(bucketOf(hash), hash); }

  void insert(uint64_t hash, uint32_t entry) {
    for (uint32_t b = home(hash);; b = following(b)) {
      Bucket& bucket = buckets_[b];
      // Tag 0 is that of a flow, too.
      for (Bucket::Hits hits = bucket.equal(0) & Bucket::kAllSlots; hits != 0; hits &= hits - 1) {
        const unsigned at = Bucket::firstOf(hits);
        if (bucket.slot[at] != 0) continue;
        bucket.slot[at] = entry + 1;
        bucket.tag[at] = tagOf(hash);
        return;
      }
      bucket.spilled++;
    }
  }

  void erase(uint64_t hash, uint32_t entry) {
    for (uint32_t b = home(hash);; b = following(b)) {
      Bucket& bucket = buckets_[b];
      // Nearly always the first hit: a walk over the slots would end where nothing foretells.
      for (Bucket::Hits hits = bucket.equal(tagOf(hash)) & Bucket::kAllSlots; hits != 0; hits &= hits - 1) {
        const unsigned at = Bucket::firstOf(hits);
        if (bucket.slot[at] != entry + 1) continue;
        bucket.slot[at] = 0;
        bucket.tag[at] = 0;
        return;
      }
      bucket.spilled--;
    }
  }

  void clear() { std::memset(static_cast<void*>(buckets_), 0, size_t{bucketCount_} * sizeof(Bucket)); }

  size_t memoryBytes() const { return region_.bytes(); }

 private:
  uint32_t home(uint64_t hash) const { return static_cast<uint32_t>(((hash >> 32) * bucketCount_) >> 32); }
  uint32_t following(uint32_t b) const { return b + 1 == bucketCount_ ? 0 : b + 1; }
  static uint8_t tagOf(uint64_t hash) { return static_cast<uint8_t>(hash); }

  uint32_t bucketCount_;
  MemoryRegion region_;
  Bucket* buckets_;
};

}  // namespace flowspan
