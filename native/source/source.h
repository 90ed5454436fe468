// What feeds a MeterCore: a source lends batches of packets. One source belongs to one worker thread; `start` is called
// before that thread exists, everything else on it. Lent packets stay valid until the next call of `next`.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "../core/meter_core.h"

namespace flowspan {

struct PacketBatch {
  std::array<PacketView, kBatchPackets> packets;
  size_t count = 0;
  uint64_t nowNs = 0;  // row clock once these packets are metered
  bool steppedBack = false;  // the clock that stamped them was set back: all that came before is over, also if there are none
  bool former = false;  // they came through the first stage that was in force before a change
};

enum class SourceState : uint8_t {
  active,    // more may follow at once
  idle,      // nothing came for a while, or `wakeFd` became readable
  finished,  // nothing will come any more
};

// What a source counts itself; the ledger checks it against what the core says (DESIGN section 5).
struct SourceCounters {
  uint64_t receivedPackets = 0;
  uint64_t receivedOctets = 0;
  uint64_t filteredPackets = 0;
  uint64_t filteredOctets = 0;
  uint64_t droppedByKernelPackets = 0;
  uint64_t droppedByNicPackets = 0;
  uint64_t sampledByKernelPackets = 0;
  uint64_t stateUp = 0;
  uint64_t stateCount = 0;
  uint64_t finished = 0;
  uint64_t lastPacketNs = 0;
  uint64_t ringFilledPercent = 0;  // of the fullest ring, now
};

struct InterfaceReport {
  std::string name;
  uint32_t index = 0;
  bool present = true;  // false while it is unplugged
  bool up = false;
  uint32_t mtu = 0;
  uint64_t receivedPackets = 0;
  uint64_t droppedByKernelPackets = 0;
  uint64_t droppedByNicPackets = 0;
  uint64_t sampledByKernelPackets = 0;  // estimate
  std::string offloads;  // what became of GRO and LRO
  std::string earlyDrop = "off";  // `on`, or why not
};

class PacketSource {
 public:
  virtual ~PacketSource() = default;
  virtual void start() {}
  virtual SourceState next(PacketBatch& batch, int wakeFd) = 0;
  // Row clock now: what `finish` is told.
  virtual uint64_t nowNs() const = 0;
  // Refreshes and returns the counters; called when somebody asks, not per packet.
  virtual const SourceCounters& counters() = 0;
  virtual void report(std::vector<InterfaceReport>&) const {}
  // Empty, or `CODE: words` why the source waits or has stopped.
  virtual std::string trouble() const { return {}; }
  virtual void setTestWallOffset(int64_t) {}
  // One packet of `interval` passes a first stage in the kernel from now on. Batches that come through the former one say so until
  // `isChangingStage` is false; only then another change may follow.
  virtual void setFirstStage(uint32_t) {}
  virtual bool isChangingStage() const { return false; }
  // Whether packets that name hosts are looked into from now on: a source that cuts packets keeps these longer.
  virtual void showNames(bool) {}
  // A planned stop: nothing new is let in, what was received already is still to be asked for until it is drained.
  virtual void closeIntake() {}
  virtual bool isDrained() const { return true; }
  virtual size_t memoryBytes() const { return 0; }
};

}  // namespace flowspan
