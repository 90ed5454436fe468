// Ranges of IP length and TTL, and code points, of a direction's open record. Owner: the core's thread.
#pragma once

#include "decoder.h"
#include "flow_table.h"

namespace flowspan {

inline void widenRange(DirectionLine& line, ColdPart cold, const DecodedPacket& p) {
  if (line.range.widen(p.shape)) [[unlikely]] cold->otherDscp[p.side] |= 1ull << (p.classOfService >> 2);
}

// After the packet was counted.
inline void measureIp(DirectionLine& line, ColdPart cold, const DecodedPacket& p) {
  if (line.packets == 1) {
    line.range.begin(p.shape);
    line.classOfService = p.classOfService;
  } else if (!line.range.holds(p.shape)) {
    widenRange(line, cold, p);
  }
}

}  // namespace flowspan
