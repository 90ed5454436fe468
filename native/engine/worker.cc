#include "worker.h"

#include <pthread.h>
#include <signal.h>

#include <utility>

#include "../source/clocks.h"

namespace flowspan {

namespace {
// How often expiry is driven by the clock while packets keep coming, and figures are published while nobody asks.
constexpr int64_t kTickNs = 50'000'000;
constexpr uint32_t kPublishBatches = 1024;
constexpr uint64_t kRoomWaitNs = 20'000'000;
constexpr size_t kChangesMax = 64;
}  // namespace

Worker::Worker(const CoreOptions& options, std::unique_ptr<PacketSource> source, std::unique_ptr<BlockLane> lane, bool live,
               uint64_t blockMaxAgeNs, Doorbell& consumerBell)
    : lane_(std::move(lane)),
      source_(std::move(source)),
      core_(options, *lane_, &observations_),
      plan_(std::make_shared<const SamplingPlan>(options.sampling)),
      live_(live),
      blockMaxAgeNs_(blockMaxAgeNs),
      consumerBell_(consumerBell) {
  publish();
}

Worker::~Worker() { abandon(); }

void Worker::startThread() {
  // Signals belong to the JavaScript thread: the new thread inherits a full mask.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  thread_ = std::thread([this] { run(); });
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  pthread_setname_np(thread_.native_handle(), "flowspan-meter");
}

void Worker::requestStop() {
  stopping_.store(true, std::memory_order_release);
  wake_.signal();
}

void Worker::abandon() {
  abandoned_.store(true, std::memory_order_release);
  lane_->abandon();
  requestStop();
  if (thread_.joinable()) thread_.join();
}

void Worker::run() {
  meter();
  drain();
  handOverCache(source_->nowNs());
  serve();
  {
    std::lock_guard lock(mutex_);
    publish();
  }
  done_.store(true, std::memory_order_release);
  answered_.notify_all();
  consumerBell_.ring();
}

void Worker::meter() {
  PacketBatch batch;
  uint64_t tickedNs = 0, latestNs = 0;
  uint32_t batches = 0;
  while (!stopping_.load(std::memory_order_acquire)) {
    const SourceState state = source_->next(batch, wake_.fd());
    if (batch.steppedBack) [[unlikely]] {
      handOverCache(latestNs);
      // Half handed over, a cache takes no packet any more.
      if (abandoned_.load(std::memory_order_acquire)) break;
      core_.beginAnew();
    }
    latestNs = batch.nowNs;
    if (batch.count > 0) process(batch);
    if (live_) {
      if (waitingPlan_) [[unlikely]] takeUpSampling();
      if (showsFormer_ && !source_->isChangingStage()) [[unlikely]] showPlan(false);
      if (state == SourceState::idle || static_cast<int64_t>(batch.nowNs - tickedNs) > kTickNs) {
        core_.tick(batch.nowNs);
        tickedNs = batch.nowNs;
      }
      lane_->flushOlderThan(blockMaxAgeNs_, batch.nowNs);
    } else if (batch.count == 0) {
      core_.tick(batch.nowNs);  // all packets of this stretch were other threads' or filtered; time passed all the same
    }
    if (mail_.load(std::memory_order_acquire)) serve();
    if (++batches == kPublishBatches) {
      batches = 0;
      std::lock_guard lock(mutex_);
      publish();
    }
    if (state == SourceState::finished) break;
  }
}

void Worker::process(const PacketBatch& batch) {
  if (batch.former != showsFormer_) [[unlikely]] showPlan(batch.former);
  core_.process(batch.packets.data(), batch.count);
  batches_++;
}

// A plan with another first stage holds for packets that came through it; those before them are still metered by the former.
void Worker::takeUpSampling() {
  if (waitingPlan_->kernelInterval != plan_->kernelInterval) {
    if (source_->isChangingStage()) return;
    if (showsFormer_) showPlan(false);  // not a packet came through the last change yet: those of now are its
    source_->setFirstStage(waitingPlan_->kernelInterval);
    formerPlan_ = std::exchange(plan_, std::exchange(waitingPlan_, nullptr));
    showsFormer_ = true;
  } else {
    plan_ = std::exchange(waitingPlan_, nullptr);
    if (!showsFormer_) core_.setSampling(*plan_);
  }
}

void Worker::showPlan(bool former) {
  showsFormer_ = former;
  core_.setSampling(former ? *formerPlan_ : *plan_);
}

// A planned stop loses nothing: what the kernel had received for us is metered before the cache is handed over.
void Worker::drain() {
  source_->closeIntake();
  PacketBatch batch;
  while (!source_->isDrained() && !abandoned_.load(std::memory_order_acquire)) {
    wake_.clear();  // or poll(2) would not wait
    source_->next(batch, wake_.fd());
    if (batch.count > 0) process(batch);
    if (mail_.load(std::memory_order_acquire)) serve();
  }
}

void Worker::handOverCache(uint64_t nowNs) {
  while (!core_.finish(nowNs)) {
    if (abandoned_.load(std::memory_order_acquire)) return;
    lane_->waitForRoom(kRoomWaitNs);
    if (mail_.load(std::memory_order_acquire)) serve();
  }
  lane_->flush(nowNs);
}

void Worker::serve() {
  wake_.clear();
  std::lock_guard lock(mutex_);
  mail_.store(false, std::memory_order_relaxed);
  for (const Change& change : changes_) {
    if (change.sampling) {
      waitingPlan_ = change.sampling;
      takeUpSampling();
    }
    if (change.timeouts) core_.setTimeouts(change.activeNs, change.idleNs);
    if (change.observations) {
      core_.setObservations(change.observed);
      source_->showNames(change.observed.kinds != 0);
    }
    if (change.wallOffset) source_->setTestWallOffset(change.wallOffsetNs);
  }
  changes_.clear();
  if (snapshotWanted_ > 0) {
    snapshot_.resize(snapshotWanted_);
    snapshot_.resize(core_.snapshot(snapshot_.data(), snapshotWanted_));
    snapshotWanted_ = 0;
  }
  publish();
  answers_ = asked_;
  answered_.notify_all();
}

// Between two batches, with the mutex held (or before the thread exists).
void Worker::publish() {
  published_.counters = core_.counters();
  published_.annotations = core_.annotations();
  published_.selectors = core_.selectorCounts();
  CounterArray& to = published_.counters;
  const SourceCounters& from = source_->counters();
  counter(to, MeterCounter::receivedPackets) = from.receivedPackets;
  counter(to, MeterCounter::receivedOctets) = from.receivedOctets;
  counter(to, MeterCounter::filteredPackets) = from.filteredPackets;
  counter(to, MeterCounter::filteredOctets) = from.filteredOctets;
  counter(to, MeterCounter::droppedByKernelPackets) = from.droppedByKernelPackets;
  counter(to, MeterCounter::droppedByNicPackets) = from.droppedByNicPackets;
  counter(to, MeterCounter::sampledByKernelPackets) = from.sampledByKernelPackets;
  counter(to, MeterCounter::sourceStateUp) = from.stateUp;
  counter(to, MeterCounter::sourceStateCount) = from.stateCount;
  counter(to, MeterCounter::sourceFinished) = from.finished;
  counter(to, MeterCounter::lastPacketNs) = from.lastPacketNs;
  counter(to, MeterCounter::ringFilledPercent) = from.ringFilledPercent;
  counter(to, MeterCounter::batches) = batches_;
  counter(to, MeterCounter::handOverStalls) = lane_->stalls();
  counter(to, MeterCounter::memoryBytes) = core_.memoryBytes() + source_->memoryBytes() + observations_.memoryBytes();
  if (thread_.joinable() && thread_.get_id() == std::this_thread::get_id()) cpuNs_ = threadCpuNs();
  counter(to, MeterCounter::threadCpuNs) = cpuNs_;
  published_.interfaces.clear();
  source_->report(published_.interfaces);
  published_.trouble = source_->trouble();
}

bool Worker::ask(std::unique_lock<std::mutex>& lock, uint64_t waitNs) {
  const uint64_t mine = ++asked_;
  mail_.store(true, std::memory_order_release);
  wake_.signal();
  return answered_.wait_for(lock, std::chrono::nanoseconds(waitNs),
                     [&] { return answers_ >= mine || done_.load(std::memory_order_acquire) || lane_->isStalled(); });
}

Published Worker::figures(uint64_t waitNs) {
  std::unique_lock lock(mutex_);
  const bool answering = !thread_.joinable() || isDone() || ask(lock, waitNs);
  Published figures = published_;
  figures.answering = answering;
  return figures;
}

std::vector<Row> Worker::snapshot(size_t count, uint64_t waitNs) {
  std::unique_lock lock(mutex_);
  snapshot_.clear();
  if (!thread_.joinable() || isDone()) return {};
  snapshotWanted_ = count;
  ask(lock, waitNs);
  snapshotWanted_ = 0;
  return std::move(snapshot_);
}

void Worker::apply(const Change& change) {
  std::lock_guard lock(mutex_);
  if (changes_.size() == kChangesMax) changes_.erase(changes_.begin());
  changes_.push_back(change);
  mail_.store(true, std::memory_order_release);
  wake_.signal();
}

}  // namespace flowspan
