#include "selector_book.h"

#include <algorithm>
#include <iterator>
#include <string>

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
  const auto before = facts_;
  try {
    const SelectorFact others = factOf(SelectorFact::kNoPool, plan.others);
    // Every packet is every packet, whatever pools there are beside.
    if (others.kind == SamplingKind::none && others.kernelInterval == 1) plan.others.selectorId = 0;
    else claim(plan.others, others);
    for (size_t i = 0; i < plan.pools.size(); i++) claim(plan.pools[i].selector, factOf(static_cast<int>(i), plan.pools[i].selector));
  } catch (const Failure&) {
    facts_ = before;
    throw;
  }
}

void SelectorBook::claim(SelectorPlan& selector, const SelectorFact& fact) {
  uint16_t& number = selector.selectorId;
  if (number == 0) {
    const auto found = std::find_if(std::next(facts_.begin()), facts_.end(), [&](const auto& one) { return one.second == fact; });
    if (found != facts_.end()) {
      number = found->first;
      return;
    }
    if (facts_.size() == kNumbersMax) throw Failure("EINVAL", "every selectorId has been used: the meter must be opened anew");
    number = facts_.rbegin()->first;
    do number++;
    while (number == 0 || facts_.contains(number));
  }
  const auto [kept, isNew] = facts_.try_emplace(number, fact);
  if (!isNew && kept->second != fact) {
    throw Failure("EINVAL", "selectorId is " + std::to_string(number) + ", which stands for another selection in this run: allowed is one that is free");
  }
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
