// Which thread meters a packet of a file: a symmetric hash over the address pair, so that both directions of a flow and all
// fragments of a datagram meet in one cache. The ring has the same idea as a kernel program (fanout_program.h).
#pragma once

#include <cstdint>

#include "../core/meter_core.h"

namespace flowspan {

// The same for a packet and its answer; packets without addresses share one value per pair of MACs.
uint32_t partitionHash(const PacketView& packet);

inline uint32_t partitionOf(uint32_t hash, uint32_t parts) {
  return static_cast<uint32_t>((static_cast<uint64_t>(hash) * parts) >> 32);
}

}  // namespace flowspan
