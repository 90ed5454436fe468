// Which selectorId stands for what: a number never means two things in a run (RFC 5477 section 8.2.1), and what comes back gets its former
// number, so that a rate which goes up and down uses few. Whoever keeps numbers beyond a run gives them with the plan. JavaScript thread only.
#pragma once

#include <cstddef>
#include <map>
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
  // Numbers every selector of the plan that has none. Throws Failure EINVAL for a number that stands for something else in this run, and
  // once 65535 numbers have been given out; nothing is remembered then.
  void number(SamplingPlan& plan);
  const SelectorFact& factOf(uint16_t selectorId) const { return facts_.at(selectorId); }

 private:
  void claim(SelectorPlan& selector, const SelectorFact& fact);
  size_t partitionOf(const SamplingPlan& plan);

  std::map<uint16_t, SelectorFact> facts_{{0, SelectorFact{}}};  // 0: every packet
  std::vector<std::vector<PoolMatch>> partitions_{{}};
};

}  // namespace flowspan
