// A column of numbers as narrow as they allow: one number for all rows, or codes of 1, 2, 4 or 8 octets counted from the smallest, or
// one octet a row into a dictionary of at most 256 numbers in the order of their first row. Pure; any thread.
#pragma once

#include <cstddef>
#include <cstdint>

#include "packing_room.h"

namespace flowspan {

// Numbers are what JavaScript has: doubles, exact up to 2^53. Places are octets of the room.
struct PackedNumbers {
  // Octets of a code; 0 where all rows have `base`.
  uint32_t width = 0;
  size_t codes = 0;
  double base = 0;
  double low = 0;
  double high = 0;
  size_t dictionary = 0;
  // Of the dictionary; 0 where codes count from `base`.
  uint32_t entries = 0;
};

PackedNumbers packNumbers(const uint32_t* values, uint32_t count, PackingRoom& room);
// Whole numbers, none of them a negative zero: they are told apart by their bits.
PackedNumbers packNumbers(const double* values, uint32_t count, PackingRoom& room);

}  // namespace flowspan
