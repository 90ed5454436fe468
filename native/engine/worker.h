// One metering thread: source -> core -> lane. Everything another thread wants of it (figures, a snapshot, a change) is left
// in a mailbox that it empties between two batches; the data path itself takes no lock.
#pragma once

#include <condition_variable>
#include <mutex>
#include <thread>

#include "block_lane.h"
#include "observation_lane.h"
#include "published.h"
#include "../source/wake_event.h"

namespace flowspan {

class Worker {
 public:
  // `live`: rows are on the monotonic clock, so time passes without packets and blocks age.
  Worker(const CoreOptions& options, std::unique_ptr<PacketSource> source, std::unique_ptr<BlockLane> lane, bool live,
         uint64_t blockMaxAgeNs, Doorbell& consumerBell);
  ~Worker();

  // Whoever asks at once, and gets no answer in time on a busy box, is told of the port as it is now.
  void startSource() {
    source_->start();
    publish();
  }
  void startThread();
  // Ends capture; the thread then hands over its cache.
  void requestStop();
  // Ends without waiting for a consumer; joins.
  void abandon();
  // Instead of startThread: there will never be anything to meter.
  void cancel() { done_.store(true, std::memory_order_release); }
  bool isDone() const { return done_.load(std::memory_order_acquire); }

  BlockLane& lane() { return *lane_; }
  ObservationLane& observations() { return observations_; }
  // Figures newer than the call, or the latest when the thread is stalled or too slow. `waitNs` bounds the wait.
  Published figures(uint64_t waitNs);
  // Up to `count` flows as rows; fewer when the thread does not answer in time.
  std::vector<Row> snapshot(size_t count, uint64_t waitNs);
  void apply(const Change& change);

 private:
  void run();
  void meter();
  void process(const PacketBatch& batch);
  void takeUpSampling();
  void showPlan(bool former);
  void drain();
  void handOverCache(uint64_t nowNs);
  void serve();
  void publish();
  // False when the thread gave no sign of life in time.
  bool ask(std::unique_lock<std::mutex>& lock, uint64_t waitNs);

  std::unique_ptr<BlockLane> lane_;
  ObservationLane observations_;
  std::unique_ptr<PacketSource> source_;
  MeterCore core_;
  // What the core is told to select. `waiting_` needs another first stage while one is still on its way through the rings.
  std::shared_ptr<const SamplingPlan> plan_;
  std::shared_ptr<const SamplingPlan> formerPlan_;
  std::shared_ptr<const SamplingPlan> waitingPlan_;
  bool showsFormer_ = false;
  const bool live_;
  const uint64_t blockMaxAgeNs_;
  Doorbell& consumerBell_;
  WakeEvent wake_;
  std::thread thread_;
  std::atomic<bool> stopping_{false};
  std::atomic<bool> abandoned_{false};
  std::atomic<bool> done_{false};
  std::atomic<bool> mail_{false};

  // The mailbox.
  std::mutex mutex_;
  std::condition_variable answered_;
  uint64_t asked_ = 0;
  uint64_t answers_ = 0;
  size_t snapshotWanted_ = 0;
  std::vector<Row> snapshot_;
  std::vector<Change> changes_;
  Published published_;
  uint64_t cpuNs_ = 0;
  uint64_t batches_ = 0;  // the metering thread's own
};

}  // namespace flowspan
