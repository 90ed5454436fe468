// What a worker tells when it is asked: a copy made between two batches, so that the ledger's equations hold in it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "../core/meter_core.h"
#include "../source/source.h"

namespace flowspan {

struct Published {
  CounterArray counters{};
  AnnotationArray annotations{};
  SelectorCounts selectors{};
  std::vector<InterfaceReport> interfaces;
  std::string trouble;
  bool answering = true;  // false: of before, the thread did not answer in time
};

inline uint64_t& counter(CounterArray& counters, MeterCounter which) { return counters[static_cast<unsigned>(which)]; }

// A change of settings while metering, applied between two batches.
struct Change {
  std::shared_ptr<const SamplingPlan> sampling;  // null: stays
  bool timeouts = false;
  uint64_t activeNs = 0;
  uint64_t idleNs = 0;
  bool observations = false;
  ObservationPlan observed;
  bool wallOffset = false;
  int64_t wallOffsetNs = 0;
};

}  // namespace flowspan
