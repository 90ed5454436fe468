// From a cached flow to a row (src/flow/row_layout.ts): forward is the initiator's direction, everything in network order,
// absent fields zero. Pure; the caller owns the row and the flow.
#pragma once

#include <cstdint>

#include "../generated/row_layout.h"
#include "context_table.h"
#include "flow_entry.h"

namespace flowspan {

inline constexpr uint8_t kReasonIdle = 1, kReasonActive = 2, kReasonEnd = 3, kReasonForced = 4, kReasonResources = 5;

struct RowSource {
  const FlowEntry& flow;
  const ColdEntry& cold;
  const ContextTable& contexts;
  uint64_t flowId;
  uint32_t interfaceIndex;
  uint8_t reason;
};

void writeRow(const RowSource& source, Row& row);

}  // namespace flowspan
