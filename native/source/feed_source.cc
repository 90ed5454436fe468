#include "feed_source.h"

#include <poll.h>

#include <algorithm>
#include <array>
#include <cstring>

namespace flowspan {

namespace {
constexpr int kWaitMs = 20;
constexpr uint64_t kCheckNs = 200'000'000;
constexpr uint64_t kRefreshNs = 50'000'000;

constexpr uint32_t aligned(uint32_t octets) { return (octets + 7u) & ~7u; }
}  // namespace

FeedSource::FeedSource(const std::vector<std::string>& interfaces, const FeedOptions& options, std::shared_ptr<FeedLane> lane,
                       int64_t testWallOffsetNs)
    : lane_(std::move(lane)), wall_(testWallOffsetNs) {
  for (const std::string& name : interfaces) ports_.push_back(std::make_unique<FeedPort>(name, options));
}

void FeedSource::start() {
  for (auto& port : ports_) port->start();
  checkedNs_ = monotonicNs();
  clock_.sawEmpty(checkedNs_);
}

SourceState FeedSource::next(PacketBatch& batch, int wakeFd) {
  batch.count = 0;
  if (slot_.at != nullptr && readOctets_ >= slot_.octets) {
    lane_->giveBack(slot_.index);  // what was lent last has been metered
    slot_ = {};
  }
  if (slot_.at == nullptr && !openSlot()) {
    clock_.sawEmpty(monotonicNs());
    sleep(wakeFd);
    batch.nowNs = monotonicNs();
    if (batch.nowNs - checkedNs_ > kCheckNs) checkPorts(batch.nowNs);
    return SourceState::idle;
  }
  while (batch.count < kBatchPackets && lendNext(batch.packets[batch.count])) batch.count++;
  // Readers of several interfaces take turns: their packets are not in the order of time, the row clock must not run back.
  batch.nowNs = batch.count > 0 ? counters_.lastPacketNs : time_.nowNs;
  if (batch.nowNs > checkedNs_ + kCheckNs) checkPorts(monotonicNs());
  return SourceState::active;
}

bool FeedSource::openSlot() {
  if (!lane_->take(slot_)) return false;
  readOctets_ = 0;
  time_ = clock_.openBlock(wall_.monotonic(), wall_.wall());
  return true;
}

// Lengths come from the other side of the border: a record that does not fit ends its slot instead of being believed.
bool FeedSource::lendNext(PacketView& to) {
  const uint32_t left = slot_.octets - readOctets_;
  if (left == 0) return false;
  FeedRecord record;
  if (left >= sizeof record) std::memcpy(&record, slot_.at + readOctets_, sizeof record);
  if (left < sizeof record || record.captured > left - sizeof record || record.port >= ports_.size()) {
    damaged_ = true;
    readOctets_ = slot_.octets;
    return false;
  }
  FeedPort& port = *ports_[record.port];
  const uint64_t stampNs = record.seconds * 1'000'000'000ull + record.microseconds * 1'000ull;
  to.data = slot_.at + readOctets_ + sizeof record;
  to.ns = time_.toRowNs(wall_(stampNs));
  to.captured = record.captured;
  to.wire = std::max(record.wire, record.captured);
  to.interfaceIndex = port.index();
  to.vlanTpid = to.vlanTci = 0;  // libpcap puts the tag back into the frame
  to.link = port.link();
  port.countReceived();
  counters_.receivedPackets++;
  counters_.receivedOctets += to.wire;
  counters_.lastPacketNs = std::max(counters_.lastPacketNs, to.ns);
  readOctets_ = std::min(slot_.octets, aligned(readOctets_ + static_cast<uint32_t>(sizeof record) + record.captured));
  return true;
}

void FeedSource::sleep(int wakeFd) {
  std::array<pollfd, 2> waits{pollfd{wakeFd, POLLIN, 0}, pollfd{lane_->bell().fd(), POLLIN, 0}};
  poll(waits.data(), waits.size(), kWaitMs);
  if (waits[1].revents & POLLIN) lane_->bell().clear();
}

void FeedSource::checkPorts(uint64_t nowNs) {
  checkedNs_ = nowNs;
  for (auto& port : ports_) port->check();
}

const SourceCounters& FeedSource::counters() {
  const uint64_t nowNs = monotonicNs();
  const bool refresh = nowNs - refreshedNs_ > kRefreshNs;
  if (refresh) refreshedNs_ = nowNs;
  counters_.stateUp = counters_.filteredPackets = counters_.droppedByKernelPackets = counters_.droppedByNicPackets = 0;
  counters_.stateCount = ports_.size();
  for (size_t i = 0; i < ports_.size(); i++) {
    FeedPort& port = *ports_[i];
    if (refresh) port.refreshCounters(lane_->tapped(i));
    counters_.stateUp += port.isUp() ? 1 : 0;
    counters_.filteredPackets += port.filtered();
    counters_.droppedByKernelPackets += lane_->dropped(i);
    counters_.droppedByNicPackets += port.droppedByNic();
  }
  return counters_;
}

void FeedSource::report(std::vector<InterfaceReport>& to) const {
  for (size_t i = 0; i < ports_.size(); i++) {
    to.emplace_back();
    ports_[i]->report(to.back(), lane_->dropped(i));
  }
}

std::string FeedSource::trouble() const {
  if (damaged_) return "EIO: frames came in a form that is not understood";
  for (auto& port : ports_) {
    std::string words = port->trouble();
    if (!words.empty()) return words;
  }
  return {};
}

}  // namespace flowspan
