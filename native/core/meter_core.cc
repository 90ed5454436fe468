// The public surface of the core. See meter_core.h and meter_state.h.
#include "meter_core.h"

#include <algorithm>

#include "meter_state.h"

namespace flowspan {

namespace {

// A tick has time: it may clear more than a batch does.
constexpr unsigned kVisitsPerTick = 8192;

}  // namespace

MeterCore::State::State(const CoreOptions& given, BlockSink& rows, ObservationSink* observations)
    : options(given),
      sink(rows),
      hash(given.seed),
      lastWordMask(KeyMask(given.vlanInKey, given.interfaceInKey).lastWord()),
      lastPairMask{~uint64_t{0}, lastWordMask},
      table(std::clamp<uint32_t>(given.cacheFlows, 1, 1u << 26)),
      wheel(table),
      contexts(hash),
      decoder(given.tunnels, hash, lastWordMask, given.shortWays),
      recent(given.shortWays),
      aggregates(hash),
      duplicates(given.duplicateWindowNs, given.duplicates != DuplicateMode::off),
      selection(given.seed),
      observer(observations, counters) {
  configureTimeouts(given.activeTimeoutNs, given.idleTimeoutNs);
  selection.configure(given.sampling);
  observer.configure(given.observations);
  makeStamp();
}

MeterCore::MeterCore(const CoreOptions& options, BlockSink& sink, ObservationSink* observations)
    : state_(std::make_unique<State>(options, sink, observations)) {
  state_->count(MeterCounter::memoryBytes) = memoryBytes();
}

MeterCore::~MeterCore() = default;

void MeterCore::process(const PacketView* packets, size_t count) {
  while (count > 0) {
    const size_t part = std::min(count, kBatchPackets);
    state_->process(packets, part);
    packets += part;
    count -= part;
  }
}

void MeterCore::tick(uint64_t nowNs) {
  if (!state_->started) return;
  state_->setClock(nowNs);
  state_->releaseEarlyFragments(false);
  state_->expire(kVisitsPerTick);
  state_->flushAggregates(0);
}

bool MeterCore::finish(uint64_t nowNs) { return state_->finish(nowNs); }

void MeterCore::beginAnew() {
  State& state = *state_;
  state.started = false;
  state.nowNs = state.windowStartNs = state.windowEndNs = 0;
  state.decoder.fragments().forget();
}

const CounterArray& MeterCore::counters() const {
  state_->refreshGauges();
  return state_->counters;
}

const AnnotationArray& MeterCore::annotations() const { return state_->decoder.annotations(); }

void MeterCore::setSampling(const SamplingPlan& plan) {
  // Fragments that wait were let through at the former rate; they must not be counted at the new one.
  if (plan.kernelInterval != state_->options.sampling.kernelInterval) state_->releaseEarlyFragments(true);
  state_->options.sampling = plan;
  state_->selection.configure(plan);
  state_->makeStamp();
}

const SelectorCounts& MeterCore::selectorCounts() const { return state_->selection.counts(); }

void MeterCore::setTimeouts(uint64_t activeNs, uint64_t idleNs) { state_->configureTimeouts(activeNs, idleNs); }

void MeterCore::setObservations(const ObservationPlan& plan) { state_->observer.configure(plan); }

size_t MeterCore::memoryBytes() const {
  const State& s = *state_;
  return sizeof(State) + s.table.memoryBytes() + s.contexts.memoryBytes() + s.decoder.fragments().memoryBytes() + s.early.memoryBytes() +
         s.aggregates.memoryBytes() + s.duplicates.memoryBytes();
}

size_t MeterCore::flowBytes() const { return state_->table.memoryBytes(); }

}  // namespace flowspan
