// Which selectorId stands for what: a number never means two things in a run (RFC 5477 section 8.2.1), and what comes back gets its former
// number, so that a rate which goes up and down uses few. JavaScript thread only.
#pragma once

#include <cstddef>
#include <vector>

#include "../core/sampling_plan.h"

namespace flowspan {

struct SelectorFact {
  static constexpr int kNoPool = -1;

  int pool = kNoPool;  // kNoPool: of what no pool matches
  SamplingKind kind = SamplingKind::none;
  uint32_t interval = 1;
  uint32_t kernelInterval = 1;
  size_t partition = 0;  // which list of pools it was under
  bool operator==(const SelectorFact&) const = default;
};

class SelectorBook {
 public:
  // Numbers every selector of the plan. Throws Failure EINVAL once 65535 numbers have been given out.
  void number(SamplingPlan& plan);
  const SelectorFact& factOf(uint16_t selectorId) const { return facts_[selectorId]; }

 private:
  uint16_t numberOf(const SelectorFact& fact);
  size_t partitionOf(const SamplingPlan& plan);

  std::vector<SelectorFact> facts_{SelectorFact{}};  // by selectorId; 0: every packet
  std::vector<std::vector<PoolMatch>> partitions_{{}};
};

}  // namespace flowspan
