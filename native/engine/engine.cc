#include "engine.h"

#include <algorithm>

#include "../source/clocks.h"
#include "../source/failure.h"
#include "../source/file_source.h"
#include "source_set.h"

namespace flowspan {

namespace {
constexpr uint64_t kAnswerWaitNs = 5'000'000;
}

Engine::Engine(const EngineOptions& options) {
  if (options.feed) feedLane_ = std::make_shared<FeedLane>();
  auto sources = openSources(options, feedLane_);
  buffer_ = std::make_shared<BlockBuffer>(options.blocks, options.rowsPerBlock);
  held_.resize(options.blocks);
  const bool live = options.ring || options.feed || options.realtime;
  CoreOptions core = options.core;
  selectors_.number(core.sampling);
  plan_ = core.sampling;
  const uint32_t share = options.blocks / options.threads;
  for (uint32_t i = 0; i < options.threads; i++) {
    const uint32_t blocks = i + 1 == options.threads ? options.blocks - share * i : share;
    auto lane = std::make_unique<BlockLane>(*buffer_, i, share * i, blocks, live ? WhenFull::refuse : WhenFull::block, bell_);
    workers_.push_back(std::make_unique<Worker>(core, std::move(sources[i]), std::move(lane), live, options.blockMaxAgeNs, bell_));
  }
}

Engine::~Engine() { close(); }

void Engine::start() {
  if (started_ || threadsDone()) return;
  // Sources join their fanout groups in the order of the threads, so that a hash means the same thread on every interface.
  for (auto& worker : workers_) worker->startSource();
  for (auto& worker : workers_) worker->startThread();
  started_ = true;
}

int32_t Engine::poll() {
  for (size_t i = 0; i < workers_.size(); i++) {
    BlockLane& lane = workers_[nextLane_]->lane();
    const int32_t block = lane.take();
    if (block >= 0) {
      held_[static_cast<size_t>(block)] = true;
      return block;
    }
    lane.wakeProducer();  // the consumer has nothing left to do here: let a stalled worker go on
    nextLane_ = (nextLane_ + 1) % workers_.size();
  }
  return -1;
}

int32_t Engine::waitBlock(uint64_t timeoutNs) {
  const uint64_t untilNs = monotonicNs() + timeoutNs;
  for (;;) {
    const uint32_t seen = bell_.seen();
    const bool done = threadsDone();  // before polling: what a thread handed over last is seen by that poll
    const int32_t block = poll();
    const uint64_t nowNs = monotonicNs();
    if (block >= 0 || done || !started_ || nowNs >= untilNs) return block;
    bell_.wait(seen, untilNs - nowNs);
  }
}

bool Engine::release(uint32_t block) {
  if (block >= held_.size() || !held_[block]) return false;
  held_[block] = false;
  for (auto& worker : workers_) {
    if (worker->lane().holds(block)) worker->lane().release(block);
  }
  return true;
}

EngineFigures Engine::figures() {
  if (closed_) return last_;
  EngineFigures sum;
  uint64_t filled = 0;
  for (auto& worker : workers_) {
    Published one = worker->figures(kAnswerWaitNs);
    const CounterArray before = sum.counters;
    for (size_t i = 0; i < sum.counters.size(); i++) sum.counters[i] += one.counters[i];
    for (size_t i = 0; i < sum.annotations.size(); i++) sum.annotations[i] += one.annotations[i];
    for (const MeterCounter most : {MeterCounter::lastPacketNs, MeterCounter::ringFilledPercent}) {
      const auto i = static_cast<size_t>(most);
      sum.counters[i] = std::max(before[i], one.counters[i]);
    }
    // Every thread watches every interface: states are the first thread's, counts are sums.
    if (sum.interfaces.empty()) {
      sum.interfaces = one.interfaces;
    } else {
      for (size_t i = 0; i < std::min(sum.interfaces.size(), one.interfaces.size()); i++) {
        sum.interfaces[i].receivedPackets += one.interfaces[i].receivedPackets;
        sum.interfaces[i].droppedByKernelPackets += one.interfaces[i].droppedByKernelPackets;
        sum.interfaces[i].droppedByNicPackets += one.interfaces[i].droppedByNicPackets;
        sum.interfaces[i].sampledByKernelPackets += one.interfaces[i].sampledByKernelPackets;
      }
    }
    addSelectors(one.selectors, sum);
    sum.answering = sum.answering && one.answering;
    if (sum.trouble.empty()) sum.trouble = one.trouble;
    const BlockLane& lane = worker->lane();
    const uint32_t laneFilled = lane.filled();
    filled += laneFilled;
    counter(one.counters, MeterCounter::blocksCapacity) = lane.blocks();
    counter(one.counters, MeterCounter::blocksFilled) = laneFilled;
    sum.threads.push_back(one.counters);
  }
  const uint64_t threads = workers_.size();
  for (const MeterCounter gauge : {MeterCounter::sourceStateUp, MeterCounter::sourceStateCount, MeterCounter::sourceFinished}) {
    counter(sum.counters, gauge) /= threads;
  }
  counter(sum.counters, MeterCounter::blocksCapacity) = buffer_->blocks();
  counter(sum.counters, MeterCounter::blocksFilled) = filled;
  counter(sum.counters, MeterCounter::memoryBytes) += buffer_->octets();
  sum.selectorId = selectorId();
  std::ranges::stable_sort(sum.selectors, {}, [](const SelectorFigures& one) { return std::pair(one.count.inForce, one.count.lastPlan); });
  last_ = sum;
  return sum;
}

std::vector<Row> Engine::snapshot(size_t count) {
  std::vector<Row> rows;
  if (closed_ || count == 0) return rows;
  for (auto& worker : workers_) {
    const std::vector<Row> some = worker->snapshot(count, 4 * kAnswerWaitNs);
    rows.insert(rows.end(), some.begin(), some.end());
  }
  if (workers_.size() > 1) {
    const auto octets = [](const Row& row) { return __builtin_bswap64(row.layer2OctetDeltaCount) + __builtin_bswap64(row.reverseLayer2OctetDeltaCount); };
    std::stable_sort(rows.begin(), rows.end(), [&](const Row& a, const Row& b) { return octets(a) > octets(b); });
    if (rows.size() > count) rows.resize(count);
  }
  return rows;
}

// Threads take changes up at their next batch, so one of them may show a selector that another does not have yet.
void Engine::addSelectors(const SelectorCounts& counts, EngineFigures& sum) const {
  for (const SelectorCount& count : counts) {
    if (!count.used) continue;
    const auto same = [&](const SelectorFigures& one) { return one.count.selectorId == count.selectorId; };
    const auto found = std::ranges::find_if(sum.selectors, same);
    if (found == sum.selectors.end()) {
      sum.selectors.push_back({selectors_.factOf(count.selectorId), count});
    } else {
      found->count.observed += count.observed;
      found->count.selected += count.selected;
      found->count.inForce = found->count.inForce || count.inForce;
      found->count.lastPlan = std::max(found->count.lastPlan, count.lastPlan);
    }
  }
}

uint16_t Engine::setSampling(SamplingPlan plan) {
  selectors_.number(plan);
  plan_ = std::move(plan);
  Change change;
  change.sampling = std::make_shared<const SamplingPlan>(plan_);
  for (auto& worker : workers_) worker->apply(change);
  return selectorId();
}

void Engine::setTimeouts(uint64_t activeNs, uint64_t idleNs) {
  Change change;
  change.timeouts = true;
  change.activeNs = activeNs;
  change.idleNs = idleNs;
  for (auto& worker : workers_) worker->apply(change);
}

void Engine::setObservations(ObservationPlan plan) {
  Change change;
  change.observations = true;
  change.observed = {.kinds = plan.kinds, .perSecond = std::max(1u, plan.perSecond / static_cast<uint32_t>(workers_.size()))};
  for (auto& worker : workers_) worker->apply(change);
}

size_t Engine::takeObservations(uint8_t* to, size_t room) {
  size_t octets = 0;
  for (auto& worker : workers_) octets += worker->observations().take(to + octets, room - octets);
  return octets;
}

void Engine::setTestWallOffset(int64_t offsetNs) {
  Change change;
  change.wallOffset = true;
  change.wallOffsetNs = offsetNs;
  for (auto& worker : workers_) worker->apply(change);
}

void Engine::stop() {
  for (auto& worker : workers_) {
    if (started_) worker->requestStop();
    else worker->cancel();
  }
}

bool Engine::threadsDone() const {
  return std::all_of(workers_.begin(), workers_.end(), [](const auto& worker) { return worker->isDone(); });
}

bool Engine::drained() const {
  if (closed_) return true;
  return threadsDone() && std::all_of(workers_.begin(), workers_.end(), [](const auto& worker) { return worker->lane().ready() == 0; });
}

void Engine::close() {
  if (closed_) return;
  for (auto& worker : workers_) worker->abandon();
  figures();
  closed_ = true;
  workers_.clear();
}

}  // namespace flowspan
