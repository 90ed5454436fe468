// Bytes of a fuzzer as choices. Past the end every choice is 0, so that short inputs are whole ones.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

struct FuzzInput {
  const uint8_t* at;
  const uint8_t* end;

  size_t left() const { return static_cast<size_t>(end - at); }
  uint8_t octet() { return at < end ? *at++ : 0; }
  uint32_t word() {
    uint32_t value = 0;
    for (int i = 0; i < 4; i++) value = value << 8 | octet();
    return value;
  }
  // As many octets as asked, or what is left.
  const uint8_t* take(size_t& octets) {
    if (octets > left()) octets = left();
    const uint8_t* start = at;
    at += octets;
    return start;
  }
};
