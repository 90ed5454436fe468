// The memory of all row blocks, one mapping; pages are taken as blocks are first used. JavaScript sees it as an ArrayBuffer and may
// hold it longer than the meter lives, so it is shared. Layout of a block: src/flow/decode_annotations.ts `blockHeader`.
#pragma once

#include <cstddef>
#include <cstdint>

namespace flowspan {

class BlockBuffer {
 public:
  // Throws Failure ENOMEM.
  BlockBuffer(uint32_t blocks, uint32_t rowsPerBlock);
  ~BlockBuffer();
  BlockBuffer(const BlockBuffer&) = delete;
  BlockBuffer& operator=(const BlockBuffer&) = delete;

  uint8_t* data() const { return data_; }
  size_t octets() const { return octets_; }
  uint32_t blockOctets() const { return blockOctets_; }
  uint32_t blocks() const { return blocks_; }
  uint32_t rowsPerBlock() const { return rowsPerBlock_; }
  uint8_t* block(uint32_t index) const { return data_ + static_cast<size_t>(index) * blockOctets_; }

 private:
  uint32_t blocks_;
  uint32_t rowsPerBlock_;
  uint32_t blockOctets_;
  size_t octets_;
  uint8_t* data_;
};

}  // namespace flowspan
