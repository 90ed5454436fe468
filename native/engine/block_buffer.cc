#include "block_buffer.h"

#include <sys/mman.h>

#include "../generated/row_layout.h"
#include "../source/failure.h"

namespace flowspan {

BlockBuffer::BlockBuffer(uint32_t blocks, uint32_t rowsPerBlock)
    : blocks_(blocks),
      rowsPerBlock_(rowsPerBlock),
      blockOctets_(block_header::kBytes + rowsPerBlock * kRowBytes),
      octets_(static_cast<size_t>(blocks) * blockOctets_) {
  void* memory = mmap(nullptr, octets_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) throw Failure("ENOMEM", "no memory for " + std::to_string(blocks) + " blocks of rows");
  data_ = static_cast<uint8_t*>(memory);
}

BlockBuffer::~BlockBuffer() { munmap(data_, octets_); }

}  // namespace flowspan
