// The memory of all row blocks, taken at start. JavaScript sees it as an ArrayBuffer and may hold it longer than the meter lives, so it is
// shared. Layout of a block: src/flow/decode_annotations.ts `blockHeader`.
#pragma once

#include <cstddef>
#include <cstdint>

#include "../core/memory_region.h"

namespace flowspan {

class BlockBuffer {
 public:
  // Throws std::bad_alloc.
  BlockBuffer(uint32_t blocks, uint32_t rowsPerBlock);

  uint8_t* data() const { return memory_.as<uint8_t>(); }
  size_t octets() const { return memory_.bytes(); }
  uint32_t blockOctets() const { return blockOctets_; }
  uint32_t blocks() const { return blocks_; }
  uint32_t rowsPerBlock() const { return rowsPerBlock_; }
  uint8_t* block(uint32_t index) const { return data() + static_cast<size_t>(index) * blockOctets_; }

 private:
  uint32_t blocks_;
  uint32_t rowsPerBlock_;
  uint32_t blockOctets_;
  MemoryRegion memory_;
};

}  // namespace flowspan
