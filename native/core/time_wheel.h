// When flows are due: 1024 lists of entries, one per 2^27 ns (134 ms), linked through the cold parts. Packets never move an
// entry; a visit that comes too early puts it back, so expiry costs a flow one visit per time-out. Owner: the core's thread.
#pragma once

#include <array>
#include <cstdint>

#include "flow_table.h"

namespace flowspan {

class TimeWheel {
 public:
  static constexpr unsigned kSlots = 1024;
  static constexpr unsigned kSlotShift = 27;

  explicit TimeWheel(FlowTable& table) : table_(table) { clear(); }

  // The clock's first reading. Slots before it are never visited.
  void begin(uint64_t nowNs) { cursor_ = nowNs >> kSlotShift; }

  // Further ahead than the wheel reaches goes into its last slot and is put back from there.
  void insert(uint32_t e, uint64_t dueNs) {
    uint64_t at = (dueNs >> kSlotShift) + 1;
    if (at <= cursor_) at = cursor_ + 1;
    if (at >= cursor_ + kSlots) at = cursor_ + kSlots - 1;
    const uint32_t slot = at % kSlots;
    ColdEntry& cold = table_.cold(e);
    cold.previous = kHead | slot;
    cold.next = heads_[slot];
    if (cold.next != kNoEntry) table_.cold(cold.next).previous = e;
    heads_[slot] = e;
  }

  void remove(uint32_t e) {
    const ColdEntry& cold = table_.cold(e);
    if ((cold.previous & kHead) != 0) {
      heads_[cold.previous & ~kHead] = cold.next;
    } else {
      table_.cold(cold.previous).next = cold.next;
    }
    if (cold.next != kNoEntry) table_.cold(cold.next).previous = cold.previous;
  }

  void clear() { heads_.fill(kNoEntry); }

  // Takes an entry out of the slots that `nowNs` has passed, or kNoEntry. `slotBudget` bounds the empty slots walked.
  uint32_t takeDue(uint64_t nowNs, unsigned& slotBudget) {
    const uint64_t now = nowNs >> kSlotShift;
    // After a long silence every slot is overdue: one turn of the wheel sees them all.
    if (now > cursor_ + kSlots) cursor_ = now - kSlots;
    for (;;) {
      const uint32_t e = heads_[cursor_ % kSlots];
      if (e != kNoEntry) {
        remove(e);
        return e;
      }
      if (cursor_ >= now || slotBudget == 0) return kNoEntry;
      slotBudget--;
      cursor_++;
    }
  }

 private:
  static constexpr uint32_t kHead = 0x80000000u;

  FlowTable& table_;
  uint64_t cursor_ = 0;
  std::array<uint32_t, kSlots> heads_;
};

}  // namespace flowspan
