#include "row_counts.h"

#include <algorithm>
#include <cmath>

namespace flowspan {

namespace {

constexpr uint32_t kSelectorsMax = 65536;
constexpr int64_t kNsOfMs = 1'000'000;
constexpr uint8_t kActiveTimeout = 2;  // flowEndReason, RFC 5102 section 5.11.3

constexpr int64_t floorDiv(int64_t a, int64_t b) { return a / b - (a % b < 0 ? 1 : 0); }
double packetsOf(const Figures& figures) { return figures[2] + figures[3]; }

// What a row adds to a dimension.
template <typename Use>
void eachColumn(KeyKind kind, const RowKeys& keys, Use use) {
  using namespace row_flag;
  switch (kind) {
    case KeyKind::host:
      // Forward is from the row's source, reverse from its destination.
      use(KeyColumn{keys.column(kind), kEnds, 0});
      use(KeyColumn{keys.column(kind, true), kEnds, kAny});
      return;
    case KeyKind::conversation:
      // Without ends there is no order of ends either: the row's own direction stands.
      return use(KeyColumn{keys.column(kind), kEnds, kReversed});
    case KeyKind::service: return use(KeyColumn{keys.column(kind), kService, kBackwards});
    default: return use(KeyColumn{keys.column(kind), kAny, kBackwards});
  }
}

}  // namespace

RowCounts::RowCounts(const RowCountsPlan& plan)
    : plan_(plan),
      places_(plan.dimensions.empty() ? 0 : plan.dimensions[0].places),
      selectors_(plan.hasSelectors ? kSelectorsMax : 0),
      rows_(plan.dimensions.empty() ? 0 : plan.dimensions[0].placesMax) {
  counts_.reserve(plan.dimensions.size());
  for (const KeyCountsPlan& dimension : plan.dimensions) counts_.emplace_back(dimension);
}

uint64_t RowCounts::evictedKeys() const {
  uint64_t keys = 0;
  for (const KeyCounts& counts : counts_) keys += counts.evictedKeys();
  return keys;
}

size_t RowCounts::octets() const {
  size_t octets = sizeof(*this);
  for (const KeyCounts& counts : counts_) octets += counts.octets();
  return octets;
}

void RowCounts::tellSelector(uint16_t selectorId, const Sampling& sampling, bool isKnown) {
  selectors_[selectorId] = {sampling.interval, sampling.ofFlows, true};
  if (!isKnown) unknownSelectors_.push_back(selectorId);
}

RowsOutcome RowCounts::add(const uint8_t* rows, uint32_t count, int64_t offsetMs, const OpenWindows& windows, WindowTotal* totals) {
  RowsOutcome outcome;
  look(rows, count, offsetMs, windows, outcome);
  if (outcome.windowsNeeded > windows.open || outcome.selectorId != 0) return outcome;
  // Nothing of a call that ran out of memory.
  rows_.clear();
  for (uint32_t i = 0; i < count; i++) {
    if (rows_.isFull()) this->count();
    const RowView row(rows + size_t{i} * kRowBytes);
    Times times = timesOf(row, offsetMs);
    if (times.first < windows.oldest) outcome.lateRows++;
    if (times.last > windows.newest) outcome.earlyRows++;
    times.first = std::clamp(times.first, windows.oldest, windows.newest);
    times.last = std::clamp(times.last, windows.oldest, windows.newest);
    take(row, times, windows, totals);
  }
  this->count();
  for (const uint16_t selectorId : unknownSelectors_) selectors_[selectorId].isTold = false;
  unknownSelectors_.clear();
  outcome.isCounted = true;
  return outcome;
}

// What has to be known of rows before any of them is counted.
void RowCounts::look(const uint8_t* rows, uint32_t count, int64_t offsetMs, const OpenWindows& windows, RowsOutcome& outcome) const {
  for (uint32_t i = 0; i < count; i++) {
    const RowView row(rows + size_t{i} * kRowBytes);
    const int64_t last = std::clamp(timesOf(row, offsetMs).last, windows.oldest, windows.newest);
    outcome.windowsNeeded = std::max(outcome.windowsNeeded, static_cast<uint32_t>(last - windows.oldest) + 1);
    const uint16_t selectorId = row.u16(offsetof(Row, selectorId));
    if (selectorId != 0 && plan_.hasSelectors && !selectors_[selectorId].isTold) outcome.selectorId = selectorId;
  }
}

RowCounts::Times RowCounts::timesOf(const RowView& row, int64_t offsetMs) const {
  const auto ms = [&](size_t offset) { return static_cast<int64_t>(row.u64(offset) / kNsOfMs) + offsetMs; };
  const int64_t startMs = ms(offsetof(Row, flowStart));
  const int64_t endMs = std::max(startMs, ms(offsetof(Row, flowEnd)));
  return {startMs, endMs, floorDiv(startMs, plan_.windowMs), floorDiv(endMs, plan_.windowMs)};
}

// Into the batch: the row's keys, and what each window gets of it.
void RowCounts::take(const RowView& row, const Times& times, const OpenWindows& windows, WindowTotal* totals) {
  const uint32_t at = rows_.count++;
  uint8_t flags = keys_.read(row, at, ports_) | row_flag::kAny;
  const bool isBackwards = row.u8(offsetof(Row, biflowDirection)) == kReverseInitiator;
  if (isBackwards) flags |= row_flag::kBackwards;
  const bool isTwoWay = row.has(presence::kReverse);
  Sampling sampling;
  if (const uint16_t selectorId = row.u16(offsetof(Row, selectorId)); selectorId != 0 && plan_.hasSelectors) {
    sampling = {selectors_[selectorId].interval, selectors_[selectorId].ofFlows != 0};
  }
  // By direction, as in a share; what is left of each for the windows to come.
  const auto estimate = [&](size_t offset, bool isThere) { return isThere ? sampling.interval * row.count(offset) : 0; };
  const std::array<double, 4> all = {
      estimate(offsetof(Row, layer2OctetDeltaCount), true), estimate(offsetof(Row, reverseLayer2OctetDeltaCount), isTwoWay),
      estimate(offsetof(Row, packetDeltaCount), true), estimate(offsetof(Row, reversePacketDeltaCount), isTwoWay)};
  // A record cut by the active time-out is not the end of its flow: counted when that comes.
  const bool isEnd = row.u8(offsetof(Row, flowEndReason)) != kActiveTimeout;
  rows_.weights[at] = all[0] + all[1];
  const uint32_t firstShare = rows_.shares;
  std::array<double, 4> done{};
  for (int64_t window = times.first; window <= times.last; window++) {
    const uint32_t share = rows_.shares++;
    rows_.places[share] = static_cast<uint32_t>(windows.places[window - windows.oldest]);
    Figures& figures = rows_.figures[share];
    const bool isLast = window == times.last;
    // Cumulative shares, rounded down: each is at least the one before, and the last window takes what is left.
    const auto elapsed = static_cast<double>((window + 1) * plan_.windowMs - times.startMs);
    const auto duration = static_cast<double>(times.endMs - times.startMs);
    for (size_t i = 0; i < all.size(); i++) {
      const double upTo = isLast ? all[i] : std::floor(all[i] * elapsed / duration);
      figures[i] = upTo - done[i];
      done[i] = upTo;
    }
    figures[4] = isLast && isEnd ? row.u32(offsetof(Row, deltaFlowCount)) : 0;
    Figures& total = totals[rows_.places[share]].figures;
    const uint32_t swap = isBackwards ? 1 : 0;
    for (size_t i = 0; i < 4; i++) total[i] += figures[i ^ swap];
    total[4] += figures[4];
  }
  rows_.firstShare[at + 1] = rows_.shares;
  if (sampling.interval > 1) {
    flags |= row_flag::kSampled;
    addSampledShares(row, isTwoWay, sampling, firstShare, totals);
  }
  rows_.flags[at] = flags;
}

// What makes estimates of the shares of a row: of its packets the windows get their shares, so also of what they vary by.
void RowCounts::addSampledShares(const RowView& row, bool isTwoWay, const Sampling& sampling, uint32_t firstShare, WindowTotal* totals) {
  const Variance variance = varianceOf(row, isTwoWay, sampling);
  double packets = 0;
  for (uint32_t share = firstShare; share < rows_.shares; share++) packets += packetsOf(rows_.figures[share]);
  // What was counted is rounded down by direction, cumulatively, as the estimates are.
  std::array<double, 4> upTo{}, countedBefore{};
  for (uint32_t share = firstShare; share < rows_.shares; share++) {
    const Figures& figures = rows_.figures[share];
    const double part = rows_.shares - firstShare == 1 || packets == 0 ? 1 : packetsOf(figures) / packets;
    Estimates& sampled = rows_.sampled[share];
    sampled = {variance.octets * part, variance.packets * part, 0, 0};
    for (size_t i = 0; i < upTo.size(); i++) {
      upTo[i] += figures[i];
      const double counted = std::floor(upTo[i] / sampling.interval);
      sampled[2 + i / 2] += figures[i] - (counted - countedBefore[i]);
      countedBefore[i] = counted;
    }
    Estimates& total = totals[rows_.places[share]].sampled;
    for (size_t i = 0; i < total.size(); i++) total[i] += sampled[i];
  }
}

// Adds the batch to its windows, one dimension after the other.
void RowCounts::count() {
  for (size_t i = 0; i < counts_.size(); i++) {
    eachColumn(plan_.kinds[i], keys_, [&](const KeyColumn& column) { counts_[i].addRows(rows_, column); });
  }
  rows_.clear();
}

void RowCounts::forgetAbsent() {
  for (KeyCounts& counts : counts_) counts.forgetAbsent();
}

void RowCounts::widen(uint32_t places) {
  for (KeyCounts& counts : counts_) counts.widen(places);
  places_ = places;
}

}  // namespace flowspan
