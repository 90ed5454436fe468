// Which packets are metered, and under which selectorId their flow's record stands: the selector of the flow's pool, or that of
// all others. Counts what every selector was shown and took. Fixed size. Owner: the core's thread.
#pragma once

#include <array>
#include <cstdint>

#include "packet_selector.h"
#include "pool_table.h"
#include "sampling_plan.h"

namespace flowspan {

class Selection {
 public:
  // Selectors stand at the number of their pool; this is the one of what no pool matches.
  static constexpr unsigned kOthers = kPoolsMax;

  explicit Selection(uint64_t seed);
  void configure(const SamplingPlan& plan);
  // One selector, which takes every packet: nothing has to be asked for each.
  bool takesAll() const { return takesAll_; }
  unsigned poolOf(const FlowKey& key) const { return pools_ == 0 ? kOthers : table_.poolOf(key); }
  uint16_t idOf(unsigned pool) const { return entries_[pool].selectorId; }

  bool selects(unsigned pool, uint64_t flowHash) {
    Entry& entry = entries_[pool];
    SelectorCount& count = counts_[entry.count];
    count.observed++;
    const bool selected = entry.selector.selects(flowHash);
    count.selected += selected;
    return selected;
  }
  // Packets (or fewer than were counted) that were taken without asking.
  void countTaken(uint64_t packets) {
    SelectorCount& count = counts_[entries_[kOthers].count];
    count.observed += packets;
    count.selected += packets;
  }

  const SelectorCounts& counts() const { return counts_; }

 private:
  struct Entry {
    PacketSelector selector;
    SamplingKind kind = SamplingKind::none;
    uint32_t interval = 1;
    uint16_t selectorId = 0;
    uint16_t count = 0;
  };
  void setEntry(Entry& entry, const SelectorPlan& plan);
  uint16_t claimCount(uint16_t selectorId);

  bool takesAll_ = true;
  unsigned pools_ = 0;
  uint32_t plan_ = 0;
  std::array<Entry, kPoolsMax + 1> entries_;
  SelectorCounts counts_{};
  PoolTable table_;
};

}  // namespace flowspan
