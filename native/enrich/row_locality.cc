#include "row_locality.h"

#include "../core/row_view.h"

namespace flowspan {

namespace {
// Of networkLocality.
constexpr uint8_t kSourceInside = 1, kDestinationInside = 2;
// Of flowDirection, seen from the site.
constexpr uint8_t kIngress = 0, kEgress = 1;
}  // namespace

bool RowLocality::mark(uint8_t* rows, uint32_t count) const {
  bool isSampled = false;
  for (uint32_t i = 0; i < count; i++) {
    uint8_t* const at = rows + size_t{i} * kRowBytes;
    const RowView row(at);
    isSampled |= row.u16(offsetof(Row, selectorId)) != 0;
    uint64_t present = row.present();
    if ((present & presence::kAddresses) == 0) continue;
    const bool isV6 = row.u8(offsetof(Row, ipVersion)) == 6;
    const bool source = isInside(row.at(offsetof(Row, sourceAddress)), isV6);
    const bool destination = isInside(row.at(offsetof(Row, destinationAddress)), isV6);
    at[offsetof(Row, networkLocality)] = static_cast<uint8_t>((source ? kSourceInside : 0) | (destination ? kDestinationInside : 0));
    present |= presence::kLocality;
    // Between two inside addresses, or two outside ones, the site's boundary is not crossed: no direction.
    if (source != destination) {
      at[offsetof(Row, flowDirection)] = source ? kEgress : kIngress;
      present |= presence::kFlowDirection;
    }
    storeNetwork(at + offsetof(Row, presence), present);
  }
  return isSampled;
}

}  // namespace flowspan
