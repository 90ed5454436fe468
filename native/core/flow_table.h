// Storage of the cached flows: entries, cold parts, index and free list, all taken at construction for exactly `capacity`
// flows. Entries that were never used come in order, so a fresh table is filled sequentially. Owner: the core's thread.
#pragma once

#include <algorithm>
#include <cstdint>

#include "flow_entry.h"
#include "flow_index.h"
#include "memory_region.h"
#include "prefetch.h"

namespace flowspan {

class FlowTable {
 public:
  explicit FlowTable(uint32_t capacity)
      : capacity_(capacity),
        entryRegion_((size_t{capacity} + 1) * sizeof(FlowEntry)),
        coldRegion_(size_t{capacity} * sizeof(ColdEntry)),
        index_(capacity) {}

  // kNoEntry is an entry too, never in use: what finds nothing can be asked for and compared like anything else.
  FlowEntry& entry(uint32_t e) const { return entryRegion_.as<FlowEntry>()[e + 1]; }
  uint32_t numberOf(const FlowEntry& flow) const { return static_cast<uint32_t>(&flow - entryRegion_.as<FlowEntry>()) - 1; }
  bool isOfFlow(const FlowEntry& found) const { return &found != &entry(kNoEntry); }
  ColdEntry& cold(uint32_t e) const { return coldRegion_.as<ColdEntry>()[e]; }
  FlowIndex& index() { return index_; }
  const FlowIndex& index() const { return index_; }
  uint32_t capacity() const { return capacity_; }
  uint32_t used() const { return used_; }
  // Entries at and above this were never used.
  uint32_t highWater() const { return fresh_; }

  uint32_t find(uint64_t hash, const FlowKey& key, uint64_t lastWordMask) const {
    return index_.find(hash, [&](uint32_t e) { return sameFlow(key, entry(e).key, lastWordMask); });
  }

  bool full() const { return free_ == kNoEntry && fresh_ == capacity_; }

  // An entry, not cleared; the caller has made sure that the table is not full.
  uint32_t allocate(uint64_t hash) {
    uint32_t e;
    if (free_ != kNoEntry) {
      e = free_;
      free_ = cold(e).next;
    } else {
      e = fresh_++;
    }
    used_++;
    askForNext();
    index_.insert(hash, e);
    return e;
  }

  void release(uint32_t e, uint64_t hash) {
    index_.erase(hash, e);
    entry(e).flags = 0;
    cold(e).next = free_;
    free_ = e;
    used_--;
  }

  // An entry that is over, but still in the index: until `clear` takes all of them out at once.
  void leave(uint32_t e) {
    entry(e).flags = 0;
    used_--;
  }
  // Every entry is as if it had never been used.
  void clear() {
    index_.clear();
    used_ = fresh_ = 0;
    free_ = kNoEntry;
  }

  void prefetchEntry(uint32_t e) const {
    prefetch(entry(e), 0);
    askForWriting(&entry(e).direction[1]);
  }
  // What a packet of one side touches.
  static void prefetch(const FlowEntry& flow, unsigned side) {
    askForWriting(&flow);
    askForWriting(&flow.direction[side]);
  }
  void prefetchCold(uint32_t e) const { askForWriting(&cold(e)); }

  size_t memoryBytes() const { return entryRegion_.bytes() + coldRegion_.bytes() + index_.memoryBytes(); }

 private:
  // A flow that begins writes four lines that nobody has looked at for long. Those of the next one, or of the one after it, are on the way while
  // this one is written.
  void askForNext() const {
    const uint32_t e = free_ != kNoEntry ? free_ : std::min(fresh_ + 1, capacity_ - 1);
    prefetchEntry(e);
    prefetchCold(e);
  }

  uint32_t capacity_;
  uint32_t used_ = 0;
  uint32_t fresh_ = 0;
  uint32_t free_ = kNoEntry;
  MemoryRegion entryRegion_;
  MemoryRegion coldRegion_;
  FlowIndex index_;
};

// An entry's cold part, found only by those few packets that need it.
struct ColdPart {
  const FlowTable& table;
  const FlowEntry& flow;
  ColdEntry* operator->() const { return &table.cold(table.numberOf(flow)); }
};

}  // namespace flowspan
