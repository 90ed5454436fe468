// See selection.h.
#include "selection.h"

#include <algorithm>
#include <utility>

namespace flowspan {

namespace {

template <size_t... I, typename Make>
auto arrayOf(std::index_sequence<I...>, Make make) {
  return std::array{make(I)...};
}

}  // namespace

// The draws of the selector without a pool are those of a meter that has none.
Selection::Selection(uint64_t seed)
    : entries_(arrayOf(std::make_index_sequence<kPoolsMax + 1>(), [&](size_t i) { return Entry{PacketSelector(seed, (i + 1) % (kPoolsMax + 1))}; })) {}

void Selection::configure(const SamplingPlan& plan) {
  plan_++;
  pools_ = static_cast<unsigned>(std::min<size_t>(plan.pools.size(), kPoolsMax));
  table_.compile(plan);
  for (SelectorCount& count : counts_) count.inForce = false;
  setEntry(entries_[kOthers], plan.others);
  for (unsigned i = 0; i < pools_; i++) setEntry(entries_[i], plan.pools[i].selector);
  // Marked before any place is given away, so that none of those in force is.
  entries_[kOthers].count = claimCount(plan.others.selectorId);
  for (unsigned i = 0; i < pools_; i++) entries_[i].count = claimCount(plan.pools[i].selector.selectorId);
  takesAll_ = pools_ == 0 && entries_[kOthers].selector.takesAll();
}

// One that did not change goes on counting where it was.
void Selection::setEntry(Entry& entry, const SelectorPlan& plan) {
  if (entry.kind != plan.kind || entry.interval != plan.interval) entry.selector.configure(plan.kind, plan.interval);
  entry.kind = plan.kind;
  entry.interval = plan.interval;
  entry.selectorId = plan.selectorId;
  for (SelectorCount& count : counts_) {
    if (count.used && count.selectorId == plan.selectorId) count.inForce = true;
  }
}

uint16_t Selection::claimCount(uint16_t selectorId) {
  const auto found = std::ranges::find_if(counts_, [&](const SelectorCount& c) { return c.used && c.selectorId == selectorId; });
  SelectorCount* count = found != counts_.end() ? &*found : nullptr;
  if (count == nullptr) {
    // A free place, else that of the one out of use for longest: there are more places than selectors at a time.
    const auto age = [](const SelectorCount& c) { return !c.used ? 0 : c.inForce ? ~0u : c.lastPlan; };
    count = &*std::ranges::min_element(counts_, {}, age);
    *count = SelectorCount{.selectorId = selectorId, .used = true};
  }
  count->inForce = true;
  count->lastPlan = plan_;
  return static_cast<uint16_t>(count - counts_.data());
}

}  // namespace flowspan
