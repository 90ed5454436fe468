#include "block_buffer.h"

#include "../generated/row_layout.h"

namespace flowspan {

BlockBuffer::BlockBuffer(uint32_t blocks, uint32_t rowsPerBlock)
    : blocks_(blocks),
      rowsPerBlock_(rowsPerBlock),
      blockOctets_(block_header::kBytes + rowsPerBlock * kRowBytes),
      memory_(static_cast<size_t>(blocks) * blockOctets_) {}

}  // namespace flowspan
