// Live capture from one or more interfaces, which form one observation point: their packets are lent in order of time.
// Owned by one worker thread; with several threads each has a source of its own, joined by fanout groups.
#pragma once

#include <memory>
#include <vector>

#include "ring_port.h"
#include "source.h"
#include "test_wall.h"

namespace flowspan {

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
  void setFirstStage(uint32_t interval) override;
  void showNames(bool on) override;
  bool isChangingStage() const override { return change_.phase != StageChange::Phase::none; }

 private:
  void fillFromOne(PacketBatch& batch);
  void fillMerged(PacketBatch& batch);
  RingPort* earliest(bool& settled);
  void count(const PacketBatch& batch);
  void checkPorts(uint64_t nowNs);
  void sleep(int wakeFd);

  // How a first stage takes effect: its program first marks what it lets through, until nothing is left in the rings of what
  // the former one did; then it stops marking, and what is marked is waited for in the same way.
  struct StageChange {
    enum class Phase : uint8_t { none, arriving, clearing };
    Phase phase = Phase::none;
    uint32_t interval = 1;
    bool attached = false;
    bool contentNoted = false;
    uint64_t sinceNs = 0;
  };
  void enterPhase(StageChange::Phase phase);
  void watchStage(uint64_t nowNs);

  std::vector<std::unique_ptr<RingPort>> ports_;
  StageChange change_;
  RingClock clock_;
  TestWall wall_;
  SourceCounters counters_;
  uint64_t checkedNs_ = 0;
  uint64_t refreshedNs_ = 0;
  uint64_t closedNs_ = 0;
};

}  // namespace flowspan
