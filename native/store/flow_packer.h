// Packs rows of a segment into columns as narrow as their values allow, all in one piece; src/flow/flow_packing.ts says what columns there
// are. A column at a time over all rows, of which one piece after the other stays in the processor's nearest memory while several columns
// are read from it.
//
// Memory: 140 octets for each row of the largest segment, 0.6 MB at 4,096, and what the room takes (packing_room.h): 512 KiB, or up to
// twice as much as the largest segment took. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "address_places.h"
#include "column_codes.h"
#include "packing_room.h"

namespace flowspan {

class FlowPacker {
 public:
  // Of numbers that are added to times, and of intervals: whole ones, so that no sum of them is without bounds.
  static constexpr double kNumberMax = 1ull << 60;

  // `table` is packed as in src/flow/flow_packing.ts; throws std::invalid_argument for one that reaches out of a row.
  FlowPacker(const int32_t* table, size_t words);

  uint32_t rowsMax() const { return rowsMax_; }

  // At most `rowsMax` rows behind each other, with what is added to the times of each and its interval, whole numbers.
  void pack(const uint8_t* rows, uint32_t count, const double* offsetsUs, const double* intervals);

  // Of what was packed last: by column of the table, and intervals behind them.
  const std::vector<PackedNumbers>& numbers() const { return packedNumbers_; }
  const std::vector<PackedAddresses>& addresses() const { return packedAddresses_; }
  const PackingRoom& room() const { return room_; }

  // Memory that this object holds.
  size_t octets() const;

 private:
  using ReadWords = void (*)(const uint8_t* first, uint32_t count, uint32_t* to);
  using ReadWide = void (*)(const uint8_t* first, uint32_t count, double* to);
  enum class Time : uint8_t { no, start, sinceStart };
  struct NumberColumn {
    // One of them is null.
    ReadWords readWords;
    ReadWide readWide;
    uint32_t offset;
    // Presence bits that all must be set; what is absent is 0.
    uint32_t bits;
    Time time;
  };
  struct AddressColumn {
    uint32_t offset;
    uint32_t bits;
    bool byVersion;
  };

  void addNumberColumn(const int32_t* words);
  void lookAtPresence(const uint8_t* rows, uint32_t count);
  bool isInSome(uint32_t bits) const { return (inSome_ & bits) == bits; }
  bool isInAll(uint32_t bits) const { return (inAll_ & bits) == bits; }
  void readTogether(size_t first, size_t end, const uint8_t* rows, uint32_t count);
  PackedNumbers packColumn(size_t column, uint32_t count, const double* offsetsUs);
  PackedAddresses packAddresses(const AddressColumn& column, const uint8_t* rows, uint32_t count);

  uint32_t rowsMax_ = 0;
  uint32_t presenceOffset_ = 0;
  uint32_t versionOffset_ = 0;
  std::vector<NumberColumn> numberColumns_;
  std::vector<AddressColumn> addressColumns_;
  std::vector<PackedNumbers> packedNumbers_;
  std::vector<PackedAddresses> packedAddresses_;

  // Each row's presence bits; those that some row has, and those that every one has.
  std::vector<uint32_t> presence_;
  uint32_t inSome_ = 0;
  uint32_t inAll_ = 0;
  std::vector<double> starts_;
  // Values of the columns that are read together, `rowsMax` each.
  std::vector<uint32_t> words_;
  std::vector<double> wide_;
  AddressPlaces places_;
  PackingRoom room_;
};

}  // namespace flowspan
