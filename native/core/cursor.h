// What is left of a frame while it is decoded: captured octets, and how many octets the wire carried from here on, which
// is more when the capture was cut short. Never reads past `end`. A value; any thread.
#pragma once

#include <cstddef>
#include <cstdint>

#include "byte_order.h"

namespace flowspan {

struct Cursor {
  const uint8_t* at;
  const uint8_t* end;
  uint32_t wire;

  size_t left() const { return static_cast<size_t>(end - at); }
  bool has(size_t octets) const { return left() >= octets; }
  // Only after has(octets).
  void skip(size_t octets) {
    at += octets;
    wire = wire > octets ? wire - static_cast<uint32_t>(octets) : 0;
  }
};

}  // namespace flowspan
