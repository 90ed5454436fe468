#include "sightings.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

namespace flowspan {

namespace {

// Both records of a conversation come within one active time-out and one idle time-out of each other.
constexpr double kFreshMs = 120'000;

// An address as two words; of IPv4 only the first four octets of sixteen count.
struct AddressWords {
  uint64_t high;
  uint64_t low;
};
AddressWords addressAt(const uint8_t* at, bool isV6) { return isV6 ? AddressWords{load64(at), load64(at + 8)} : AddressWords{load32(at), 0}; }

uint32_t printOf(uint64_t hash) { return std::max(1u, static_cast<uint32_t>(hash >> 32)); }

}  // namespace

Conversations::Key Conversations::keyOf(const RowView& row) const {
  const uint8_t version = row.u8(offsetof(Row, ipVersion));
  const AddressWords source = addressAt(row.at(offsetof(Row, sourceAddress)), version == 6);
  const AddressWords destination = addressAt(row.at(offsetof(Row, destinationAddress)), version == 6);
  const uint32_t from = row.u16(offsetof(Row, sourceTransportPort)), to = row.u16(offsetof(Row, destinationTransportPort));
  // The lower end first.
  const bool isSwapped = source.high != destination.high ? source.high > destination.high
                         : source.low != destination.low ? source.low > destination.low
                                                         : from > to;
  const AddressWords& low = isSwapped ? destination : source;
  const AddressWords& high = isSwapped ? source : destination;
  const uint64_t ports = isSwapped ? uint64_t{to} << 16 | from : uint64_t{from} << 16 | to;
  const uint64_t words[] = {low.high, low.low, high.high, high.low, ports, uint64_t{version} << 8 | row.u8(offsetof(Row, protocolIdentifier))};
  return {hash_.ofSixWords(words), isSwapped};
}

Encounter Conversations::meet(const RowView& row, const Key& key, bool isTwoWay, int32_t vlan, uint64_t mac, double nowMs) {
  const uint8_t end = key.isSwapped ? 1 : 0;
  Slot now{printOf(key.hash), vlan, mac, nowMs, {}, {}, end};
  now.packets[end] = row.count(offsetof(Row, packetDeltaCount));
  now.ttls[end] = row.u8(offsetof(Row, minimumTTL));
  if (isTwoWay) {
    now.packets[1 - end] = row.count(offsetof(Row, reversePacketDeltaCount));
    now.ttls[1 - end] = row.u8(offsetof(Row, reverseMinimumTTL));
  }
  Slot& slot = slots_[key.hash % kSightingsMax];
  const bool isKnown = slot.print == now.print && nowMs - slot.atMs < kFreshMs;
  const Encounter encounter = isKnown && slot.vlan != vlan ? compare(slot, now) : Encounter::none;
  if (encounter != Encounter::none) now.print = 0;
  slot = now;
  return encounter;
}

Encounter Conversations::compare(const Slot& before, const Slot& now) {
  sharedPackets_ = 0;
  int hops = 0;
  for (size_t direction = 0; direction < 2; direction++) {
    const double shared = std::min(before.packets[direction], now.packets[direction]);
    if (shared == 0) continue;
    sharedPackets_ += shared;
    hops = std::max(hops, std::abs(before.ttls[direction] - now.ttls[direction]));
  }
  if (sharedPackets_ == 0) return now.vlan == kUntagged || before.vlan == kUntagged ? Encounter::splitByTag : Encounter::splitByVlan;
  if (hops == 0) return Encounter::copy;
  // A router puts its own MAC in place; the same MAC with another TTL is another path's answer, not a copy.
  const bool isSameMac = before.macEnd == now.macEnd && before.mac == now.mac;
  return hops <= kHopsMax && !isSameMac ? Encounter::routedCopy : Encounter::none;
}

uint64_t Stations::keyOf(const RowView& row) const {
  const uint8_t version = row.u8(offsetof(Row, ipVersion));
  const AddressWords source = addressAt(row.at(offsetof(Row, sourceAddress)), version == 6);
  return hash_.join(version, source.high, source.low);
}

Sighting Stations::see(uint64_t key, uint64_t mac, double nowMs, double windowMs) {
  Slot& slot = slots_[key % kSightingsMax];
  const bool isKnown = slot.print == printOf(key) && nowMs - slot.atMs < windowMs;
  const bool isChanged = isKnown && slot.mac != mac;
  const bool isAgain = isChanged && slot.hasChanged && nowMs - slot.changedAtMs < windowMs;
  slot.print = printOf(key);
  slot.mac = mac;
  slot.atMs = nowMs;
  if (isChanged) slot.changedAtMs = nowMs;
  if (isChanged) slot.hasChanged = true;
  else if (!isKnown) slot.hasChanged = false;
  if (!isKnown) return Sighting::first;
  return isChanged ? (isAgain ? Sighting::changedAgain : Sighting::changed) : Sighting::same;
}

}  // namespace flowspan
