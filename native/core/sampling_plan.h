// What is to be sampled how, as the control plane hands it to a core: one selector for everything, and pools of flows with
// selectors of their own. Made by any thread and given away; the core compiles it into tables it has (selection.h).
#pragma once

#include <array>
#include <cstdint>
#include <vector>

namespace flowspan {

// RFC 5475 section 5.1 and 5.2.2; flowHash: hash-based flow filtering of RFC 7014.
enum class SamplingKind : uint8_t { none, countBased, uniformRandom, flowHash };

inline constexpr unsigned kPoolsMax = 8;
// Of each list of one pool.
inline constexpr unsigned kPoolPrefixesMax = 32;
inline constexpr unsigned kPoolPortsMax = 32;
inline constexpr unsigned kPoolVlansMax = 64;
inline constexpr unsigned kPoolProtocolsMax = 32;

struct AddressPrefix {
  std::array<uint8_t, 16> address{};  // network order; IPv4 in the first four octets
  uint8_t bits = 0;
  bool six = false;
  bool operator==(const AddressPrefix&) const = default;
};

struct PortRange {
  uint16_t first = 0, last = 0xffff;
  bool operator==(const PortRange&) const = default;
};

// By the flow key, so that a flow belongs to one pool. Every list that is not empty must match; address and port have to be
// those of one endpoint, whichever it is, so both directions agree.
struct PoolMatch {
  std::vector<uint16_t> vlans;  // of either tag; 0: no tag, or one that carries a priority only
  std::vector<AddressPrefix> prefixes;
  std::vector<uint8_t> protocols;
  std::vector<PortRange> ports;  // of protocols that have ports
  bool operator==(const PoolMatch&) const = default;
};

struct SelectorPlan {
  SamplingKind kind = SamplingKind::none;
  uint32_t interval = 1;
  uint16_t selectorId = 0;  // written into rows; never means two things in a run
};

struct SamplingPlan {
  struct Pool {
    PoolMatch match;
    SelectorPlan selector;
  };
  SelectorPlan others;      // what no pool matches
  std::vector<Pool> pools;  // the first that matches wins
  uint32_t kernelInterval = 1;  // of the stage before the core, which the selectorIds include
};

// Totals of one selector (RFC 5477 elements 318 and 319).
struct SelectorCount {
  uint16_t selectorId = 0;
  bool used = false;
  bool inForce = false;
  uint32_t lastPlan = 0;  // number of the plan that used it last
  uint64_t observed = 0;
  uint64_t selected = 0;
};
inline constexpr unsigned kSelectorsMax = 64;
using SelectorCounts = std::array<SelectorCount, kSelectorsMax>;

}  // namespace flowspan
