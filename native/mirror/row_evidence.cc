#include "row_evidence.h"

#include <algorithm>

namespace flowspan {

namespace {

// IP and TCP without options: no segment carries more than its packet has beyond them.
constexpr double kHeadersV4 = 40, kHeadersV6 = 60;
// Largest IP packet of an Ethernet frame without jumbo support, and with the largest that switches offer.
constexpr uint32_t kMtuOctets = 1500, kJumboOctets = 9216;
constexpr uint16_t kAck = 0x10;
constexpr uint8_t kSourceInside = 1;  // of networkLocality
// A direction with fewer packets may be the straggler of a conversation that was cut at a time-out.
constexpr double kPacketsJudged = 3;
// RFC 919: belongs to no subnet.
constexpr uint32_t kEverybody = 0xffffffff;

bool isHops(int ttls) { return ttls >= 1 && ttls <= kHopsMax; }

uint64_t macAt(const uint8_t* at) { return uint64_t{load32(at)} << 16 | load16(at + 4); }

}  // namespace

bool isSuperPacket(uint8_t ipVersion, uint32_t octets) {
  if (octets <= kMtuOctets) return false;
  if (octets > kJumboOctets) return true;
  // Headers of IP and TCP, with and without timestamps: what segments of one size are merged behind.
  const auto isWhole = [&](uint32_t header) { return (octets - header) % (kMtuOctets - header) == 0; };
  if (ipVersion == 4) return isWhole(40) || isWhole(52);
  return ipVersion == 6 && (isWhole(60) || isWhole(72));
}

bool RowEvidence::add(const uint8_t* rows, uint32_t count, double nowMs) {
  const auto rowAt = [&](uint32_t i) { return RowView(rows + size_t{i} * kRowBytes); };
  // What is remembered lies anywhere in three quarters of a megabyte: it is asked for some rows ahead.
  constexpr uint32_t kAhead = 16;
  std::array<Keys, kAhead> keys{};
  const auto ask = [&](uint32_t i) {
    if (i >= count) return;
    Keys& to = keys[i % kAhead];
    to = {conversations_.keyOf(rowAt(i)), stations_.keyOf(rowAt(i))};
    conversations_.askFor(to.conversation);
    stations_.askFor(to.station);
  };
  for (uint32_t i = 0; i < kAhead; i++) ask(i);
  bool isAnswered = false;
  for (uint32_t i = 0; i < count; i++) {
    isAnswered |= addRow(rowAt(i), keys[i % kAhead], nowMs);
    ask(i + kAhead);
  }
  return isAnswered;
}

bool RowEvidence::addRow(const RowView& row, const Keys& keys, double nowMs) {
  if (row.u8(offsetof(Row, family)) == static_cast<uint8_t>(RowFamily::aggregate) || row.u16(offsetof(Row, selectorId)) != 0) return false;
  const uint64_t present = row.present();
  const auto has = [&](uint64_t groups) { return (present & groups) != 0; };
  const bool isTwoWay = has(presence::kReverse);
  const double forward = row.count(offsetof(Row, packetDeltaCount));
  const double packets = forward + (isTwoWay ? row.count(offsetof(Row, reversePacketDeltaCount)) : 0);
  count(EvidenceKind::rowPackets, packets);
  const bool isTagged = has(presence::kVlan);
  count(isTagged ? EvidenceKind::taggedRows : EvidenceKind::untaggedRows);
  const bool hasMac = has(presence::kMac);
  const bool isToGroup = hasMac && (row.u8(offsetof(Row, destinationMacAddress)) & 1) != 0;
  if (isToGroup) count(EvidenceKind::groupPackets, packets);
  const bool isAnswered = !isToGroup && isTwoWay;
  if (!has(presence::kAddresses)) return isAnswered;
  const uint64_t mac = hasMac ? macAt(row.at(offsetof(Row, sourceMacAddress))) : 0;
  if (hasMac && !isTagged) addUntagged(row, keys.station, mac, isToGroup, nowMs);
  if (isToGroup) return isAnswered;
  if (has(presence::kIp)) addTtl(row, isTwoWay, forward);
  if (!has(presence::kPorts) || has(presence::kTunnelId)) return isAnswered;
  const bool isTcp = has(presence::kTcp);
  if (isTcp) addTcp(row, isTwoWay, packets);
  switch (conversations_.meet(row, keys.conversation, isTwoWay, isTagged ? row.u16(offsetof(Row, dot1qVlanId)) : kUntagged, mac, nowMs)) {
    case Encounter::none: break;
    case Encounter::splitByTag:
      if (isTcp) count(EvidenceKind::tcpSplitByTag);
      break;
    case Encounter::splitByVlan:
      if (isTcp) count(EvidenceKind::tcpSplitByVlan);
      break;
    case Encounter::routedCopy:
      count(EvidenceKind::routedPairs);
      count(EvidenceKind::routedPairPackets, conversations_.sharedPackets());
      break;
    case Encounter::copy:
      count(EvidenceKind::vlanPairs);
      count(EvidenceKind::vlanPairPackets, conversations_.sharedPackets());
      break;
  }
  return isAnswered;
}

void RowEvidence::addTcp(const RowView& row, bool isTwoWay, double packets) {
  count(EvidenceKind::tcpRows);
  const uint32_t longestOut = row.u32(offsetof(Row, maximumIpTotalLength));
  const uint32_t longestBack = isTwoWay ? row.u32(offsetof(Row, reverseMaximumIpTotalLength)) : 0;
  double& longest = sums_[static_cast<size_t>(EvidenceKind::longestTcpOctets)];
  longest = std::max<double>(longest, std::max(longestOut, longestBack));
  const uint8_t version = row.u8(offsetof(Row, ipVersion));
  if (isSuperPacket(version, longestOut) || isSuperPacket(version, longestBack)) count(EvidenceKind::superRows);
  if (packets < kPacketsJudged) return;
  if (!isTwoWay) {
    // An acknowledgement proves that the other side spoke: a scan or a refused connection is no one-way mirror.
    if ((row.u16(offsetof(Row, tcpControlBits)) & kAck) != 0) count(EvidenceKind::tcpOneWay);
    return;
  }
  count(EvidenceKind::tcpTwoWay);
  count(EvidenceKind::tcpSeenOctets, row.count(offsetof(Row, octetDeltaCount)) + row.count(offsetof(Row, reverseOctetDeltaCount)));
  count(EvidenceKind::tcpSeenPackets, packets);
  const double resent = row.u32(offsetof(Row, retransmittedPacketDeltaCount));
  const double resentBack = row.u32(offsetof(Row, reverseRetransmittedPacketDeltaCount));
  if (resent + resentBack > 0) {
    count(EvidenceKind::tcpRetransmitted, resent + resentBack);
    // A segment that the line lost and that is sent again is taken for one that fills a hole: it hides as much as it carries at most.
    const double header = version == 6 ? kHeadersV6 : kHeadersV4;
    const auto carried = [&](uint32_t octets) { return std::max(0.0, octets - header); };
    count(EvidenceKind::tcpHiddenOctetsMax, resent * carried(longestOut) + resentBack * carried(longestBack));
  }
  const double unseen = double{static_cast<double>(row.u32(offsetof(Row, unseenAcknowledgedOctetDeltaCount)))} +
                        row.u32(offsetof(Row, reverseUnseenAcknowledgedOctetDeltaCount));
  if (unseen == 0) return;
  count(EvidenceKind::tcpUnseenOctets, unseen);
  count(EvidenceKind::tcpRowsWithUnseen);
}

// Copies before and after a router share a row when no VLAN tells them apart: its TTLs then span as many hops.
void RowEvidence::addTtl(const RowView& row, bool isTwoWay, double forward) {
  double spread = 0;
  if (forward > kPacketsJudged && isHops(row.u8(offsetof(Row, maximumTTL)) - row.u8(offsetof(Row, minimumTTL)))) spread += forward;
  const double back = isTwoWay ? row.count(offsetof(Row, reversePacketDeltaCount)) : 0;
  if (back > kPacketsJudged && isHops(row.u8(offsetof(Row, reverseMaximumTTL)) - row.u8(offsetof(Row, reverseMinimumTTL)))) spread += back;
  if (spread == 0) return;
  count(EvidenceKind::ttlSpreadRows);
  count(EvidenceKind::ttlSpreadPackets, spread);
}

void RowEvidence::addUntagged(const RowView& row, uint64_t station, uint64_t mac, bool isToGroup, double nowMs) {
  if (isToGroup) {
    const bool isBroadcast = row.u8(offsetof(Row, destinationMacAddress)) == 0xff;
    if (isBroadcast && row.u8(offsetof(Row, ipVersion)) == 4) addBroadcast(row.u32(offsetof(Row, destinationAddress)), nowMs);
    return;
  }
  if ((row.u8(offsetof(Row, networkLocality)) & kSourceInside) == 0) return;
  const Sighting sighting = stations_.see(station, mac, nowMs, windowMs_);
  if (sighting == Sighting::first) return;
  count(EvidenceKind::macSightings);
  if (sighting == Sighting::same) return;
  count(EvidenceKind::macChanges);
  if (sighting == Sighting::changed) count(EvidenceKind::macChangedAddresses);
}

// RFC 919: the last address of a subnet.
void RowEvidence::addBroadcast(uint32_t address, double nowMs) {
  if (address == kEverybody) return;
  const auto end = subnets_.begin() + subnetCount_;
  const auto known = std::find_if(subnets_.begin(), end, [&](const Subnet& one) { return one.address == address; });
  // It becomes the newest; where there is no room, the oldest goes.
  const auto gone = known != end ? known : subnetCount_ == kSubnetsMax ? subnets_.begin() : end;
  if (gone == end) subnetCount_++;
  std::move(gone + 1, subnets_.begin() + subnetCount_, gone);
  subnets_[subnetCount_ - 1] = {address, nowMs};
}

uint32_t RowEvidence::subnets(double nowMs) const {
  return static_cast<uint32_t>(std::count_if(subnets_.begin(), subnets_.begin() + subnetCount_, [&](const Subnet& one) { return nowMs - one.atMs < windowMs_; }));
}

}  // namespace flowspan
