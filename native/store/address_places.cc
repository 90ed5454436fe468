#include "address_places.h"

#include <algorithm>
#include <array>
#include <bit>

#include "../core/byte_order.h"
#include "../core/keyed_hash.h"

namespace flowspan {

namespace {
// IPv4, IPv6, none.
constexpr uint32_t rankOf(uint32_t version) { return version == 4 ? 0 : version == 6 ? 1 : 2; }
}  // namespace

AddressPlaces::AddressPlaces(uint32_t rowsMax)
    : versions_(rowsMax), addresses_(rowsMax), slots_(2 * std::bit_ceil(rowsMax)), places_(rowsMax), moved_(rowsMax) {}

size_t AddressPlaces::octets() const {
  return versions_.size() + addresses_.size() * sizeof(Address) + 2 * (slots_.size() + places_.size() + moved_.size());
}

uint16_t AddressPlaces::placeOf(const Address& address) {
  const size_t mask = slots_.size() - 1;
  const uint64_t hash = foldMultiply(address.head ^ 0x9e3779b97f4a7c15ull, address.tail ^ 0xbf58476d1ce4e5b9ull) + address.version;
  size_t slot = hash & mask;
  for (; slots_[slot] != 0; slot = (slot + 1) & mask) {
    const uint32_t place = slots_[slot] - 1u;
    const Address& known = addresses_[place];
    if (known.head == address.head && known.tail == address.tail && known.version == address.version) return static_cast<uint16_t>(place);
  }
  addresses_[count_] = address;
  slots_[slot] = static_cast<uint16_t>(count_ + 1);
  return static_cast<uint16_t>(count_++);
}

PackedAddresses AddressPlaces::pack(const uint8_t* first, size_t stride, uint32_t count, PackingRoom& room) {
  std::fill(slots_.begin(), slots_.end(), uint16_t{0});
  count_ = 0;
  for (uint32_t row = 0; row < count; row++) {
    const uint8_t* at = first + row * stride;
    const uint32_t version = versions_[row];
    const uint64_t head = version == 0 ? 0 : version == 4 ? loadRaw<uint32_t>(at) : loadRaw<uint64_t>(at);
    places_[row] = placeOf({head, version == 6 ? loadRaw<uint64_t>(at + 8) : 0, version});
  }
  std::array<uint32_t, 3> next{};
  for (uint32_t place = 0; place < count_; place++) next[rankOf(addresses_[place].version)]++;
  const auto [ipv4, ipv6, none] = next;
  next = {0, ipv4, ipv4 + ipv6};
  PackedAddresses packed{.wordCount = ipv4 + 4 * ipv6, .ipv4 = ipv4, .count = count_};
  uint32_t* words = room.take<uint32_t>(packed.wordCount);
  packed.words = room.last();
  for (uint32_t place = 0; place < count_; place++) {
    const Address& address = addresses_[place];
    const uint32_t to = next[rankOf(address.version)]++;
    moved_[place] = static_cast<uint16_t>(to);
    if (address.version == 4) {
      words[to] = toNetwork(static_cast<uint32_t>(address.head));
    } else if (address.version == 6) {
      const std::array<uint64_t, 2> halves = {toNetwork(address.head), toNetwork(address.tail)};
      for (uint32_t i = 0; i < 4; i++) words[ipv4 + 4 * (to - ipv4) + i] = static_cast<uint32_t>(halves[i / 2] >> (i % 2 == 0 ? 32 : 0));
    }
  }
  if (count_ == 1) return packed;
  uint16_t* codes = room.take<uint16_t>(count);
  packed.codes = room.last();
  packed.hasCodes = true;
  for (uint32_t row = 0; row < count; row++) codes[row] = moved_[places_[row]];
  return packed;
}

}  // namespace flowspan
