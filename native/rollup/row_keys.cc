#include "row_keys.h"

#include <algorithm>

namespace flowspan {

namespace {

void writeMac(const uint8_t* mac, uint32_t* to) {
  to[0] = key::kMacHost;
  to[1] = load32(mac);
  to[2] = uint32_t{load16(mac + 4)} << 16;
  to[3] = to[4] = 0;
}
void writeAddress(const uint8_t* address, bool isV6, uint32_t* to) {
  to[0] = isV6 ? key::kIpv6Host : key::kIpv4Host;
  to[1] = load32(address);
  for (uint32_t word = 1; word < 4; word++) to[1 + word] = isV6 ? load32(address + 4 * word) : 0;
}

}  // namespace

const uint32_t* RowKeys::column(KeyKind kind, bool ofDestination) const {
  switch (kind) {
    case KeyKind::host: return ofDestination ? destination_.data() : source_.data();
    case KeyKind::conversation: return conversation_.data();
    case KeyKind::service: return service_.data();
    default: return single_[static_cast<size_t>(kind)].data();
  }
}

uint8_t RowKeys::read(const RowView& row, uint32_t to, const ServicePorts& ports) {
  const uint64_t present = row.present();
  const auto has = [&](uint64_t group) { return (present & group) != 0; };
  const auto put = [&](KeyKind kind, uint32_t word) { single_[static_cast<size_t>(kind)][to] = word; };
  uint8_t flags = readEnds(row, present, to);
  if (has(presence::kProtocol)) {
    const uint8_t protocol = row.u8(offsetof(Row, protocolIdentifier));
    put(KeyKind::protocol, protocol);
    uint32_t port = 0;
    if (has(presence::kPorts)) {
      port = key::kPortFlag | readService(row, protocol, to, ports);
      if (has(presence::kAddresses)) flags |= row_flag::kService;
    }
    put(KeyKind::application, uint32_t{protocol} << key::kProtocolShift | port);
  } else {
    const uint32_t type = has(presence::kEtherType) ? key::kEtherTypeFlag | row.u16(offsetof(Row, ethernetType)) : key::kUnknown;
    put(KeyKind::protocol, type);
    put(KeyKind::application, type);
  }
  put(KeyKind::vlan, has(presence::kVlan) ? row.u16(offsetof(Row, dot1qVlanId)) : key::kNoVlan);
  put(KeyKind::siteLabel, has(presence::kSiteLabel) ? row.u32(offsetof(Row, siteLabelId)) : 0);
  put(KeyKind::tenantLabel, has(presence::kTenantLabel) ? row.u32(offsetof(Row, tenantLabelId)) : 0);
  put(KeyKind::serviceLabel, has(presence::kServiceLabel) ? row.u32(offsetof(Row, serviceLabelId)) : 0);
  put(KeyKind::costCentreLabel, has(presence::kCostCentreLabel) ? row.u32(offsetof(Row, costCentreLabelId)) : 0);
  // Of the end outside the site; where both are, of the one that was addressed.
  put(KeyKind::country, has(presence::kDestinationCountry) ? row.u16(offsetof(Row, destinationCountryCode))
                        : has(presence::kSourceCountry)    ? row.u16(offsetof(Row, sourceCountryCode))
                                                           : 0);
  put(KeyKind::as, has(presence::kDestinationAs) ? row.u32(offsetof(Row, bgpDestinationAsNumber))
                   : has(presence::kSourceAs)    ? row.u32(offsetof(Row, bgpSourceAsNumber))
                                                 : 0);
  return flags;
}

// The server's address, protocol and port; returns the port. After the ends.
uint16_t RowKeys::readService(const RowView& row, uint8_t protocol, uint32_t to, const ServicePorts& ports) {
  const uint16_t destination = row.u16(offsetof(Row, destinationTransportPort));
  const uint8_t direction = row.u8(offsetof(Row, biflowDirection));
  const uint16_t port = ports.portOf(protocol, row.u16(offsetof(Row, sourceTransportPort)), destination, direction);
  const auto& server = ServicePorts::serverIsDestination(port, destination, direction) ? destination_ : source_;
  uint32_t* service = &service_[kServiceWords * to];
  std::copy_n(&server[kHostWords * to], kHostWords, service);
  service[kHostWords] = uint32_t{protocol} << 16 | port;
  return port;
}

uint8_t RowKeys::readEnds(const RowView& row, uint64_t present, uint32_t to) {
  uint32_t* source = &source_[kHostWords * to];
  uint32_t* destination = &destination_[kHostWords * to];
  if ((present & presence::kAddresses) != 0) {
    const bool isV6 = row.u8(offsetof(Row, ipVersion)) == 6;
    writeAddress(row.at(offsetof(Row, sourceAddress)), isV6, source);
    writeAddress(row.at(offsetof(Row, destinationAddress)), isV6, destination);
  } else if ((present & presence::kMac) != 0) {
    writeMac(row.at(offsetof(Row, sourceMacAddress)), source);
    writeMac(row.at(offsetof(Row, destinationMacAddress)), destination);
  } else {
    return 0;
  }
  const bool isReversed = std::lexicographical_compare(destination + 1, destination + kHostWords, source + 1, source + kHostWords);
  const uint32_t* first = isReversed ? destination : source;
  const uint32_t* second = isReversed ? source : destination;
  uint32_t* pair = &conversation_[kConversationWords * to];
  std::copy_n(first, kHostWords, pair);
  std::copy_n(second + 1, kHostWords - 1, pair + kHostWords);
  return isReversed ? row_flag::kEnds | row_flag::kReversed : row_flag::kEnds;
}

}  // namespace flowspan
