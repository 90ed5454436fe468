// The seam inside the addon: sources feed batches of packets to a MeterCore, which fills rows that a BlockSink lends.
//
// One MeterCore belongs to one thread; nothing here locks. All memory is taken in the constructor. The core never reads a
// clock: time is the packets' own (`ns`) and what `tick` is told, so a file gives the same flows every time.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <vector>

#include "../generated/row_layout.h"
#include "observation.h"
#include "sampling_plan.h"

namespace flowspan {

// What the bytes of a packet begin with. Values are ours, sources map DLT/LINKTYPE numbers to them.
enum class LinkType : uint16_t { ethernet, linuxSll, linuxSll2, rawIp, bsdLoopback, ppp, pppHdlc, pppoe };

// A packet as a source shows it. `data` stays valid until the batch's `process` returns.
struct PacketView {
  const uint8_t* data;
  uint64_t ns;             // row clock
  uint32_t captured;       // octets at `data`
  uint32_t wire;           // octets on the wire, >= captured; tags the NIC stripped are counted
  uint32_t interfaceIndex; // ingressInterface
  uint16_t vlanTpid;       // kernel VLAN metadata put beside the frame; 0 when the frame carries its own tags
  LinkType link;
  uint16_t vlanTci;

  bool isEthernetAlone() const { return (static_cast<unsigned>(link) | vlanTpid) == 0; }
  // Interface, tag protocol and link type as one word: most packets of a batch have the same.
  uint64_t origin() const {
    uint64_t word;
    std::memcpy(&word, reinterpret_cast<const uint8_t*>(this) + offsetof(PacketView, interfaceIndex), sizeof word);
    return word;
  }
  void setOrigin(uint64_t word) { std::memcpy(reinterpret_cast<uint8_t*>(this) + offsetof(PacketView, interfaceIndex), &word, sizeof word); }
};

static_assert(offsetof(PacketView, link) == offsetof(PacketView, interfaceIndex) + 6, "origin() covers interface, TPID and link");

inline constexpr size_t kBatchPackets = 128;

// Lends row slots. Returns nullptr when every block is full and the caller must fall back to aggregation.
class BlockSink {
 public:
  virtual ~BlockSink() = default;
  // A slot for one row, not cleared. Valid until the next call of `next` or `flush`.
  virtual Row* next(uint64_t nowNs) = 0;
  // True when a whole block is free, so that a bulk expiry may go on.
  virtual bool hasRoom() const = 0;
  // Hands over the partly filled block.
  virtual void flush(uint64_t nowNs) = 0;
};

// Which kinds of packets are observed (a bit each, by ObservationKind), and how many of each kind a second.
struct ObservationPlan {
  uint32_t kinds = 0;
  uint32_t perSecond = 1'000;
};

enum class DuplicateMode : uint8_t { off, report, remove };

struct CoreOptions {
  uint32_t cacheFlows = 262144;          // entries at most; memory is taken for exactly this many
  uint64_t activeTimeoutNs = 60'000'000'000ull;
  uint64_t idleTimeoutNs = 15'000'000'000ull;
  std::array<uint32_t, 256> idleTimeoutMsByProtocol{};  // 0: idleTimeoutNs
  uint64_t lingerNs = 1'000'000'000ull;  // a TCP flow that ended stays this long for late packets
  bool vlanInKey = true;
  bool interfaceInKey = false;           // interfaces form one observation point (the two halves of a TAP)
  DuplicateMode duplicates = DuplicateMode::report;
  uint64_t duplicateWindowNs = 100'000'000ull;
  uint32_t tunnels = 0;                  // bit per TunnelType that is opened
  SamplingPlan sampling;                 // VLANs in pools mean something only with vlanInKey
  ObservationPlan observations;          // none without a sink for them
  bool shortWays = true;                 // common packets take fewer steps, with the same outcome; tests compare
  uint64_t seed = 0;                     // keyed hash, random selection, selection of flows
};

using CounterArray = std::array<uint64_t, kMeterCounterCount>;
using AnnotationArray = std::array<uint64_t, kDecodeAnnotationCount>;

class MeterCore {
 public:
  // `observations` outlives the core.
  MeterCore(const CoreOptions& options, BlockSink& sink, ObservationSink* observations = nullptr);
  ~MeterCore();
  MeterCore(const MeterCore&) = delete;
  MeterCore& operator=(const MeterCore&) = delete;

  // Meters up to kBatchPackets packets in order of arrival; `ns` may step back a little between them.
  void process(const PacketView* packets, size_t count);
  // Time passes without packets: expires what is due, a bounded step of work.
  void tick(uint64_t nowNs);
  // Ends every flow with flowEndReason 4 (forcedEnd). Returns false when the sink is full: call again, with no packet and no tick
  // in between.
  bool finish(uint64_t nowNs);
  // After `finish`: time may begin anywhere, also before what was.
  void beginAnew();

  // Counters of this core; those of sources and blocks stay zero and are added by the engine.
  const CounterArray& counters() const;
  const AnnotationArray& annotations() const;
  // Up to `count` flows with the most octets now in the cache, as rows. Read-only.
  size_t snapshot(Row* rows, size_t count) const;

  // From the next packet on; flows are split lazily. Selectors that stay go on where they were.
  void setSampling(const SamplingPlan& plan);
  const SelectorCounts& selectorCounts() const;
  void setTimeouts(uint64_t activeNs, uint64_t idleNs);
  // Of flows that begin from now on; what is switched off ends at once.
  void setObservations(const ObservationPlan& plan);
  size_t memoryBytes() const;
  // What of it grows with cacheFlows: entries, cold parts, index.
  size_t flowBytes() const;

  // What the cache holds, added up entry by entry: tests compare it with the counters, which are kept as differences.
  struct Audit {
    uint64_t flows = 0, packets = 0, octets = 0, ipOctets = 0;
  };
  Audit audit() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Steps of a compiled template; see src/flow/projection.ts, which is the reference.
class Projection {
 public:
  // `words` as packTable() makes them. Throws std::invalid_argument for a table that reads outside a row.
  Projection(const int32_t* words, size_t count);
  struct Result {
    uint32_t octets = 0;
    uint32_t rows = 0;
    uint32_t records = 0;
  };
  Result run(const uint8_t* rows, uint32_t count, uint8_t* out, uint32_t limit, int64_t wallOffsetNs) const;

 private:
  struct Step {
    uint16_t kind, source, target, octets;
  };
  struct Plan {
    uint16_t templateId;
    uint16_t recordOctets;
    std::vector<Step> steps;
  };
  std::vector<Plan> plans_;
  std::array<std::array<int8_t, 2>, kRowKindCount * 2> byClass_{};
};

}  // namespace flowspan
