// Two small memories of what was seen lately, for troubles that one row does not show: conversations (the same one in another VLAN) and
// stations (the same address under another MAC). Direct-mapped over a keyed hash: a newcomer takes the place of whoever is there, so evidence
// may be missed but memory and work are fixed (0.8 MB). Time is any clock that never steps, in ms. One thread.
#pragma once

#include <array>
#include <cstdint>

#include "../core/keyed_hash.h"
#include "../core/prefetch.h"
#include "../core/row_view.h"
#include "../core/zeroed_array.h"

namespace flowspan {

inline constexpr uint32_t kSightingsMax = 8192;
// Copies before and after so many routers are taken for copies.
inline constexpr int kHopsMax = 2;
inline constexpr int32_t kUntagged = -1;

// What the other record of the same conversation, met in another VLAN, says about this one.
enum class Encounter : uint8_t { none, splitByTag, splitByVlan, routedCopy, copy };

class Conversations {
 public:
  explicit Conversations(uint64_t seed) : hash_(seed), slots_(kSightingsMax) {}

  // Which conversation a row is of; for rows that have no addresses and ports a number without meaning.
  struct Key {
    uint64_t hash;
    // The row's source is the higher end.
    bool isSwapped;
  };
  Key keyOf(const RowView& row) const;
  // Brings near what `meet` will look at.
  void askFor(const Key& key) const { askForWriting(&slots_[key.hash % kSightingsMax]); }

  // Remembers a row with addresses and ports. An encounter uses up what was remembered, so that a pair counts once.
  // `mac`: of the row's source; 0 where it has none.
  Encounter meet(const RowView& row, const Key& key, bool isTwoWay, int32_t vlan, uint64_t mac, double nowMs);
  // Packets that both records of the last encounter show.
  double sharedPackets() const { return sharedPackets_; }

 private:
  // A cache line.
  struct alignas(64) Slot {
    uint32_t print;  // 0: nobody is remembered
    int32_t vlan;
    uint64_t mac;
    double atMs;
    // By direction: from the lower end, from the higher end.
    std::array<double, 2> packets;
    std::array<uint8_t, 2> ttls;
    // Which end the MAC belongs to.
    uint8_t macEnd;
  };

  Encounter compare(const Slot& before, const Slot& now);

  KeyedHash hash_;
  ZeroedArray<Slot> slots_;
  double sharedPackets_ = 0;
};

enum class Sighting : uint8_t { first, same, changed, changedAgain };

// Addresses and the MAC under which they send.
class Stations {
 public:
  explicit Stations(uint64_t seed) : hash_(seed), slots_(kSightingsMax) {}

  // Of a row's source; for rows that have no addresses a number without meaning.
  uint64_t keyOf(const RowView& row) const;
  // Brings near what `see` will look at.
  void askFor(uint64_t key) const { askForWriting(&slots_[key % kSightingsMax]); }

  // The source under `mac`: new here, as before, under another MAC for the first time in `windowMs`, or once more.
  Sighting see(uint64_t key, uint64_t mac, double nowMs, double windowMs);

 private:
  struct Slot {
    uint32_t print;
    bool hasChanged;
    uint64_t mac;
    double atMs;
    double changedAtMs;
  };

  KeyedHash hash_;
  ZeroedArray<Slot> slots_;
};

}  // namespace flowspan
