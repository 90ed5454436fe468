// When there is no room, in the cache or in the hand-over: short flows are merged into aggregates, long ones stay or, when
// every flow is long, the least recent is handed over early. Nothing is lost, every eviction is counted. See meter_state.h.
#include <algorithm>

#include "meter_state.h"

namespace flowspan {

namespace {

constexpr uint32_t kShortPackets = 2;
constexpr unsigned kSweepEntries = 64;
constexpr unsigned kEvictions = 16;
// Entries that are on the way while one is handed over at the end.
constexpr uint32_t kAhead = 16;

}  // namespace

// The open record goes into a sum. The entry stays, its record has to be opened anew or the entry removed.
void MeterCore::State::aggregate(uint32_t e) {
  const FlowEntry& flow = table.entry(e);
  aggregates.add(flow, table.cold(e), interfaces.indexOf(flow.key.interfaceSlot));
  count(MeterCounter::flowsAggregated)++;
  count(MeterCounter::flowsEndedForResources)++;
}

// Frees at least one entry. The hand goes through the table in order, which the processor reads ahead.
void MeterCore::State::makeRoom() {
  unsigned freed = 0;
  uint32_t oldest = kNoEntry;
  for (unsigned seen = 0; seen < kSweepEntries && freed < kEvictions; seen++) {
    const uint32_t e = sweepHand;
    sweepHand = sweepHand + 1 == table.capacity() ? 0 : sweepHand + 1;
    const FlowEntry& flow = table.entry(e);
    if ((flow.flags & kInUse) == 0) continue;
    const uint32_t packets = std::max(flow.direction[0].packets, flow.direction[1].packets);
    if (packets > kShortPackets) {
      if (oldest == kNoEntry || lastNsOf(flow) < lastNsOf(table.entry(oldest))) oldest = e;
      continue;
    }
    if (hasPackets(flow)) aggregate(e);
    wheel.remove(e);
    remove(e);
    freed++;
  }
  if (freed > 0) return;
  if (!emit(oldest, kReasonResources)) aggregate(oldest);
  wheel.remove(oldest);
  remove(oldest);
}

bool MeterCore::State::handOverAggregate(uint8_t reason) {
  Row* row = sink.next(nowNs);
  if (row == nullptr) return false;
  const AggregateTable::Totals totals = aggregates.takeRow(reason, *row);
  count(MeterCounter::handedOverPackets) += totals.packets;
  count(MeterCounter::handedOverOctets) += totals.octets;
  count(MeterCounter::handedOverIpOctets) += totals.ipOctets;
  count(MeterCounter::handedOverRecords)++;
  count(MeterCounter::handedOverFlows) += totals.flows;
  count(MeterCounter::aggregateRecords)++;
  return true;
}

void MeterCore::State::flushAggregates(uint64_t olderThanNs) {
  if (aggregates.empty() || !sink.hasRoom()) return;
  if (nowNs < aggregates.oldestNs() + olderThanNs) return;
  while (!aggregates.empty()) {
    if (!handOverAggregate(kReasonResources)) return;
  }
}

// Entry by entry in the order in which they lie; index and wheel, where each would be somewhere else, forget all of them at once in the end.
bool MeterCore::State::finish(uint64_t ns) {
  setClock(ns);
  releaseEarlyFragments(true);
  for (; finishHand < table.highWater(); finishHand++) {
    if (const uint32_t ahead = finishHand + kAhead; ahead < table.highWater()) {
      table.prefetchEntry(ahead);
      table.prefetchCold(ahead);
    }
    const FlowEntry& flow = table.entry(finishHand);
    if ((flow.flags & kInUse) == 0) continue;
    if (hasPackets(flow)) {
      if (!emit(flow, table.cold(finishHand), reasonOf(flow, kReasonForced))) return false;
    }
    contexts.release(contextOf(flow));
    table.leave(finishHand);
  }
  while (!aggregates.empty()) {
    if (!handOverAggregate(kReasonResources)) return false;
  }
  finishHand = 0;
  wheel.clear();
  table.clear();
  sink.flush(nowNs);
  return true;
}

void MeterCore::State::refreshGauges() {
  const auto level = [&](MeterCounter cached, MeterCounter metered, MeterCounter handedOver) {
    count(cached) = count(metered) - count(handedOver);
  };
  level(MeterCounter::cachedPackets, MeterCounter::meteredPackets, MeterCounter::handedOverPackets);
  level(MeterCounter::cachedOctets, MeterCounter::meteredOctets, MeterCounter::handedOverOctets);
  level(MeterCounter::cachedIpOctets, MeterCounter::meteredIpOctets, MeterCounter::handedOverIpOctets);
  count(MeterCounter::cachedFlows) = table.used();
  count(MeterCounter::cacheCapacityFlows) = table.capacity();
  count(MeterCounter::fragmentTableMisses) = fragmentMisses;
  count(MeterCounter::lastPacketNs) = started ? nowNs : 0;
}

}  // namespace flowspan
