// Fields of a row where it lies, in host order. Rows have no alignment. Pure; any thread.
#pragma once

#include <cstdint>

#include "byte_order.h"
#include "../generated/row_layout.h"

namespace flowspan {

class RowView {
 public:
  explicit RowView(const uint8_t* row) : row_(row) {}

  // Of the groups that there are, the bits.
  bool has(uint64_t groups) const { return (present() & groups) != 0; }
  uint64_t present() const { return load64(row_ + offsetof(Row, presence)); }
  const uint8_t* at(size_t offset) const { return row_ + offset; }
  uint8_t u8(size_t offset) const { return row_[offset]; }
  uint16_t u16(size_t offset) const { return load16(row_ + offset); }
  uint32_t u32(size_t offset) const { return load32(row_ + offset); }
  uint64_t u64(size_t offset) const { return load64(row_ + offset); }
  // A counter, as exact as JavaScript's: up to 2^53.
  double count(size_t offset) const { return static_cast<double>(u64(offset)); }

 private:
  const uint8_t* row_;
};

}  // namespace flowspan
