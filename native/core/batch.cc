// The way of a batch: decode all and ask for their index lines, then for their entries, then update; so that a packet's
// cache misses overlap with those of its neighbours. See meter_state.h.
#include <algorithm>

#include "meter_state.h"
#include "tcp_measures.h"

namespace flowspan {

namespace {

// Visits to the wheel for one batch: more than the flows a batch can create, so expiry keeps up with creation.
constexpr unsigned kVisitsPerBatch = 64;
// Frames whose headers are asked for before they are decoded: two lines hold Ethernet, IPv6 and TCP.
constexpr size_t kFramesAhead = 8;

inline void countPacket(DirectionLine& line, const DecodedPacket& p) {
  line.layer2Octets += p.wireOctets;
  line.ipOctets += p.ipOctets;
  // The first of a record, or time stepped back. (After a cut the last time is the earlier record's.)
  if (line.packets++ == 0) [[unlikely]] line.firstNs = line.lastNs = p.ns;
  else if (p.ns >= line.lastNs) [[likely]] line.lastNs = p.ns;
  else if (p.ns < line.firstNs) line.firstNs = p.ns;
}

// Ranges settle after a few packets, so that one comparison each is all.
inline void measureIp(DirectionLine& line, ColdPart cold, const DecodedPacket& p) {
  const auto length = static_cast<uint16_t>(p.ipOctets < 0xffff ? p.ipOctets : 0xffff);
  if (length < line.minimumLength) line.minimumLength = length;
  if (length > line.maximumLength) line.maximumLength = length;
  if (p.ttl < line.minimumTtl) line.minimumTtl = p.ttl;
  if (p.ttl > line.maximumTtl) line.maximumTtl = p.ttl;
  if (((line.classOfService ^ p.classOfService) & 0xfc) != 0) [[unlikely]] {
    if (line.packets > 1) cold->otherDscp[p.side] |= 1ull << (p.classOfService >> 2);
  }
  if (line.packets == 1) [[unlikely]] line.classOfService = p.classOfService;
}

// A sum of short flows is handed over once it is this old; the clock's tick hands it over at once.
constexpr uint64_t kAggregateAgeNs = 1'000'000'000;

}  // namespace

FLOWSPAN_HOT void MeterCore::State::update(DecodedPacket& packet, uint32_t guess) {
  uint32_t e = guess;
  if (!sameFlow(packet.key, table.entry(e).key, lastWordMask) || (table.entry(e).flags & kInUse) == 0) [[unlikely]] {
    e = findOrCreate(packet);
  }
  FlowEntry& flow = table.entry(e);
  const uint32_t tick = tickOf(packet.ns);
  if (((stampOf(flow) ^ stamp) & stampMask) != 0 || tick - flow.lastTick >= idleTicksByProtocol[packet.key.protocol] ||
      flow.direction[packet.side].packets >= 0xfffffff0u) [[unlikely]] {
    settle(e, packet);
  }
  flow.lastTick = static_cast<int32_t>(tick - flow.lastTick) > 0 ? tick : flow.lastTick;
  const ColdPart cold{table, e};
  DirectionLine& line = flow.direction[packet.side];
  if ((packet.flags & kTcpHeader) != 0) {
    if ((packet.tcpBits & (kTcpSyn | kTcpFin | kTcpRst)) != 0) [[unlikely]] {
      updateControl(e, packet);
    } else {
      measureTcp<false>(flow, cold, packet);
      countPacket(line, packet);
    }
  } else {
    countPacket(line, packet);
  }
  if ((packet.flags & kHasIp) != 0) measureIp(line, cold, packet);
  if (((packet.flags & (kFragment | kUnreachable)) | packet.annotation) != 0) [[unlikely]] noteRare(e, packet);
}

// A segment that opens or ends a connection.
FLOWSPAN_COLD void MeterCore::State::updateControl(uint32_t e, const DecodedPacket& packet) {
  FlowEntry& flow = table.entry(e);
  if ((packet.tcpBits & (kTcpSyn | kTcpAck)) == kTcpSyn && (flow.flags & kInitiatorKnown) == 0) {
    flow.flags = static_cast<uint8_t>((flow.flags & ~kInitiatorSide) | kInitiatorKnown | packet.side * kInitiatorSide);
  }
  const bool before = (flow.flags & kEnded) != 0;
  measureTcp<true>(flow, ColdPart{table, e}, packet);
  countPacket(flow.direction[packet.side], packet);
  if ((packet.tcpBits & (kTcpFin | kTcpRst)) == 0) return;
  if (bothFinished(flow)) flow.flags |= kEnded;
  if (!before && (flow.flags & kEnded) != 0) noteEnd(e);
}

void MeterCore::State::meter(DecodedPacket& packet) { update(packet, table.index().guess(packet.hash)); }

void MeterCore::State::process(const PacketView* packets, size_t number) {
  size_t decoded = 0;
  uint64_t receivedOctets = 0, decodedOctets = 0;
  const bool compare = options.duplicates != DuplicateMode::off;
  const bool takesAll = selection.takesAll();
  uint32_t interfaceIndex = packets[0].interfaceIndex;
  uint8_t interfaceSlot = interfaces.slotOf(interfaceIndex);
  for (size_t i = 0; i < number; i++) {
    const PacketView& view = packets[i];
    const uint8_t* ahead = packets[std::min(i + kFramesAhead, number - 1)].data;
    __builtin_prefetch(ahead);
    __builtin_prefetch(ahead + 64);
    receivedOctets += view.wire;
    if (view.interfaceIndex != interfaceIndex) [[unlikely]] {
      interfaceIndex = view.interfaceIndex;
      interfaceSlot = interfaces.slotOf(interfaceIndex);
    }
    DecodedPacket& packet = batch[decoded];
    if (!decoder.decode(view, interfaceSlot, packet)) [[unlikely]] continue;
    decodedOctets += view.wire;
    decoded++;
    table.index().prefetch(packet.hash);
    if (compare) duplicates.prefetch(packet.digest);
  }
  count(MeterCounter::receivedPackets) += number;
  count(MeterCounter::receivedOctets) += receivedOctets;
  count(MeterCounter::decodedPackets) += decoded;
  count(MeterCounter::decodedOctets) += decodedOctets;
  count(MeterCounter::undecodablePackets) += number - decoded;
  count(MeterCounter::undecodableOctets) += receivedOctets - decodedOctets;

  for (size_t i = 0; i < decoded; i++) {
    const uint32_t e = table.index().guess(batch[i].hash);
    guesses[i] = e;
    table.prefetchEntry(e);
  }

  uint64_t meteredPackets = 0, meteredOctets = 0, meteredIpOctets = 0;
  for (size_t i = 0; i < decoded; i++) {
    DecodedPacket& packet = batch[i];
    if (packet.ns > nowNs) {
      if (packet.ns >= windowEndNs) [[unlikely]] setClock(packet.ns);
      nowNs = packet.ns;
    }
    if (compare && packet.digest != 0 && duplicates.seen(packet.digest, packet.ns, packet.identified)) [[unlikely]] {
      count(MeterCounter::duplicatesSeenPackets)++;
      count(MeterCounter::duplicatesSeenOctets) += packet.wireOctets;
      if (options.duplicates == DuplicateMode::remove) {
        count(MeterCounter::duplicatePackets)++;
        count(MeterCounter::duplicateOctets) += packet.wireOctets;
        continue;
      }
    }
    if (!takesAll && !admit(packet)) continue;
    meteredPackets++;
    meteredOctets += packet.wireOctets;
    meteredIpOctets += packet.ipOctets;
    if ((packet.flags & (kFirstFragment | kAwaitsFirst)) != 0) [[unlikely]] meterFragment(packet);
    else update(packet, guesses[i]);
  }
  if (takesAll) selection.countTaken(meteredPackets);
  count(MeterCounter::meteredPackets) += meteredPackets;
  count(MeterCounter::meteredOctets) += meteredOctets;
  count(MeterCounter::meteredIpOctets) += meteredIpOctets;

  if (early.count() > 0) releaseEarlyFragments(false);
  expire(kVisitsPerBatch);
  if (!aggregates.empty()) flushAggregates(kAggregateAgeNs);
}

bool MeterCore::State::selects(const DecodedPacket& packet) {
  const unsigned pool = selection.poolOf(packet.key);
  showSelector(pool);
  return selection.selects(pool, packet.hash);
}

// What is not selected is counted here. A fragment that waits for its first has no key yet, and is asked about later.
FLOWSPAN_COLD bool MeterCore::State::admit(const DecodedPacket& packet) {
  if ((packet.flags & kAwaitsFirst) != 0) [[unlikely]] return true;
  if (selects(packet)) return true;
  count(MeterCounter::sampledOutPackets)++;
  count(MeterCounter::sampledOutOctets) += packet.wireOctets;
  if ((packet.flags & kFirstFragment) != 0) [[unlikely]] meterThoseWaitingFor(packet);
  return false;
}

void MeterCore::State::noteRare(uint32_t e, const DecodedPacket& packet) {
  ColdEntry& cold = table.cold(e);
  if (annotationOf(cold.label) == 0) cold.label |= uint32_t{packet.annotation} << 26;
  if ((packet.flags & kFragment) != 0) addHigh(table.entry(e).direction[packet.side].layer2Octets);
  if ((packet.flags & kUnreachable) != 0) creditUnreachable(packet);
}

// An ICMP error counts for the direction whose packet it quotes.
void MeterCore::State::creditUnreachable(const DecodedPacket& packet) {
  DecodedPacket quoted;
  if (packet.quoted == nullptr || !decoder.decodeQuoted(packet, quoted)) return;
  const uint32_t e = table.find(quoted.hash, quoted.key, lastWordMask);
  if (e == kNoEntry) return;
  uint8_t& unreachable = table.entry(e).direction[quoted.side].unreachable;
  if (unreachable != 0xff) unreachable++;
}

// First fragments release those that came before them; a later one without its first waits. Those that have waited long
// enough go first, on packet time: how packets fall into batches and threads must not matter.
void MeterCore::State::meterFragment(DecodedPacket& packet) {
  if (early.count() > 0) releaseEarlyFragments(false);
  if ((packet.flags & kAwaitsFirst) != 0) {
    if (early.full()) releaseEarlyFragments(false);
    early.hold(packet);
    if (selection.takesAll()) selection.countTaken(~0ull);  // takes back one: it is counted when it is let go
    return;
  }
  meter(packet);
  meterThoseWaitingFor(packet);
}

void MeterCore::State::meterThoseWaitingFor(const DecodedPacket& first) {
  if (early.count() == 0) return;
  const FragmentPorts* ports = decoder.fragments().find(first.fragmentId, first.ns);
  if (ports == nullptr) return;
  uint8_t macs[12];
  DecodedPacket held;
  while (early.takeOf(first.fragmentId, held, macs)) {
    decoder.adoptPorts(held, *ports);
    meterHeld(held);
  }
}

// It was counted as metered while it waited: now that its flow is known it is selected, or counted as sampled out after all.
void MeterCore::State::meterHeld(DecodedPacket& held) {
  if (selection.takesAll()) {
    selection.countTaken(1);
    meter(held);
  } else if (selects(held)) {
    meter(held);
  } else {
    count(MeterCounter::meteredPackets)--;
    count(MeterCounter::meteredOctets) -= held.wireOctets;
    count(MeterCounter::meteredIpOctets) -= held.ipOctets;
    count(MeterCounter::sampledOutPackets)++;
    count(MeterCounter::sampledOutOctets) += held.wireOctets;
  }
}

// Those whose first did not come in time go to a flow with port 0 (DESIGN section 2).
void MeterCore::State::releaseEarlyFragments(bool all) {
  uint8_t macs[12];
  DecodedPacket held;
  while (early.count() > 0 && (all || early.full() || nowNs >= early.oldestNs() + EarlyFragments::kHoldNs)) {
    early.takeOldest(held, macs);
    if (held.annotation == 0) held.annotation = static_cast<uint8_t>(DecodeAnnotation::laterFragmentWithoutFirst);
    decoder.annotations()[static_cast<unsigned>(DecodeAnnotation::laterFragmentWithoutFirst)]++;
    fragmentMisses++;
    meterHeld(held);
  }
}

}  // namespace flowspan
