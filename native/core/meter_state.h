// Everything a MeterCore holds. The work is split by subject: batch.cc (packets in), flow_lifecycle.cc (how flows begin,
// are cut and end), pressure.cc (no room), meter_core.cc (the public surface). Owner: the core's thread.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>

#include "aggregate_table.h"
#include "context_table.h"
#include "decoder.h"
#include "duplicate_window.h"
#include "early_fragments.h"
#include "flow_table.h"
#include "interface_slots.h"
#include "keyed_hash.h"
#include "meter_core.h"
#include "observer.h"
#include "recent_headers.h"
#include "row_writer.h"
#include "selection.h"
#include "time_wheel.h"

namespace flowspan {

struct MeterCore::State {
  State(const CoreOptions& given, BlockSink& rows, ObservationSink* observations);

  // batch.cc, batch_recent.cc
  void process(const PacketView* packets, size_t count);
  // Every packet is metered, and compared with those before it.
  bool isUsual() const { return options.duplicates != DuplicateMode::off && selection.takesAll(); }
  struct Sum {
    uint64_t packets, octets, ipOctets;
    void add(const DecodedPacket& packet) {
      packets++;
      octets += packet.wireOctets;
      ipOctets += packet.ipOctets;
    }
  };
  struct BatchSums {
    Sum decoded, left;
    uint64_t undecodableOctets;
    size_t recognised;  // by their headers: RecentHeaders
  };
  // What packets that come the same way have in common: interface, link type.
  struct Origin {
    uint64_t word;
    uint8_t interfaceSlot;
    bool ethernetAlone;
  };
  Origin originOf(const PacketView& view) { return {view.origin(), interfaces.slotOf(view.interfaceIndex), view.isEthernetAlone()}; }
  // The two ways of a batch: any packets; those of few flows.
  void processInParts(BatchSums& sums);
  void processRecent(BatchSums& sums);
  FLOWSPAN_HOT bool countAtOnce(const RecentSegment& segment, const PacketView& view);
  void processAlone(const PacketView& view, Origin& origin, BatchSums& sums);
  template <bool mayBeRecent>
  FLOWSPAN_HOT size_t decodePart(const PacketView* packets, size_t count, DecodedPacket* first, Origin& origin, BatchSums& sums);
  size_t decodeRecentPart(const PacketView* packets, size_t count, DecodedPacket* first, Origin& origin, BatchSums& sums);
  bool decodeAndKeep(const PacketView& view, const Origin& origin, DecodedPacket& packet);
  template <bool mayBeRecent>
  FLOWSPAN_HOT void guessPart(DecodedPacket* first, size_t count);
  FLOWSPAN_HOT void askForPeers(const DecodedPacket* first, size_t count);
  template <bool usual>
  FLOWSPAN_HOT void updatePart(DecodedPacket* first, size_t count, Sum& left);
  void countBatch(size_t count, const BatchSums& sums);
  bool keepsDuplicate(const DecodedPacket& packet);
  // Whether the packet is metered; makes its selector the one that its flow must show.
  bool selects(const DecodedPacket& packet);
  bool admit(const DecodedPacket& packet);
  // Into the flow it belongs to; `guess` is an entry that probably holds it.
  void update(const DecodedPacket& packet, FlowEntry& guess);
  FLOWSPAN_HOT void updateFlow(FlowEntry& flow, const DecodedPacket& packet);
  bool isDue(const FlowEntry& flow, const DecodedPacket& packet) const;
  FLOWSPAN_HOT void updateTcp(FlowEntry& flow, const DecodedPacket& packet);
  void meter(DecodedPacket& packet);
  void meterFragment(DecodedPacket& packet);
  void meterThoseWaitingFor(const DecodedPacket& first);
  void meterHeld(DecodedPacket& held);
  void noteWider(FlowEntry& flow, const DecodedPacket& packet);
  bool mayBeHello(const FlowEntry& flow, const DecodedPacket& packet) const;
  void observeHello(FlowEntry& flow, const DecodedPacket& packet);
  void observeDatagram(FlowEntry& flow, const DecodedPacket& packet);
  void noteRare(FlowEntry& flow, const DecodedPacket& packet);
  void creditUnreachable(const DecodedPacket& packet);
  void releaseEarlyFragments(bool all);

