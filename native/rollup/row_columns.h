// Rows on their way into windows, by columns: the shares that windows get of each row's figures. Written row by row, read dimension by
// dimension. Used again for every batch. One thread.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

namespace flowspan {

// outOctets, inOctets, outPackets, inPackets, flows; of a share by direction: octets, reverse octets, packets, reverse packets, flows.
inline constexpr uint32_t kFiguresPerKey = 5;
// Of sampled rows: variances of octets and packets, and by how much the estimates of octets and packets exceed what was counted. Kept as the
// excess, so that rows of every packet need none of it.
inline constexpr uint32_t kFiguresPerSample = 4;
inline constexpr uint32_t kRowsMax = 256;

using Figures = std::array<double, kFiguresPerKey>;
using Estimates = std::array<double, kFiguresPerSample>;

class RowColumns {
 public:
  // `sharesOfRow`: at most.
  explicit RowColumns(uint32_t sharesOfRow)
      : sharesOfRow_(sharesOfRow), places(roomFor(sharesOfRow)), figures(roomFor(sharesOfRow)), sampled(roomFor(sharesOfRow)) {}

 private:
  static constexpr uint32_t kShares = 2048;
  static uint32_t roomFor(uint32_t sharesOfRow) { return sharesOfRow < kShares ? kShares : sharesOfRow; }
  uint32_t sharesOfRow_;

 public:
  uint32_t count = 0;
  uint32_t shares = 0;
  // Of rows:
  std::array<uint8_t, kRowsMax> flags;
  // Octets of both directions, for who stays in a table.
  std::array<double, kRowsMax> weights;
  // A row's shares, at least one, stand from here up to the next row's first.
  std::array<uint32_t, kRowsMax + 1> firstShare{};
  // Of shares: the place of each one's window, and what it gets.
  std::vector<uint32_t> places;
  std::vector<Figures> figures;
  // Says something for sampled rows.
  std::vector<Estimates> sampled;

  bool isFull() const { return count == kRowsMax || shares + sharesOfRow_ > places.size(); }
  void clear() { count = shares = 0; }
};

// Where the keys of one dimension stand, and what they are of a row.
struct KeyColumn {
  const uint32_t* keys;
  // What a row must have for a key here; without, it counts as other.
  uint8_t needs;
  // Rows with this flag count the other way round: their source is what `in` counts for.
  uint8_t swaps;
};

}  // namespace flowspan
