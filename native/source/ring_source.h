// Live capture from one or more interfaces, which form one observation point: their packets are lent in order of time.
// Owned by one worker thread; with several threads each has a source of its own, joined by fanout groups.
#pragma once

#include <memory>
#include <vector>

#include "clocks.h"
#include "ring_port.h"
#include "source.h"

namespace flowspan {

// The wall clock as the ring stamps it, moved by a test: steps are made without touching the host's clock. A packet stamped
// before the step keeps the offset of its time, as it would in truth.
class TestWall {
 public:
  explicit TestWall(int64_t offsetNs) : before_(offsetNs), after_(offsetNs) {}
  void step(int64_t offsetNs) {
    before_ = after_;
    after_ = offsetNs;
    stepAtNs_ = realtimeNs();
  }
  uint64_t operator()(uint64_t stampNs) const { return stampNs + static_cast<uint64_t>(stampNs < stepAtNs_ ? before_ : after_); }
  uint64_t wall() const { return realtimeNs() + static_cast<uint64_t>(after_); }
  uint64_t monotonic() const { return monotonicNs(); }

 private:
  int64_t before_;
  int64_t after_;
  uint64_t stepAtNs_ = 0;
};

class RingSource final : public PacketSource {
 public:
  RingSource(const std::vector<std::string>& interfaces, const RingOptions& options,
             const std::vector<std::shared_ptr<RingGroup>>& groups, int64_t testWallOffsetNs);
  void start() override;
  SourceState next(PacketBatch& batch, int wakeFd) override;
  uint64_t nowNs() const override { return monotonicNs(); }
  const SourceCounters& counters() override;
  void report(std::vector<InterfaceReport>& to) const override;
  std::string trouble() const override;
  void setTestWallOffset(int64_t offsetNs) override { wall_.step(offsetNs); }
  size_t memoryBytes() const override;
  void closeIntake() override;
  bool isDrained() const override;

 private:
  void fillFromOne(PacketBatch& batch);
  void fillMerged(PacketBatch& batch);
  RingPort* earliest(bool& settled);
  void count(const PacketBatch& batch);
  void checkPorts(uint64_t nowNs);
  void sleep(int wakeFd);

  std::vector<std::unique_ptr<RingPort>> ports_;
  RingClock clock_;
  TestWall wall_;
  SourceCounters counters_;
  uint64_t checkedNs_ = 0;
  uint64_t refreshedNs_ = 0;
  uint64_t closedNs_ = 0;
};

}  // namespace flowspan