  // flow_lifecycle.cc
  uint32_t create(const DecodedPacket& packet);
  FLOWSPAN_HOT void begin(uint32_t e, const DecodedPacket& packet);
  // Closes the entry's open record, or begins a new flow in its place, when this packet shows that it is time.
  void settle(uint32_t e, const DecodedPacket& packet);
  void restart(uint32_t e, const DecodedPacket& packet);
  void openRecord(uint32_t e);
  void noteEnd(const FlowEntry& flow);
  bool emit(const FlowEntry& flow, const ColdEntry& cold, uint8_t reason);
  bool emit(uint32_t e, uint8_t reason) { return emit(table.entry(e), table.cold(e), reason); }
  void remove(uint32_t e);
  void visit(uint32_t e);
  void expire(unsigned visits);
  void setClock(uint64_t ns);
  void makeStamp();
  void showSelector(unsigned pool) {
    stamp = stamps[pool];
    selectorId = selection.idOf(pool);
  }
  uint64_t idleNsOf(const FlowEntry& flow) const {
    return (flow.flags & kEnded) != 0 ? options.lingerNs : idleNsByProtocol[flow.key.protocol];
  }
  uint64_t lastNsOf(const FlowEntry& flow) const { return std::max(flow.direction[0].lastNs, flow.direction[1].lastNs); }
  // Why the open record ends, given that it has to: what came first on the row clock, whenever it is noticed. `otherwise` is
  // the answer when nothing is due yet.
  uint8_t reasonOf(const FlowEntry& flow, uint8_t otherwise) const {
    if ((flow.flags & kEnded) != 0) return kReasonEnd;
    const uint64_t last = lastNsOf(flow), due = last + idleNsOf(flow);
    // What came within the window of now is not over its boundary yet: most need no division.
    if (last < windowStartNs && (last / activeWindowNs + 1) * activeWindowNs <= due) return kReasonActive;
    return nowNs > due ? kReasonIdle : otherwise;
  }
  bool hasPackets(const FlowEntry& flow) const { return (flow.direction[0].packets | flow.direction[1].packets) != 0; }
  uint64_t hashOf(const FlowKey& key) const { return flowspan::hashOf(hash, key, lastWordMask); }
  void configureTimeouts(uint64_t activeNs, uint64_t idleNs);

  // pressure.cc
  void aggregate(uint32_t e);
  void makeRoom();
  void flushAggregates(uint64_t olderThanNs);
  bool handOverAggregate(uint8_t reason);
  bool finish(uint64_t ns);
  void refreshGauges();
  RowSource rowSource(const FlowEntry& flow, const ColdEntry& cold, uint8_t reason) const {
    return {flow, cold, contexts, hashOf(flow.key), interfaces.indexOf(flow.key.interfaceSlot), reason};
  }

  uint64_t& count(MeterCounter c) { return counters[static_cast<unsigned>(c)]; }

  CoreOptions options;
  BlockSink& sink;
  KeyedHash hash;
  uint64_t lastWordMask;
  WordPair lastPairMask;
  FlowTable table;
  TimeWheel wheel;
  ContextTable contexts;
  Decoder decoder;
  RecentHeaders recent;
  EarlyFragments early;
  AggregateTable aggregates;
  DuplicateWindow duplicates;
  Selection selection;
  Observer observer;
  InterfaceSlots interfaces;

  uint64_t nowNs = 0;  // latest packet or tick: never steps back. A packet before windowEndNs may set it alone.
  bool started = false;
  uint64_t activeWindowNs = 0;
  uint64_t windowStartNs = 0;
  uint64_t windowEndNs = 0;
  uint32_t stamp = 0;      // what the flags, window and selector of this packet's entry look like when nothing is due
  uint32_t stampMask = 0;
  uint32_t settledMask = 0;  // and that nothing but counters changes: quick_update.h
  uint16_t selectorId = 0;  // of this packet
  std::array<uint32_t, kPoolsMax + 1> stamps{};  // of each selector; `stamp` is one of them
  uint8_t window = 0;
  std::array<uint64_t, 256> idleNsByProtocol{};
  uint64_t leastIdleNs = 0;  // of the protocols that the short way knows
  uint32_t sweepHand = 0;   // where the search for short flows goes on
  uint32_t finishHand = 0;  // where finish goes on
  uint64_t fragmentMisses = 0;

  std::span<const PacketView> views;  // the frames of the batch, while it is processed
  std::span<const PacketView> underWay;  // of them, those of the part that is being updated
  // Three parts are under way at a time, so that a long batch does not push its packets and their lines out of the first-level cache.
  static constexpr size_t kPartPackets = 8, kPartsHeld = 4;
  DecodedPacket* partOf(size_t i) { return &batch[i % kPartsHeld * kPartPackets]; }
  std::array<DecodedPacket, kPartPackets * kPartsHeld> batch{};
  CounterArray counters{};
};

}  // namespace flowspan
