// The addresses of a column, each once: those of IPv4 first, a word each, then those of IPv6, four words each, then the one place of
// rows without any; within a version in the order of their first row. Rows name them by their place.
// Memory: some 35 octets a row of the largest segment. Whoever picks addresses so that they collide makes a segment of 4,096 rows cost
// some milliseconds, and no more. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "packing_room.h"

namespace flowspan {

// Places are octets of the room.
struct PackedAddresses {
  // Two octets a row; left out where all rows have the same address, or none.
  bool hasCodes = false;
  size_t codes = 0;
  size_t words = 0;
  uint32_t wordCount = 0;
  uint32_t ipv4 = 0;
  uint32_t count = 0;
};

class AddressPlaces {
 public:
  static constexpr uint32_t kRowsMax = 32'768;

  explicit AddressPlaces(uint32_t rowsMax);

  // Says of each row whether it has an address: 4, 6, or 0 for none. To be written before `pack`.
  uint8_t* versions() { return versions_.data(); }

  // Of the addresses at `first` and every `stride` octets behind it, sixteen octets each.
  PackedAddresses pack(const uint8_t* first, size_t stride, uint32_t count, PackingRoom& room);

  size_t octets() const;

 private:
  // As in the row.
  struct Address {
    uint64_t head;
    uint64_t tail;
    uint32_t version;
  };
  uint16_t placeOf(const Address& address);

  std::vector<uint8_t> versions_;
  std::vector<Address> addresses_;
  uint32_t count_ = 0;
  // Open addressing: place + 1, or 0 for free; at most half of them are taken.
  std::vector<uint16_t> slots_;
  std::vector<uint16_t> places_;
  // By place as rows came: the place when packed.
  std::vector<uint16_t> moved_;
};

}  // namespace flowspan
