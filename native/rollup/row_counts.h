// Rows into windows: of each row the shares that windows get of its figures, and its key in every dimension; then every dimension counts.
// Which windows there are is the owner's to say (src/pipeline/rollup.ts): open ones stand side by side, in places.
//
// In equals out: a row's packets and octets are in every dimension of its windows, whole numbers. Sampled rows count by their estimates, whole
// numbers too, with what those vary by and with what was counted beside them. One thread.
#pragma once

#include <cstdint>
#include <vector>

#include "estimates.h"
#include "key_counts.h"
#include "key_kinds.h"
#include "row_columns.h"
#include "row_keys.h"
#include "service_ports.h"
#include "../core/zeroed_array.h"

namespace flowspan {

struct RowCountsPlan {
  std::vector<KeyKind> kinds;
  std::vector<KeyCountsPlan> dimensions;
  int64_t windowMs;
  // False: rows count as they are, whatever selector they name.
  bool hasSelectors;
};

// Totals of a place: figures, then what makes estimates of them.
struct WindowTotal {
  Figures figures;
  Estimates sampled;
};
inline constexpr uint32_t kFiguresPerTotal = kFiguresPerKey + kFiguresPerSample;
static_assert(sizeof(WindowTotal) == kFiguresPerTotal * sizeof(double));

struct OpenWindows {
  // Start divided by the windows' length, of the first; the others follow without holes.
  int64_t oldest;
  // The last that a row may be in.
  int64_t newest;
  // As many as are open.
  const int32_t* places;
  uint32_t open;
};

// Of a call that counted nothing: what must be said first. Of one that counted: `isCounted`, and what was noticed.
struct RowsOutcome {
  bool isCounted = false;
  // Windows that must be open.
  uint32_t windowsNeeded = 0;
  // A selector that is not known; 0 for none.
  uint16_t selectorId = 0;
  // Rows of which a part belongs to a window already closed, or to the future.
  uint32_t lateRows = 0;
  uint32_t earlyRows = 0;
};

class RowCounts {
 public:
  explicit RowCounts(const RowCountsPlan& plan);

  const std::vector<KeyCounts>& dimensions() const { return counts_; }
  KeyCounts& dimension(size_t at) { return counts_[at]; }
  const RowCountsPlan& plan() const { return plan_; }
  uint32_t places() const { return places_; }
  ServicePorts& servicePorts() { return ports_; }
  uint64_t evictedKeys() const;
  size_t octets() const;

  // Says what a selector stands for; for the next rows only where nobody knows.
  void tellSelector(uint16_t selectorId, const Sampling& sampling, bool isKnown);
  // Counts rows, or says what it has to know before: then nothing was counted.
  // `rows`: `count` rows of kRowBytes; `offsetMs`: from the rows' clock to that of the windows; `totals`: of every place.
  RowsOutcome add(const uint8_t* rows, uint32_t count, int64_t offsetMs, const OpenWindows& windows, WindowTotal* totals);
  void forgetAbsent();
  void widen(uint32_t places);

 private:
  struct Times {
    int64_t startMs;
    int64_t endMs;
    int64_t first;
    int64_t last;
  };
  struct Selector {
    double interval;
    uint8_t ofFlows;
    uint8_t isTold;
  };

  Times timesOf(const RowView& row, int64_t offsetMs) const;
  void look(const uint8_t* rows, uint32_t count, int64_t offsetMs, const OpenWindows& windows, RowsOutcome& outcome) const;
  void take(const RowView& row, const Times& times, const OpenWindows& windows, WindowTotal* totals);
  void addSampledShares(const RowView& row, bool isTwoWay, const Sampling& sampling, uint32_t firstShare, WindowTotal* totals);
  void count();

  RowCountsPlan plan_;
  uint32_t places_;
  std::vector<KeyCounts> counts_;
  ServicePorts ports_;
  // By number; as many as there can be.
  ZeroedArray<Selector> selectors_;
  std::vector<uint16_t> unknownSelectors_;
  RowKeys keys_;
  RowColumns rows_;
};

}  // namespace flowspan
