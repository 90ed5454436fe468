// The way of a batch, part by part: decode and ask for index lines, a part later for entries, a part later update; so that a packet's
// cache misses overlap with those of its neighbours and with work on others. See meter_state.h.
#include <algorithm>

#include "decode_recent.h"
#include "meter_state.h"
#include "quick_update.h"

namespace flowspan {

namespace {

// Visits to the wheel for a packet: more than the flows that it can create, so expiry keeps up with creation.
constexpr unsigned kVisitsPerPacket = 2;
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

// A sum of short flows is handed over once it is this old; the clock's tick hands it over at once.
constexpr uint64_t kAggregateAgeNs = 1'000'000'000;

}  // namespace

// Of a connection that was seen to begin, only the initiator's first octets can be a hello, and what follows those of one that was cut.
inline bool MeterCore::State::mayBeHello(const FlowEntry& flow, const DecodedPacket& packet) const {
  if (!observer.mayBeOfHello(packet)) return false;
  const DirectionLine& line = flow.direction[packet.side];
  if ((line.flags & kHelloGoesOn) != 0) [[unlikely]] return true;
  if (!observer.mayBeHello(packet) || (flow.flags & kInitiatorKnown) == 0) return false;
  return (flow.flags & kInitiatorSide) == packet.side && packet.sequence() - line.firstSequence <= 1;
}

// While a hello goes on the connection is not settled: its packets come the general way.
FLOWSPAN_COLD void MeterCore::State::observeHello(FlowEntry& flow, const DecodedPacket& packet) {
  DirectionLine& line = flow.direction[packet.side];
  const uint32_t place = packet.sequence() - line.firstSequence;  // behind the SYN, which takes the first
  if (!observer.lookAtHello(packet, underWay, place <= 1 ? 0 : place - 1)) {
    line.flags &= static_cast<uint8_t>(~kHelloGoesOn);
    return;
  }
  line.flags |= kHelloGoesOn;
  flow.flags &= static_cast<uint8_t>(~kSettled);
}

// Whether the entry shows another window or selector than it has to, is over, or has waited too long or grown too large.
// The other direction's line is asked for only when this one's says too little.
inline bool MeterCore::State::isDue(const FlowEntry& flow, const DecodedPacket& packet) const {
  const auto isOver = [&](uint64_t lastNs) {
    return static_cast<int64_t>(packet.ns - lastNs) > static_cast<int64_t>(idleNsByProtocol[packet.key.protocol]);
  };
  const DirectionLine& own = flow.direction[packet.side];
  return ((stampOf(flow) ^ stamp) & stampMask) != 0 || own.packets >= kPacketsMax || (isOver(own.lastNs) && isOver(lastNsOf(flow)));
}

// The general way: every flow and packet there is.
FLOWSPAN_COLD void MeterCore::State::update(const DecodedPacket& packet, FlowEntry& guess) {
  const bool guessed = (guess.flags & kInUse) != 0 && sameFlow(packet.key, guess.key, lastWordMask);
  FlowEntry& flow = guessed ? guess : table.entry(table.find(packet.hash, packet.key, lastWordMask));
  if (!table.isOfFlow(flow)) return updateFlow(table.entry(create(packet)), packet);
  if (isDue(flow, packet)) settle(table.numberOf(flow), packet);
  updateFlow(flow, packet);
}

// Of a flow whose open record takes the packet.
FLOWSPAN_HOT void MeterCore::State::updateFlow(FlowEntry& flow, const DecodedPacket& packet) {
  DirectionLine& line = flow.direction[packet.side];
  const ColdPart cold{table, flow};
  if ((packet.flags & kTcpHeader) != 0) updateTcp(flow, packet);
  else countPacket(line, packet);
  if ((packet.flags & kHasIp) != 0) measureIp(line, cold, packet);
  if (((packet.flags & (kFragment | kUnreachable)) | packet.annotation) != 0) noteRare(flow, packet);
  if (packet.recent != nullptr) packet.recent->flow = &flow;
  if (observer.watches(packet.key)) [[unlikely]] observeDatagram(flow, packet);
  else if (mayBeHello(flow, packet)) [[unlikely]] observeHello(flow, packet);
}

FLOWSPAN_HOT void MeterCore::State::updateTcp(FlowEntry& flow, const DecodedPacket& packet) {
  const uint16_t bits = packet.tcpBits();
  if ((bits & (kTcpSyn | kTcpAck)) == kTcpSyn && (flow.flags & kInitiatorKnown) == 0) {
    flow.flags = static_cast<uint8_t>((flow.flags & ~kInitiatorSide) | kInitiatorKnown | packet.side * kInitiatorSide);
  }
  const bool before = (flow.flags & kEnded) != 0;
  measureTcp(flow, ColdPart{table, flow}, packet);
  countPacket(flow.direction[packet.side], packet);
  if (isSettled(flow)) [[likely]] flow.flags |= kSettled;
  // The peer has something to say: it has heard the hello.
  else if (packet.payloadOctets > 0) flow.direction[packet.side ^ 1u].flags &= static_cast<uint8_t>(~kHelloGoesOn);
  if ((bits & (kTcpFin | kTcpRst)) == 0) return;
  if (bothFinished(flow)) flow.flags |= kEnded;
  if (!before && (flow.flags & kEnded) != 0) noteEnd(flow);
}

void MeterCore::State::meter(DecodedPacket& packet) { update(packet, table.entry(table.index().guess(packet.hash))); }

// Decoding is one part ahead of guessing, which is one part ahead of updating: cache lines are asked for at an even pace, while there is
// something else to do, rather than all of a batch at once.
void MeterCore::State::process(const PacketView* packets, size_t number) {
  views = {packets, number};
  BatchSums sums{};
  if (recent.isMost() && isUsual()) processRecent(sums);
  else processInParts(sums);
  countBatch(number, sums);
  if (recent.judge(number, sums.recognised)) [[unlikely]] {
    for (DecodedPacket& packet : batch) packet.recent = nullptr;
  }
  if (early.count() > 0) releaseEarlyFragments(false);
  views = underWay = {};
  expire(kVisitsPerPacket * static_cast<unsigned>(number));
  if (!aggregates.empty()) flushAggregates(kAggregateAgeNs);
}

void MeterCore::State::processInParts(BatchSums& sums) {
  const PacketView* const packets = views.data();
  const size_t number = views.size();
  const bool usual = isUsual();
  const size_t parts = (number + kPartPackets - 1) / kPartPackets;
  std::array<size_t, kPartsHeld> held{};
  Origin origin{~packets[0].origin(), 0, false};
  const bool mayBeRecent = recent.isAsked();
  for (size_t i = 0; i < parts + 2; i++) {
    if (i < parts) {
      const size_t from = i * kPartPackets;
      const size_t taken = std::min(kPartPackets, number - from);
      held[i % kPartsHeld] = mayBeRecent ? decodeRecentPart(packets + from, taken, partOf(i), origin, sums)
                                         : decodePart<false>(packets + from, taken, partOf(i), origin, sums);
    }
    if (i - 1 < parts) {
      if (mayBeRecent) guessPart<true>(partOf(i - 1), held[(i - 1) % kPartsHeld]);
      else guessPart<false>(partOf(i - 1), held[(i - 1) % kPartsHeld]);
    }
    if (i - 2 < parts) {
      const size_t from = (i - 2) * kPartPackets;
      underWay = views.subspan(from, std::min(kPartPackets, number - from));
      if (!mayBeRecent) askForPeers(partOf(i - 2), held[(i - 2) % kPartsHeld]);
      if (usual) [[likely]] updatePart<true>(partOf(i - 2), held[(i - 2) % kPartsHeld], sums.left);
      else updatePart<false>(partOf(i - 2), held[(i - 2) % kPartsHeld], sums.left);
    }
  }
}

// A packet that processRecent leaves.
FLOWSPAN_COLD void MeterCore::State::processAlone(const PacketView& view, Origin& origin, BatchSums& sums) {
  underWay = {&view, 1};
  const size_t decoded = decodeRecentPart(&view, 1, partOf(0), origin, sums);
  guessPart<true>(partOf(0), decoded);
  updatePart<true>(partOf(0), decoded, sums.left);
}

void MeterCore::State::countBatch(size_t number, const BatchSums& sums) {
  const Sum &decoded = sums.decoded, &left = sums.left;
  if (selection.takesAll()) selection.countTaken(decoded.packets - left.packets);
  count(MeterCounter::receivedPackets) += number;
  count(MeterCounter::receivedOctets) += decoded.octets + sums.undecodableOctets;
  count(MeterCounter::decodedPackets) += decoded.packets;
  count(MeterCounter::decodedOctets) += decoded.octets;
  count(MeterCounter::undecodablePackets) += number - decoded.packets;
  count(MeterCounter::undecodableOctets) += sums.undecodableOctets;
  count(MeterCounter::meteredPackets) += decoded.packets - left.packets;
  count(MeterCounter::meteredOctets) += decoded.octets - left.octets;
  count(MeterCounter::meteredIpOctets) += decoded.ipOctets - left.ipOctets;
}

// Fills the part at `first` with those of the packets that can be decoded at all, and asks for their index lines. How many these are.
template <bool mayBeRecent>
FLOWSPAN_HOT size_t MeterCore::State::decodePart(const PacketView* packets, size_t number, DecodedPacket* first, Origin& origin, BatchSums& sums) {
  uint64_t octets = 0, lostOctets = 0, ipOctets = 0;
  const bool compare = options.duplicates != DuplicateMode::off;
  const FlowIndex& index = table.index();
  DecodedPacket* next = first;
  const PacketView* const last = &views.back();
  for (const PacketView *view = packets, *const end = packets + number; view != end; view++) {
    const PacketView* const ahead = std::min(view + kFramesAhead, last);
    askForReading(ahead->data);
    askForReading(ahead->data + 64);
    octets += view->wire;
    if (view->origin() != origin.word) [[unlikely]] origin = originOf(*view);
    if (mayBeRecent && origin.ethernetAlone && decoder.recentPacket(*view, origin.interfaceSlot, recent, *next)) {
      // There.
    } else if (mayBeRecent || !origin.ethernetAlone || !decoder.commonPacket(*view, origin.interfaceSlot, *next)) [[unlikely]] {
      if (mayBeRecent ? !decodeAndKeep(*view, origin, *next) : !decoder.anyPacket(*view, origin.interfaceSlot, *next)) {
        lostOctets += view->wire;
        continue;
      }
    }
    DecodedPacket& packet = *next++;
    ipOctets += packet.ipOctets;
    if (mayBeRecent && packet.recent != nullptr && packet.recent->flow != nullptr) {
      packet.bucket = nullptr;
      packet.guess = packet.recent->flow;
      sums.recognised++;
    } else {
      packet.bucket = index.bucketOf(packet.hash);
      FlowIndex::prefetch(packet.bucket);
    }
    if (compare) [[likely]] duplicates.prefetch(packet.digest);
  }
  const auto decoded = static_cast<size_t>(next - first);
  sums.decoded.packets += decoded;
  sums.decoded.octets += octets - lostOctets;
  sums.decoded.ipOctets += ipOctets;
  sums.undecodableOctets += lostOctets;
  return decoded;
}

// Apart, so that neither of the two ways takes registers from the other.
[[gnu::noinline]] size_t MeterCore::State::decodeRecentPart(const PacketView* packets, size_t number, DecodedPacket* first, Origin& origin, BatchSums& sums) {
  return decodePart<true>(packets, number, first, origin, sums);
}

// A packet whose header did not come lately.
FLOWSPAN_COLD bool MeterCore::State::decodeAndKeep(const PacketView& view, const Origin& origin, DecodedPacket& packet) {
  if (origin.ethernetAlone && decoder.commonPacket(view, origin.interfaceSlot, packet)) {
    decoder.keepRecent(view, recent, packet);
    return true;
  }
  packet.recent = nullptr;
  return decoder.anyPacket(view, origin.interfaceSlot, packet);
}

template <bool mayBeRecent>
FLOWSPAN_HOT void MeterCore::State::guessPart(DecodedPacket* first, size_t number) {
  for (DecodedPacket *packet = first, *const end = first + number; packet != end; packet++) {
    if (mayBeRecent && packet->bucket == nullptr) continue;  // counted lately: the entry's lines are not far
    packet->guess = &table.entry(FlowIndex::guess(packet->bucket, packet->hash));
    FlowTable::prefetch(*packet->guess, packet->side);
    if (mayBeRecent && packet->recent != nullptr) packet->recent->flow = packet->guess;
  }
}

// While a connection begins or ends its packets look at both directions' lines. Their key lines are there by now, and tell.
FLOWSPAN_HOT void MeterCore::State::askForPeers(const DecodedPacket* first, size_t number) {
  for (const DecodedPacket *packet = first, *const end = first + number; packet != end; packet++) {
    const FlowEntry& flow = *packet->guess;
    const unsigned opening = (flow.flags & kSettled) / kSettled ^ 1u;
    askForWriting(&flow.direction[packet->side ^ opening]);
  }
}

// `usual` is isUsual(), known while this is compiled.
template <bool usual>
FLOWSPAN_HOT void MeterCore::State::updatePart(DecodedPacket* first, size_t number, Sum& left) {
  const bool compare = usual || options.duplicates != DuplicateMode::off;
  const bool takesAll = usual || selection.takesAll();
  for (DecodedPacket *at = first, *const end = first + number; at != end; at++) {
    DecodedPacket& packet = *at;
    if (packet.ns > nowNs) {
      if (packet.ns >= windowEndNs) [[unlikely]] setClock(packet.ns);
      nowNs = packet.ns;
    }
    if (compare) [[likely]] {
      if (duplicates.seen(packet.digest, packet.ns, [&] { return packet.identified; }) && !keepsDuplicate(packet)) [[unlikely]] {
        left.add(packet);
        continue;
      }
    }
    if (!takesAll && !admit(packet)) [[unlikely]] {
      left.add(packet);
      continue;
    }
    const QuickLook look{lastPairMask, stamp, settledMask, leastIdleNs};
    const auto onWider = [&] { noteWider(*packet.guess, packet); };
    if (packet.isPlain() && quickUpdate(*packet.guess, packet, look, onWider)) [[likely]] continue;
    if ((packet.flags & (kFirstFragment | kAwaitsFirst)) != 0) [[unlikely]] meterFragment(packet);
    else update(packet, *packet.guess);
  }
}

FLOWSPAN_COLD bool MeterCore::State::keepsDuplicate(const DecodedPacket& packet) {
  count(MeterCounter::duplicatesSeenPackets)++;
  count(MeterCounter::duplicatesSeenOctets) += packet.wireOctets;
  if (options.duplicates != DuplicateMode::remove) return true;
  count(MeterCounter::duplicatePackets)++;
  count(MeterCounter::duplicateOctets) += packet.wireOctets;
  return false;
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

FLOWSPAN_COLD void MeterCore::State::noteWider(FlowEntry& flow, const DecodedPacket& packet) {
  widenRange(flow.direction[packet.side], ColdPart{table, flow}, packet);
  if (mayBeHello(flow, packet)) [[unlikely]] observeHello(flow, packet);
}

FLOWSPAN_COLD void MeterCore::State::observeDatagram(FlowEntry& flow, const DecodedPacket& packet) {
  flow.flags &= static_cast<uint8_t>(~kSettled);
  observer.lookAtDatagram(packet, underWay);
}

FLOWSPAN_COLD void MeterCore::State::noteRare(FlowEntry& flow, const DecodedPacket& packet) {
  ColdEntry& cold = table.cold(table.numberOf(flow));
  if (annotationOf(cold.label) == 0) cold.label |= uint32_t{packet.annotation} << 26;
  if ((packet.flags & kFragment) != 0) addHigh(flow.direction[packet.side].layer2Octets);
  if ((packet.flags & kUnreachable) != 0) creditUnreachable(packet);
}

// An ICMP error counts for the direction whose packet it quotes.
void MeterCore::State::creditUnreachable(const DecodedPacket& packet) {
  DecodedPacket quoted;
  if (packet.quoted == nullptr || !decoder.decodeQuoted(packet, quoted)) return;
  const uint32_t e = table.find(quoted.hash, quoted.key, lastWordMask);
  if (e == kNoEntry) return;
  addHigh8(table.entry(e).direction[quoted.side].retransmitted);
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
