#include "selector_book.h"

#include <algorithm>

#include "../source/failure.h"

namespace flowspan {

namespace {
constexpr size_t kNumbersMax = 65'536;
}

void SelectorBook::number(SamplingPlan& plan) {
  const size_t partition = partitionOf(plan);
  const auto factOf = [&](int pool, const SelectorPlan& selector) {
    const bool all = selector.kind == SamplingKind::none;
    return SelectorFact{pool, selector.kind, all ? 1 : selector.interval, plan.kernelInterval, partition};
  };
  const SelectorFact others = factOf(SelectorFact::kNoPool, plan.others);
  // Every packet is every packet, whatever pools there are beside.
  plan.others.selectorId = others.kind == SamplingKind::none && others.kernelInterval == 1 ? 0 : numberOf(others);
  for (size_t i = 0; i < plan.pools.size(); i++) plan.pools[i].selector.selectorId = numberOf(factOf(static_cast<int>(i), plan.pools[i].selector));
}

uint16_t SelectorBook::numberOf(const SelectorFact& fact) {
  const auto found = std::find(facts_.begin() + 1, facts_.end(), fact);
  if (found != facts_.end()) return static_cast<uint16_t>(found - facts_.begin());
  if (facts_.size() == kNumbersMax) throw Failure("EINVAL", "every selectorId has been used: the meter must be opened anew");
  facts_.push_back(fact);
  return static_cast<uint16_t>(facts_.size() - 1);
}

// What a pool takes depends on those before it, and what is left on all of them.
size_t SelectorBook::partitionOf(const SamplingPlan& plan) {
  std::vector<PoolMatch> matches;
  for (const SamplingPlan::Pool& pool : plan.pools) matches.push_back(pool.match);
  const auto found = std::find(partitions_.begin(), partitions_.end(), matches);
  if (found != partitions_.end()) return static_cast<size_t>(found - partitions_.begin());
  partitions_.push_back(std::move(matches));
  return partitions_.size() - 1;
}

}  // namespace flowspan
