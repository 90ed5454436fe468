// The keys of rows in every dimension, as words in columns. One thread.
#pragma once

#include <array>
#include <cstdint>

#include "key_kinds.h"
#include "row_columns.h"
#include "../core/row_view.h"
#include "service_ports.h"

namespace flowspan {

class RowKeys {
 public:
  // Where the keys of a dimension stand; of hosts, the source or the destination.
  const uint32_t* column(KeyKind kind, bool ofDestination = false) const;

  // Reads a row's keys into the columns, at `to`. Returns what of `row_flag` is so: ends, service, reversed.
  uint8_t read(const RowView& row, uint32_t to, const ServicePorts& ports);

 private:
  template <uint32_t kWords>
  using Column = std::array<uint32_t, kRowsMax * kWords>;

  uint8_t readEnds(const RowView& row, uint64_t present, uint32_t to);
  uint16_t readService(const RowView& row, uint8_t protocol, uint32_t to, const ServicePorts& ports);

  Column<kHostWords> source_;
  Column<kHostWords> destination_;
  Column<kConversationWords> conversation_;
  Column<kServiceWords> service_;
  // Of the kinds of one word, by kind.
  std::array<Column<1>, kKeyKindNames.size()> single_;
};

}  // namespace flowspan
