// Rows on their way into windows, by columns, as src/pipeline/row_batch.ts fills them: the shares that windows get of each row's figures.
#pragma once

#include <cstdint>

namespace flowspan {

// outOctets, inOctets, outPackets, inPackets, flows; of a share by direction: octets, reverse octets, packets, reverse packets, flows.
constexpr uint32_t kFiguresPerKey = 5;
// Of sampled rows: variances of octets and packets, and by how much the estimates of octets and packets exceed what was counted.
constexpr uint32_t kFiguresPerSample = 4;
// In `flags`: what the row counts are estimates.
constexpr uint8_t kSampledFlag = 16;
constexpr uint32_t kRowsMax = 256;

// Room for `rows` and `shares`; whoever fills them owns them.
struct RowColumns {
  const uint8_t* flags;
  // Octets of both directions, for who stays in a table.
  const double* weights;
  // A row's shares, at least one, stand from here up to the next row's first: one more than rows.
  const int32_t* firstShare;
  // The place of each share's window.
  const int32_t* places;
  const double* figures;
  const double* sampled;
  uint32_t rows;
  uint32_t shares;
};

// Where the keys of one dimension stand, and what they are of a row.
struct KeyColumn {
  const uint32_t* keys;
  // What a row must have for a key here; without, it counts as other.
  uint8_t needs;
  // Rows with this flag count the other way round.
  uint8_t swaps;
};

}  // namespace flowspan
