// How flows begin, are cut and end (DESIGN section 2). Time-outs are checked exactly when a packet comes, so which flows
// there are does not depend on when the wheel gets round to them. See meter_state.h.
#include <algorithm>

#include "meter_state.h"
#include "tcp_measures.h"

namespace flowspan {

namespace {

constexpr uint64_t kMinuteNs = 60'000'000'000ull;

// DESIGN section 2: cuts fall on minute boundaries of the row clock. Longer time-outs are whole minutes, rounded down, so
// that no record is longer than set; shorter ones divide time from the minute on when they can.
uint64_t windowFor(uint64_t activeNs) {
  if (activeNs >= kMinuteNs) return activeNs / kMinuteNs * kMinuteNs;
  return activeNs == 0 ? 1'000'000 : activeNs;
}

constexpr DirectionLine kFreshLine{.firstNs = ~uint64_t{0}, .range = IpRange::kNothing, .rtt = kNoRtt};

void clearMeasures(ColdEntry& cold) {
  for (unsigned i = 0; i < 2; i++) cold.otherDscp[i] = cold.outOfOrder[i] = cold.unseenOctets[i] = 0;
}

}  // namespace

void MeterCore::State::configureTimeouts(uint64_t activeNs, uint64_t idleNs) {
  options.activeTimeoutNs = activeNs;
  options.idleTimeoutNs = idleNs;
  activeWindowNs = windowFor(activeNs);
  for (unsigned p = 0; p < 256; p++) {
    const uint32_t ms = options.idleTimeoutMsByProtocol[p];
    idleNsByProtocol[p] = ms != 0 ? uint64_t{ms} * 1'000'000 : idleNs;
  }
  leastIdleNs = std::min(idleNsByProtocol[kTcp], idleNsByProtocol[kUdp]);
  if (started) {
    windowStartNs = nowNs / activeWindowNs * activeWindowNs;
    windowEndNs = windowStartNs + activeWindowNs;
  }
}

void MeterCore::State::makeStamp() {
  FlowEntry flow{};
  flow.flags = kSettled;
  flow.window = window;
  for (unsigned pool = 0; pool < stamps.size(); pool++) {
    flow.selectorId = selection.idOf(pool);
    stamps[pool] = stampOf(flow);
  }
  showSelector(Selection::kOthers);
  flow.flags = kEnded;
  flow.window = 0xff;
  flow.selectorId = 0xffff;
  stampMask = stampOf(flow);
  flow.flags |= kSettled;
  settledMask = stampOf(flow);
}

void MeterCore::State::setClock(uint64_t ns) {
  if (!started) {
    started = true;
    nowNs = ns;
    wheel.begin(ns);
    windowStartNs = ns / activeWindowNs * activeWindowNs;
    windowEndNs = windowStartNs + activeWindowNs;
    makeStamp();
    return;
  }
  if (ns <= nowNs) return;
  nowNs = ns;
  if (ns >= windowEndNs) {
    windowStartNs = ns / activeWindowNs * activeWindowNs;
    windowEndNs = windowStartNs + activeWindowNs;
    window++;
    makeStamp();
  }
}

uint32_t MeterCore::State::create(const DecodedPacket& packet) {
  if (table.full()) [[unlikely]] makeRoom();
  const uint32_t e = table.allocate(packet.hash);
  begin(e, packet);
  return e;
}

FLOWSPAN_HOT void MeterCore::State::begin(uint32_t e, const DecodedPacket& packet) {
  FlowEntry& flow = table.entry(e);
  ColdEntry& cold = table.cold(e);
  flow.key = packet.key;
  flow.nextSequence[0] = flow.nextSequence[1] = 0;
  flow.probe = 0;
  flow.flags = static_cast<uint8_t>(kInUse | packet.side * kInitiatorSide | (packet.key.protocol != kTcp) * kSettled);
  flow.window = window;
  flow.selectorId = selectorId;
  flow.direction[0] = flow.direction[1] = kFreshLine;
  flow.direction[packet.side].lastNs = packet.ns;
  flow.direction[0].flags = static_cast<uint8_t>((packet.flags & kEchoReply) / kEchoReply * kForwardIsReply);
  for (DirectionLine& line : flow.direction) line.probeDue = probeUnits(packet.ns);
  clearMeasures(cold);
  if (packet.frameMacs != nullptr) {
    std::memcpy(cold.mac[packet.side], packet.frameMacs + 6, 6);
    std::memcpy(cold.mac[packet.side ^ 1], packet.frameMacs, 6);
  }
  const bool labelled = (packet.flags & kFlowLabelled) != 0;
  cold.label = makeLabel(labelled ? packet.flowLabel : 0, packet.priorities, packet.annotation, labelled);
  if ((packet.flags & ContextTable::kKept) != 0) [[unlikely]] setContext(flow, contexts.acquire(packet));
  count(MeterCounter::flowsCreated)++;
  wheel.insert(e, packet.ns + idleNsByProtocol[packet.key.protocol]);
}

// Counters of a fresh record; what belongs to the flow (initiator, sequence numbers, last packet's time, context, selector) stays.
void MeterCore::State::openRecord(uint32_t e) {
  FlowEntry& flow = table.entry(e);
  flow.window = window;
  if (flow.key.protocol == kTcp) flow.flags &= static_cast<uint8_t>(~kSettled);
  // An answer was the closed record's; one that is still to come is the next one's.
  takeAnyAnswer(flow);
  for (DirectionLine& line : flow.direction) {
    DirectionLine fresh = kFreshLine;
    fresh.lastNs = line.lastNs;
    fresh.probeDue = line.probeDue;
    fresh.firstSequence = line.firstSequence;
    fresh.rtt = line.rtt | kNoRtt;
    fresh.classOfService = line.classOfService;
    fresh.flags = static_cast<uint8_t>(line.flags & ~kFirstSequenceKnown);
    line = fresh;
  }
  clearMeasures(table.cold(e));
}

// Writes the open record as a row. False when the sink has no slot: nothing has changed then.
bool MeterCore::State::emit(const FlowEntry& flow, const ColdEntry& cold, uint8_t reason) {
  Row* row = sink.next(nowNs);
  if (row == nullptr) return false;
  writeRow(rowSource(flow, cold, reason), *row);
  const DirectionLine &a = flow.direction[0], &b = flow.direction[1];
  count(MeterCounter::handedOverPackets) += uint64_t{a.packets} + b.packets;
  count(MeterCounter::handedOverOctets) += (a.layer2Octets & kLow48) + (b.layer2Octets & kLow48);
  count(MeterCounter::handedOverIpOctets) += (a.ipOctets & kLow48) + (b.ipOctets & kLow48);
  count(MeterCounter::handedOverRecords)++;
  count(MeterCounter::handedOverFlows)++;
  switch (reason) {
    case kReasonIdle: count(MeterCounter::flowsEndedIdle)++; break;
    case kReasonActive: count(MeterCounter::flowsEndedActive)++; break;
    case kReasonEnd: count(MeterCounter::flowsEndedByProtocol)++; break;
    case kReasonForced: count(MeterCounter::flowsEndedForced)++; break;
    default: count(MeterCounter::flowsEndedForResources)++; break;
  }
  return true;
}

void MeterCore::State::remove(uint32_t e) {
  const FlowEntry& flow = table.entry(e);
  contexts.release(contextOf(flow));
  table.release(e, hashOf(flow.key));
}

// A new flow with the same key in the place of one that is over.
void MeterCore::State::restart(uint32_t e, const DecodedPacket& packet) {
  contexts.release(contextOf(table.entry(e)));
  wheel.remove(e);
  begin(e, packet);
}

void MeterCore::State::settle(uint32_t e, const DecodedPacket& packet) {
  FlowEntry& flow = table.entry(e);
  const uint64_t last = lastNsOf(flow);
  const bool ended = (flow.flags & kEnded) != 0;
  const bool lapsed = packet.ns > last && packet.ns - last > idleNsOf(flow);
  const bool reopened = ended && (packet.flags & kTcpHeader) != 0 && (packet.tcpBits() & (kTcpSyn | kTcpAck | kTcpRst)) == kTcpSyn;
  // A connection that is over is not carried into the next window: what comes there is a flow of its own.
  const bool leftBehind = ended && flow.window != window;
  if (lapsed || reopened || leftBehind) {
    if (hasPackets(flow) && !emit(e, reasonOf(flow, kReasonIdle))) aggregate(e);
    restart(e, packet);
    return;
  }
  if (flow.selectorId != selectorId) {
    // Split lazily: a record never mixes two sampling rates, even when it can only go into an aggregate.
    if (hasPackets(flow) && !emit(e, kReasonActive)) aggregate(e);
    flow.selectorId = selectorId;
    openRecord(e);
  } else if (flow.window != window) {
    // Without room the record stays open: late, but whole.
    if (!hasPackets(flow)) {
      openRecord(e);
    } else if (emit(e, kReasonActive)) {
      openRecord(e);
    }
  } else if (flow.direction[packet.side].packets >= 0xfffffff0u) {
    if (!emit(e, kReasonActive)) aggregate(e);
    openRecord(e);
  }
}

FLOWSPAN_COLD void MeterCore::State::noteEnd(const FlowEntry& flow) {
  const uint32_t e = table.numberOf(flow);
  wheel.remove(e);
  wheel.insert(e, lastNsOf(flow) + options.lingerNs);
}

// The wheel's slot of this entry has passed.
void MeterCore::State::visit(uint32_t e) {
  const FlowEntry& flow = table.entry(e);
  const uint64_t due = lastNsOf(flow) + idleNsOf(flow);
  const bool ended = (flow.flags & kEnded) != 0;
  const bool open = hasPackets(flow);
  if (nowNs > due || (ended && open && flow.window != window)) {
    if (open && !emit(e, reasonOf(flow, kReasonIdle))) {
      wheel.insert(e, nowNs);
      return;
    }
    remove(e);
    return;
  }
  if (open && flow.window != window) {
    if (!emit(e, kReasonActive)) {
      wheel.insert(e, nowNs);
      return;
    }
    openRecord(e);
  }
  wheel.insert(e, hasPackets(flow) ? std::min(due, windowEndNs) : due);
}

// At most `visits` entries; none while the sink has no room for a bulk of rows. Taken a few at a time, so that their entries
// and index lines are on the way while the first are written.
void MeterCore::State::expire(unsigned visits) {
  constexpr unsigned kTogether = 16;
  uint32_t due[kTogether];
  unsigned slots = 64;
  while (visits > 0 && sink.hasRoom()) {
    unsigned taken = 0;
    while (taken < kTogether && taken < visits) {
      const uint32_t e = wheel.takeDue(nowNs, slots);
      if (e == kNoEntry) break;
      table.prefetchEntry(e);
      due[taken++] = e;
    }
    for (unsigned i = 0; i < taken; i++) table.index().prefetch(hashOf(table.entry(due[i]).key));
    for (unsigned i = 0; i < taken; i++) visit(due[i]);
    if (taken < kTogether) return;
    visits -= taken;
  }
}

}  // namespace flowspan
