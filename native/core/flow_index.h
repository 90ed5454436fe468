// Index of the flow table: cache-line buckets of 15 slots, each a few tag bits beside an entry number, so a lookup costs
// one miss here and one at the entry. A full bucket spills into the next and counts it, so a deletion leaves no tombstone.
// About 6 octets per flow. Owner: the thread of the MeterCore.
#pragma once

#include <bit>
#include <cstdint>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include "flow_entry.h"
#include "memory_region.h"

namespace flowspan {

class FlowIndex {
 public:
  static constexpr unsigned kSlots = 15;
  // Filled to 11 of 15 at capacity: about one bucket in eleven spills.
  static constexpr unsigned kFlowsPerBucket = 11;

  // A cache line: found once for a packet, asked for, and looked at when it is there.
  struct alignas(64) Bucket {
    uint32_t slot[kSlots];
    uint32_t spilled;  // entries at home here or before that went past this bucket
  };

  explicit FlowIndex(uint32_t capacity)
      : bucketCount_(capacity / kFlowsPerBucket + 2),
        entryBits_(std::bit_width(capacity + 1u)),
        entryMask_((1u << entryBits_) - 1),
        region_(size_t{bucketCount_} * sizeof(Bucket)),
        buckets_(region_.as<Bucket>()) {}

  const Bucket* bucketOf(uint64_t hash) const { return &buckets_[home(hash)]; }
  static void prefetch(const Bucket* bucket) { __builtin_prefetch(bucket, 1); }
  void prefetch(uint64_t hash) const { prefetch(bucketOf(hash)); }

  // Calls `same(entry)` for entries whose tag agrees until one answers true; returns it, or kNoEntry.
  template <typename Same>
  uint32_t find(uint64_t hash, Same same) const {
    const uint32_t tag = tagOf(hash);
    for (uint32_t b = home(hash);; b = following(b)) {
      const Bucket& bucket = buckets_[b];
      for (uint32_t hits = equal(bucket, ~entryMask_, tag) & kAllSlots; hits != 0; hits &= hits - 1) {
        const uint32_t entry = (bucket.slot[std::countr_zero(hits)] & entryMask_) - 1;
        if (entry != kNoEntry && same(entry)) return entry;
      }
      if (bucket.spilled == 0) return kNoEntry;
    }
  }

  // The first entry whose tag agrees in the home bucket; when none does, any other or kNoEntry: good enough to prefetch and to
  // compare with. No branch, because nothing foretells a new flow.
  uint32_t guess(const Bucket* bucket, uint64_t hash) const {
    const uint32_t hits = equal(*bucket, ~entryMask_, tagOf(hash)) | 1u << (kSlots - 1);
    return (bucket->slot[static_cast<unsigned>(std::countr_zero(hits))] & entryMask_) - 1;
  }
  uint32_t guess(uint64_t hash) const { return guess(bucketOf(hash), hash); }

  void insert(uint64_t hash, uint32_t entry) {
    uint32_t b = home(hash);
    for (;; b = following(b)) {
      const uint32_t empty = equal(buckets_[b], ~0u, 0) & kAllSlots;
      if (empty != 0) {
        buckets_[b].slot[std::countr_zero(empty)] = tagOf(hash) | (entry + 1);
        return;
      }
      buckets_[b].spilled++;
    }
  }

  void erase(uint64_t hash, uint32_t entry) {
    const uint32_t value = tagOf(hash) | (entry + 1);
    for (uint32_t b = home(hash);; b = following(b)) {
      Bucket& bucket = buckets_[b];
      for (uint32_t& slot : bucket.slot) {
        if (slot == value) {
          slot = 0;
          return;
        }
      }
      bucket.spilled--;
    }
  }

  size_t memoryBytes() const { return region_.bytes(); }

 private:
  static constexpr uint32_t kAllSlots = (1u << kSlots) - 1;

  uint32_t home(uint64_t hash) const { return static_cast<uint32_t>(((hash >> 32) * bucketCount_) >> 32); }
  uint32_t following(uint32_t b) const { return b + 1 == bucketCount_ ? 0 : b + 1; }
  // Tag bits above the entry number; never zero as a whole slot, because entry + 1 is not.
  uint32_t tagOf(uint64_t hash) const { return static_cast<uint32_t>(hash) & ~entryMask_; }

  // Bit i: slot i has this value where the mask has ones. The bit above the last slot may be set as well. Empty slots have tag 0,
  // and name kNoEntry.
  static uint32_t equal(const Bucket& bucket, uint32_t tagMask, uint32_t tag) {
#if defined(__SSE2__)
    const __m128i mask = _mm_set1_epi32(static_cast<int>(tagMask));
    const __m128i want = _mm_set1_epi32(static_cast<int>(tag));
    const auto* at = reinterpret_cast<const __m128i*>(&bucket);
    const auto same = [&](int i) { return _mm_cmpeq_epi32(_mm_and_si128(_mm_load_si128(at + i), mask), want); };
    const __m128i low = _mm_packs_epi32(same(0), same(1));
    const __m128i high = _mm_packs_epi32(same(2), same(3));
    return static_cast<uint32_t>(_mm_movemask_epi8(_mm_packs_epi16(low, high)));
#else
    uint32_t bits = 0;
    for (unsigned i = 0; i < kSlots; i++) bits |= uint32_t((bucket.slot[i] & tagMask) == tag) << i;
    return bits;
#endif
  }

  uint32_t bucketCount_;
  unsigned entryBits_;
  uint32_t entryMask_;
  MemoryRegion region_;
  Bucket* buckets_;
};

}  // namespace flowspan
