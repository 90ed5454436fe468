// The way of a batch of few flows: packets whose headers came lately are counted as they are decoded. It does what batch.cc does to them.
#include <algorithm>
#include <array>

#include "decode_recent.h"
#include "meter_state.h"
#include "quick_update.h"

namespace flowspan {

// What updatePart does to most packets. False when this is none of them; then nothing has changed.
FLOWSPAN_HOT bool MeterCore::State::countAtOnce(const RecentSegment& segment, const PacketView& view) {
  FlowEntry* const flow = segment.header->flow;
  if (flow == nullptr || !segment.isPlain() || view.ns >= windowEndNs) [[unlikely]] return false;
  const RecentPacket packet(segment, view);
  const QuickLook look{lastPairMask, stamp, settledMask, leastIdleNs};
  if (!isQuick(*flow, segment.header->key, packet, look) || !flow->direction[packet.side].range.holds(packet.shape)) [[unlikely]] return false;
  if (duplicates.seen(segment.digest, view.ns, [&] { return segment.header->isIdentified(view.data); })) [[unlikely]] return false;
  nowNs = std::max(nowNs, view.ns);
  countQuick(*flow, packet);
  return true;
}

// Where nearly all packets are recognised by their headers, nothing of them but what duplicates are told by has to be fetched from afar
// (frames are near: sources have just copied them, or asked for them at their headers). They are counted part by part, and the few others go
// through by themselves. Until a part is counted no header gives its place to another: whoever is looked at again was recognised already, and
// the one that was not comes last.
[[gnu::noinline]] void MeterCore::State::processRecent(BatchSums& sums) {
  const PacketView *view = views.data(), *const end = view + views.size();
  Origin origin{~view->origin(), 0, false};
  std::array<RecentSegment, kPartPackets> segments;
  uint64_t octets = 0, ipOctets = 0;
  size_t others = 0;
  while (view != end) {
    const PacketView* const partEnd = view + std::min<size_t>(kPartPackets, static_cast<size_t>(end - view));
    const PacketView* counted = view;
    RecentSegment* held = segments.data();
    for (; view != partEnd; view++, held++) {
      if (view->origin() != origin.word) [[unlikely]] origin = originOf(*view);
      if (!origin.ethernetAlone || !decoder.recentSegment(*view, origin.interfaceSlot, recent, *held)) [[unlikely]] break;
      duplicates.prefetch(held->digest);
    }
    for (const RecentSegment* segment = segments.data(); segment != held; segment++, counted++) {
      if (countAtOnce(*segment, *counted)) [[likely]] {
        octets += counted->wire;
        ipOctets += segment->ipOctets;
      } else {
        processAlone(*counted, origin, sums);
        others++;
      }
    }
    if (view != partEnd) {
      processAlone(*view++, origin, sums);
      others++;
    }
  }
  const size_t recognised = views.size() - others;
  sums.decoded.packets += recognised;
  sums.decoded.octets += octets;
  sums.decoded.ipOctets += ipOctets;
  sums.recognised += recognised;
}

}  // namespace flowspan
