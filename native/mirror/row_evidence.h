// Reads what rows tell about the mirror that showed them. Constant work a row, fixed memory; nothing is judged here
// (src/pipeline/mirror_rules.ts). One thread.
//
// Rows that cannot bear witness are left out: sampled ones (what was not selected is missing too), aggregates, and for conversations those
// inside tunnels, whose two directions may have keys of their own.
#pragma once

#include <array>
#include <cstdint>

#include "../core/row_view.h"
#include "sightings.h"

namespace flowspan {

// The same names as in src/pipeline/mirror_sums.ts, which says what each is.
enum class EvidenceKind : uint8_t {
  rowPackets,
  groupPackets,
  taggedRows,
  untaggedRows,
  tcpOneWay,
  tcpTwoWay,
  tcpSplitByTag,
  tcpSplitByVlan,
  tcpSeenOctets,
  tcpSeenPackets,
  tcpUnseenOctets,
  tcpRowsWithUnseen,
  tcpRetransmitted,
  tcpHiddenOctetsMax,
  ttlSpreadRows,
  ttlSpreadPackets,
  routedPairs,
  routedPairPackets,
  vlanPairs,
  vlanPairPackets,
  macSightings,
  macChanges,
  macChangedAddresses,
  tcpRows,
  superRows,
  longestTcpOctets,
};
inline constexpr std::array<const char*, 26> kEvidenceNames = {
    "rowPackets",      "groupPackets",      "taggedRows",       "untaggedRows",       "tcpOneWay",     "tcpTwoWay",          "tcpSplitByTag",
    "tcpSplitByVlan",  "tcpSeenOctets",     "tcpSeenPackets",   "tcpUnseenOctets",    "tcpRowsWithUnseen", "tcpRetransmitted", "tcpHiddenOctetsMax",
    "ttlSpreadRows",   "ttlSpreadPackets",  "routedPairs",      "routedPairPackets",  "vlanPairs",     "vlanPairPackets",    "macSightings",
    "macChanges",      "macChangedAddresses", "tcpRows",        "superRows",          "longestTcpOctets"};

// Whether that is a packet no wire carries: longer than any jumbo frame, or a whole number of usual segments behind one header, as merging
// (GRO, LRO) and late cutting (TSO) leave it. A jumbo line's packets are neither.
bool isSuperPacket(uint8_t ipVersion, uint32_t octets);

class RowEvidence {
 public:
  // Sums of what rows told since somebody took it, by kind; of the longest a maximum.
  using Sums = std::array<double, kEvidenceNames.size()>;

  // `windowMs`: what is older is forgotten.
  RowEvidence(double windowMs, uint64_t seed) : windowMs_(windowMs), conversations_(seed), stations_(~seed) {}

  // Returns whether a conversation of two unicast ends was seen both ways. `nowMs`: of any clock that never steps.
  bool add(const uint8_t* rows, uint32_t count, double nowMs);
  Sums take() {
    const Sums sums = sums_;
    sums_.fill(0);
    return sums;
  }
  // Different directed broadcast addresses in untagged frames within the window.
  uint32_t subnets(double nowMs) const;

 private:
  // Directed broadcasts told apart at once: two are a sign, eight leave no doubt.
  static constexpr uint32_t kSubnetsMax = 8;
  struct Subnet {
    uint32_t address;
    double atMs;
  };

  // Where in the two memories a row is looked for.
  struct Keys {
    Conversations::Key conversation;
    uint64_t station;
  };

  void count(EvidenceKind kind, double amount = 1) { sums_[static_cast<size_t>(kind)] += amount; }
  bool addRow(const RowView& row, const Keys& keys, double nowMs);
  void addTcp(const RowView& row, bool isTwoWay, double packets);
  void addTtl(const RowView& row, bool isTwoWay, double forward);
  void addUntagged(const RowView& row, uint64_t station, uint64_t mac, bool isToGroup, double nowMs);
  void addBroadcast(uint32_t address, double nowMs);

  double windowMs_;
  Conversations conversations_;
  Stations stations_;
  Sums sums_{};
  // Addresses to which untagged frames for everybody were sent, the one that was quiet for longest first.
  std::array<Subnet, kSubnetsMax> subnets_{};
  uint32_t subnetCount_ = 0;
};

}  // namespace flowspan
