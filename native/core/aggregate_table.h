// Where short flows go when the cache or the hand-over is full: sums over flows that agree in protocol and IP version, or in
// EtherType, in VLAN, interface and sampling rate; all else of the key is absent (RFC 7015). Counters are summed, ranges widened and
// flags joined; what has neither sum nor range (round trips, sequence numbers, a code point that differs) is absent too. At most 512
// sums. What they hold counts as cached until it is handed over. Owner: the core's thread.
#pragma once

#include <cstdint>

#include "../generated/row_layout.h"
#include "decoded_packet.h"
#include "flow_entry.h"
#include "keyed_hash.h"
#include "memory_region.h"

namespace flowspan {

class AggregateTable {
 public:
  static constexpr uint32_t kAggregates = 512;

  explicit AggregateTable(const KeyedHash& hash) : hash_(hash), region_(kAggregates * sizeof(Aggregate)) {}

  // Adds what the flow's open record holds, as one flow.
  void add(const FlowEntry& flow, const ColdEntry& cold, uint32_t interfaceIndex);
  bool empty() const { return used_ == 0; }
  // Time of the earliest packet held; meaningless while empty.
  uint64_t oldestNs() const { return oldestNs_; }

  struct Totals {
    uint64_t packets = 0, octets = 0, ipOctets = 0, flows = 0;
  };
  // Writes one of the sums as a row and forgets it.
  Totals takeRow(uint8_t reason, Row& row);
  Totals totals() const;

  size_t memoryBytes() const { return region_.bytes(); }

 private:
  struct Side {
    uint64_t packets, octets, ipOctets, firstNs, lastNs;
    uint64_t codePoints;  // as in ColdEntry::otherDscp
    uint64_t fragments, retransmitted, outOfOrder, unseenOctets, zeroWindows, icmpErrors;
    uint16_t tcpBits;
    uint8_t classOfService;
    uint8_t minimumTtl, maximumTtl;
    uint32_t minimumLength, maximumLength;
  };
  struct Aggregate {
    uint64_t flows;  // 0: free
    uint64_t key;
    uint32_t interfaceIndex;
    uint16_t selectorId;
    uint16_t vlan;
    uint8_t kind;
    uint16_t etherType;
    uint8_t protocol;
    bool anyClassOfService;
    Side side[2];  // forward, reverse
  };
  Aggregate* aggregates() const { return region_.as<Aggregate>(); }
  Aggregate* place(const FlowEntry& flow, uint32_t interfaceIndex);
  static uint64_t writeMeasures(const Aggregate& a, Row& row);
  Aggregate* claim(uint64_t key, uint32_t limit);

  const KeyedHash& hash_;
  MemoryRegion region_;
  uint32_t used_ = 0;
  uint64_t oldestNs_ = 0;
};

}  // namespace flowspan
