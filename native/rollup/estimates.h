// What the counts of a sampled row vary by when they stand for all packets; src/flow/estimates.ts says why. Pure.
#pragma once

#include <algorithm>
#include <cstdint>

#include "../core/row_view.h"

namespace flowspan {

// One packet in so many was drawn; one flow in so many where all packets of a flow are in or out together.
struct Sampling {
  double interval = 1;
  bool ofFlows = false;
};

// One direction of a row.
struct DrawnPackets {
  double packets;
  // Of frames.
  double octets;
  double ipOctets;
  // Least and greatest IP length; 0 for both where rows do not say.
  double shortest;
  double longest;
};

// Of the estimates, in octets² and packets².
struct Variance {
  double octets = 0;
  double packets = 0;
};

// The most that Σ x² can be for the frames of a direction. Exact for up to three packets.
//
// Of n packets one has the shortest length m and one the longest M (in frame octets: the IP length and the mean of what frames have beyond
// it). The others lie between, so (x − m)(M − x) ≥ 0 gives x² ≤ (m + M) x − m M for each, with equality for traffic of full and empty
// segments, as TCP's mostly is. Padding of short frames makes the frame's excess fall as the IP length grows, so that taking its mean can
// only raise the sum (Chebyshev's sum inequality).
inline double squaresMost(const DrawnPackets& drawn) {
  // Shortest frame there is; of other links something shorter would be as good.
  constexpr double kEthernetHeaderOctets = 14;
  const auto& [packets, octets, ipOctets, shortest, longest] = drawn;
  if (packets <= 1) return octets * octets;
  double least = kEthernetHeaderOctets;
  double most = octets - (packets - 1) * kEthernetHeaderOctets;
  if (longest > 0) {
    const double excess = (octets - ipOctets) / packets;
    least = shortest + excess;
    most = longest + excess;
  }
  const double rest = octets - least - most;
  const double others = packets - 2;
  const double ends = least * least + most * most;
  if (others == 0) return ends;
  // Of one other packet the length is known; rows that were cut by a wrap or a claim of IP may contradict themselves.
  if (others == 1) return ends + rest * rest;
  return std::max(octets * octets / packets, ends + (least + most) * rest - others * least * most);
}

inline Variance varianceOf(const DrawnPackets& drawn, const Sampling& sampling) {
  const auto& [interval, ofFlows] = sampling;
  if (interval <= 1 || drawn.packets == 0) return {};
  const double factor = interval * (interval - 1);
  if (ofFlows) return {factor * (drawn.octets * drawn.octets), factor * (drawn.packets * drawn.packets)};
  return {factor * squaresMost(drawn), factor * drawn.packets};
}

// Of the row's counts times the interval, both directions together.
inline Variance varianceOf(const RowView& row, bool isTwoWay, const Sampling& sampling) {
  const bool isIp = row.has(presence::kIp);
  const auto length = [&](size_t offset) { return isIp ? double{static_cast<double>(row.u32(offset))} : 0; };
  Variance sum = varianceOf(DrawnPackets{row.count(offsetof(Row, packetDeltaCount)), row.count(offsetof(Row, layer2OctetDeltaCount)),
                                         row.count(offsetof(Row, octetDeltaCount)), length(offsetof(Row, minimumIpTotalLength)),
                                         length(offsetof(Row, maximumIpTotalLength))},
                            sampling);
  if (!isTwoWay) return sum;
  const Variance reverse =
      varianceOf(DrawnPackets{row.count(offsetof(Row, reversePacketDeltaCount)), row.count(offsetof(Row, reverseLayer2OctetDeltaCount)),
                              row.count(offsetof(Row, reverseOctetDeltaCount)), length(offsetof(Row, reverseMinimumIpTotalLength)),
                              length(offsetof(Row, reverseMaximumIpTotalLength))},
                 sampling);
  sum.octets += reverse.octets;
  sum.packets += reverse.packets;
  return sum;
}

}  // namespace flowspan
