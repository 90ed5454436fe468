// Live capture by somebody else on the JavaScript thread (the npm package pcap), for hosts without TPACKET_V3: packets come in
// slots of a FeedLane and are lent in place. One worker only.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "feed_lane.h"
#include "feed_port.h"
#include "ring_clock.h"
#include "source.h"
#include "test_wall.h"

namespace flowspan {

class FeedSource final : public PacketSource {
 public:
  FeedSource(const std::vector<std::string>& interfaces, const FeedOptions& options, std::shared_ptr<FeedLane> lane,
             int64_t testWallOffsetNs);
  void start() override;
  SourceState next(PacketBatch& batch, int wakeFd) override;
  uint64_t nowNs() const override { return monotonicNs(); }
  const SourceCounters& counters() override;
  void report(std::vector<InterfaceReport>& to) const override;
  std::string trouble() const override;
  void setTestWallOffset(int64_t offsetNs) override { wall_.step(offsetNs); }
  bool isDrained() const override { return slot_.at == nullptr && lane_->isEmpty(); }
  size_t memoryBytes() const override { return lane_->octets(); }

 private:
  bool openSlot();
  bool lendNext(PacketView& to);
  void checkPorts(uint64_t nowNs);
  void sleep(int wakeFd);

  std::vector<std::unique_ptr<FeedPort>> ports_;
  std::shared_ptr<FeedLane> lane_;
  RingClock clock_;
  BlockTime time_;
  TestWall wall_;
  FeedLane::Slot slot_;
  uint32_t readOctets_ = 0;
  SourceCounters counters_;
  uint64_t checkedNs_ = 0;
  uint64_t refreshedNs_ = 0;
  bool damaged_ = false;
};

}  // namespace flowspan
