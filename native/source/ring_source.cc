#include "ring_source.h"

#include <poll.h>

#include <algorithm>
#include <array>

namespace flowspan {

namespace {
constexpr size_t kPortsMax = 16;
constexpr int kWaitMs = 20;
constexpr uint64_t kCheckNs = 200'000'000;
// A ring is emptied in far less; this is for a socket that could not be closed.
constexpr uint64_t kDrainMaxNs = 2'000'000'000;
constexpr uint64_t kRefreshNs = 50'000'000;
// A program that was replaced may still be looking at a packet on another processor: for microseconds, or as long as a
// hypervisor lets that one stand still.
constexpr uint64_t kInFlightNs = 500'000'000;
// A silent port may still hold an unfinished block with older packets for its retire time-out; after that it is silent.
constexpr uint64_t kSettleNs = (kRetireMs + 15) * 1'000'000ull;
}  // namespace

RingSource::RingSource(const std::vector<std::string>& interfaces, const RingOptions& options,
                       const std::vector<std::shared_ptr<RingGroup>>& groups, int64_t testWallOffsetNs)
    : wall_(testWallOffsetNs) {
  for (size_t i = 0; i < interfaces.size(); i++) ports_.push_back(std::make_unique<RingPort>(interfaces[i], options, groups[i]));
}

void RingSource::start() {
  for (auto& port : ports_) port->start();
  checkedNs_ = monotonicNs();
  clock_.sawEmpty(checkedNs_);
}

SourceState RingSource::next(PacketBatch& batch, int wakeFd) {
  batch.count = 0;
  for (auto& port : ports_) port->releaseFinished();
  batch.former = false;
  if (ports_.size() == 1 && change_.phase != StageChange::Phase::arriving) fillFromOne(batch);
  else fillMerged(batch);
  if (batch.count > 0) {
    count(batch);
    batch.nowNs = batch.packets[batch.count - 1].ns;
    // Once a block at most, not per batch: reading the clock is cheap, asking the kernel about interfaces is not.
    if (batch.nowNs - checkedNs_ > kCheckNs && batch.nowNs > checkedNs_) checkPorts(monotonicNs());
    return SourceState::active;
  }
  sleep(wakeFd);
  batch.nowNs = monotonicNs();
  if (batch.nowNs - checkedNs_ > kCheckNs) checkPorts(batch.nowNs);
  return SourceState::idle;
}

void RingSource::fillFromOne(PacketBatch& batch) {
  RingPort& port = *ports_[0];
  if (!port.advance(clock_, wall_)) {
    clock_.sawEmpty(monotonicNs());
    return;
  }
  while (batch.count < kBatchPackets && port.hasPacket()) port.take(batch.packets[batch.count++], wall_);
}

// Packets of all ports by time. The batch ends where a block is used up, because giving it back ends its packets' life, and
// where another first stage let the next packet through.
void RingSource::fillMerged(PacketBatch& batch) {
  while (batch.count < kBatchPackets) {
    bool settled = true;
    RingPort* port = earliest(settled);
    if (port == nullptr || (!settled && monotonicNs() < port->nextNs() + kSettleNs)) return;
    if (change_.phase == StageChange::Phase::arriving) [[unlikely]] {
      const bool former = !port->nextIsMarked();
      if (batch.count > 0 && former != batch.former) return;
      batch.former = former;
    }
    port->take(batch.packets[batch.count++], wall_);
    if (port->isBlockFinished()) return;
  }
}

// `settled` becomes false when a port shows nothing now and might still show something older.
RingPort* RingSource::earliest(bool& settled) {
  RingPort* first = nullptr;
  bool any = false;
  for (auto& port : ports_) {
    if (!port->advance(clock_, wall_)) {
      if (port->isUp()) settled = false;
      continue;
    }
    any = true;
    if (first == nullptr || port->nextNs() < first->nextNs()) first = port.get();
  }
  if (!any) clock_.sawEmpty(monotonicNs());
  return first;
}

void RingSource::showNames(bool on) {
  for (auto& port : ports_) port->showNames(on);
}

void RingSource::count(const PacketBatch& batch) {
  for (size_t i = 0; i < batch.count; i++) counters_.receivedOctets += batch.packets[i].wire;
  counters_.receivedPackets += batch.count;
  counters_.lastPacketNs = std::max(counters_.lastPacketNs, batch.packets[batch.count - 1].ns);
}

// poll(2) with a time-out: a blocking read would hang on a silent link.
void RingSource::sleep(int wakeFd) {
  std::array<pollfd, kPortsMax + 1> waits{};
  size_t count = 0;
  waits[count++] = {wakeFd, POLLIN, 0};
  bool held = false;
  for (auto& port : ports_) {
    held = held || port->hasPacket();
    if (port->fd() >= 0 && !port->hasPacket()) waits[count++] = {port->fd(), POLLIN, 0};
  }
  poll(waits.data(), count, held ? 1 : kWaitMs);
  for (size_t i = 1; i < count; i++) {
    if (waits[i].revents & POLLERR) checkedNs_ = 0;  // an interface went down: look now
  }
}

void RingSource::checkPorts(uint64_t nowNs) {
  checkedNs_ = nowNs;
  for (auto& port : ports_) port->check();
  watchStage(nowNs);
}

void RingSource::setFirstStage(uint32_t interval) {
  change_.interval = interval;
  enterPhase(StageChange::Phase::arriving);
}

// All ports within microseconds: their packets are merged by time, and every turn from one stage to the other ends a batch.
void RingSource::enterPhase(StageChange::Phase phase) {
  const FirstStage stage{change_.interval, phase == StageChange::Phase::arriving};
  change_.attached = true;
  for (auto& port : ports_) change_.attached = port->setStage(stage, phase != StageChange::Phase::none) && change_.attached;
  change_.phase = phase;
  change_.contentNoted = false;
  change_.sinceNs = monotonicNs();
}

void RingSource::watchStage(uint64_t nowNs) {
  const StageChange::Phase phase = change_.phase;
  if (phase == StageChange::Phase::none) return;
  if (!change_.attached) return enterPhase(phase);
  if (nowNs - change_.sinceNs < kInFlightNs) return;
  if (!change_.contentNoted) {
    for (auto& port : ports_) port->noteContent(nowNs);
    change_.contentNoted = true;
  } else if (std::ranges::all_of(ports_, [&](const auto& port) { return port->isPastContent(nowNs); })) {
    if (phase == StageChange::Phase::arriving) return enterPhase(StageChange::Phase::clearing);
    change_.phase = StageChange::Phase::none;
    for (auto& port : ports_) port->lookForMarks(false);
  }
}

const SourceCounters& RingSource::counters() {
  const uint64_t nowNs = monotonicNs();
  if (nowNs - refreshedNs_ > kRefreshNs) {
    refreshedNs_ = nowNs;
    for (auto& port : ports_) port->refreshCounters();
  }
  counters_.stateUp = counters_.filteredPackets = counters_.droppedByKernelPackets = counters_.droppedByNicPackets = 0;
  counters_.sampledByKernelPackets = 0;
  counters_.stateCount = ports_.size();
  counters_.ringFilledPercent = 0;
  for (auto& port : ports_) {
    counters_.stateUp += port->isUp() ? 1 : 0;
    counters_.filteredPackets += port->filtered();
    counters_.droppedByKernelPackets += port->droppedByKernel();
    counters_.droppedByNicPackets += port->droppedByNic();
    counters_.sampledByKernelPackets += port->sampledByKernel();
    counters_.ringFilledPercent = std::max<uint64_t>(counters_.ringFilledPercent, port->ringFilledPercent());
  }
  return counters_;
}

void RingSource::closeIntake() {
  for (auto& port : ports_) port->closeIntake();
  closedNs_ = monotonicNs();
}

bool RingSource::isDrained() const {
  const uint64_t sinceNs = monotonicNs() - closedNs_;
  if (sinceNs > kDrainMaxNs) return true;
  return sinceNs > kRingSettledNs && std::ranges::all_of(ports_, [](const auto& port) { return port->isEmpty(); });
}

void RingSource::report(std::vector<InterfaceReport>& to) const {
  for (auto& port : ports_) {
    to.emplace_back();
    port->report(to.back());
  }
}

std::string RingSource::trouble() const {
  for (auto& port : ports_) {
    std::string words = port->trouble();
    if (!words.empty()) return words;
  }
  return {};
}

size_t RingSource::memoryBytes() const {
  size_t octets = 0;
  for (auto& port : ports_) octets += port->memoryBytes();
  return octets;
}

}  // namespace flowspan
