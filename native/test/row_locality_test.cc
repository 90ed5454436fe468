// Which ends of rows are inside: edges of ranges, and what is left as it was.
#include "../enrich/row_locality.h"

#include <cstring>
#include <vector>

#include "../core/row_view.h"
#include "check.h"

using namespace flowspan;

namespace {

using Words = std::vector<uint32_t>;

// A row from one address to the other; the sender's selector.
std::vector<uint8_t> rowOf(const std::vector<uint8_t>& source, const std::vector<uint8_t>& destination, uint16_t selectorId = 0) {
  std::vector<uint8_t> row(kRowBytes, 0);
  storeNetwork(row.data() + offsetof(Row, presence), presence::kAddresses | presence::kIp);
  std::memcpy(row.data() + offsetof(Row, sourceAddress), source.data(), source.size());
  std::memcpy(row.data() + offsetof(Row, destinationAddress), destination.data(), destination.size());
  row[offsetof(Row, ipVersion)] = source.size() == 16 ? 6 : 4;
  storeNetwork(row.data() + offsetof(Row, selectorId), selectorId);
  return row;
}

int localityOf(const RowLocality& locality, const std::vector<uint8_t>& source, const std::vector<uint8_t>& destination) {
  std::vector<uint8_t> row = rowOf(source, destination);
  locality.mark(row.data(), 1);
  return row[offsetof(Row, networkLocality)];
}

}  // namespace

TEST("row locality: an address is inside from the first of a range to the last") {
  const Words v4 = {0x0a000000, 0x0a00ffff, 0xc0000200, 0xc0000200};
  const RowLocality locality(v4, {});
  const std::vector<uint8_t> outside = {8, 8, 8, 8};
  const auto isIn = [&](std::vector<uint8_t> address) { return localityOf(locality, address, outside) == 1; };
  CHECK(!isIn({9, 255, 255, 255}));
  CHECK(isIn({10, 0, 0, 0}));
  CHECK(isIn({10, 0, 255, 255}));
  CHECK(!isIn({10, 1, 0, 0}));
  CHECK(!isIn({192, 0, 1, 255}));
  CHECK(isIn({192, 0, 2, 0}));
  CHECK(!isIn({192, 0, 2, 1}));
  CHECK_EQ(localityOf(locality, outside, {10, 0, 0, 1}), 2);
  CHECK_EQ(localityOf(locality, {10, 0, 0, 1}, {192, 0, 2, 0}), 3);
  CHECK_EQ(localityOf(locality, outside, outside), 0);
}

TEST("row locality: all octets of an IPv6 address count") {
  const Words v6 = {0x20010db8, 0, 0, 0xffffffff, 0x20010db8, 0, 1, 0};
  const RowLocality locality({}, v6);
  const auto address = [](uint32_t third, uint32_t fourth) {
    std::vector<uint8_t> octets(16, 0);
    storeNetwork(octets.data(), uint32_t{0x20010db8});
    storeNetwork(octets.data() + 8, third);
    storeNetwork(octets.data() + 12, fourth);
    return octets;
  };
  const std::vector<uint8_t> outside(16, 0xff);
  CHECK_EQ(localityOf(locality, address(0, 0xfffffffe), outside), 0);
  CHECK_EQ(localityOf(locality, address(0, 0xffffffff), outside), 1);
  CHECK_EQ(localityOf(locality, outside, address(1, 0)), 2);
  CHECK_EQ(localityOf(locality, outside, address(1, 1)), 0);
}

TEST("row locality: a direction is told where the boundary is crossed") {
  const Words v4 = {0x0a000000, 0x0affffff};
  const RowLocality locality(v4, {});
  std::vector<uint8_t> out = rowOf({10, 0, 0, 1}, {8, 8, 8, 8}), in = rowOf({8, 8, 8, 8}, {10, 0, 0, 1}), within = rowOf({10, 0, 0, 1}, {10, 0, 0, 2});
  in[offsetof(Row, flowDirection)] = 9;
  for (auto* row : {&out, &in, &within}) CHECK(!locality.mark(row->data(), 1));
  const uint64_t known = presence::kAddresses | presence::kIp | presence::kLocality;
  CHECK_EQ(RowView(out.data()).present(), known | presence::kFlowDirection);
  CHECK_EQ(RowView(in.data()).present(), known | presence::kFlowDirection);
  CHECK_EQ(RowView(within.data()).present(), known);
  CHECK_EQ(out[offsetof(Row, flowDirection)], 1);
  CHECK_EQ(in[offsetof(Row, flowDirection)], 0);
}

TEST("row locality: a row without addresses stays as it is and its selector is seen") {
  const RowLocality locality(Words{0, 0xffffffff}, {});
  std::vector<uint8_t> row = rowOf({10, 0, 0, 1}, {10, 0, 0, 2}, 7);
  storeNetwork(row.data() + offsetof(Row, presence), presence::kMac);
  const std::vector<uint8_t> before = row;
  CHECK(locality.mark(row.data(), 1));
  CHECK(row == before);
}

TEST("row locality: ranges that overlap or have no end are not taken") {
  using V4 = AddressRanges<Ipv4Address>;
  CHECK(V4::isOrdered(Words{}));
  CHECK(V4::isOrdered(Words{1, 1, 2, 5}));
  CHECK(!V4::isOrdered(Words{1}));
  CHECK(!V4::isOrdered(Words{2, 1}));
  CHECK(!V4::isOrdered(Words{1, 5, 5, 6}));
  CHECK(!V4::isOrdered(Words{5, 6, 1, 2}));
  using V6 = AddressRanges<Ipv6Address>;
  CHECK(V6::isOrdered(Words{0, 0, 0, 1, 0, 0, 1, 0}));
  CHECK(!V6::isOrdered(Words{0, 0, 0, 1}));
  CHECK(!V6::isOrdered(Words{0, 1, 0, 0, 0, 0, 1, 0}));
}

