// The native meter as a whole: sources, workers, blocks. Owned and called by one JavaScript thread; nothing here waits for
// traffic longer than a few milliseconds.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "../source/feed_lane.h"
#include "block_buffer.h"
#include "selector_book.h"
#include "worker.h"

namespace flowspan {

struct EngineOptions {
  bool ring = false;
  bool feed = false;  // frames come from JavaScript, about `interfaces`; one thread
  std::vector<std::string> interfaces;
  std::string path;
  bool realtime = false;
  bool loop = false;
  std::string filter;
  uint64_t ringBytes = 32u << 20;
  uint32_t snapLength = 262'144;
  bool promiscuous = true;
  bool manageOffloads = true;
  bool earlyDrop = false;
  std::string memoryFolder;

  CoreOptions core;
  uint32_t threads = 1;
  uint32_t rowsPerBlock = 512;
  uint32_t blocks = 64;
  uint64_t blockMaxAgeNs = 1'000'000'000;
  int64_t testWallOffsetNs = 0;
};

struct SelectorFigures {
  SelectorFact fact;
  SelectorCount count;  // summed over threads
};

struct EngineFigures {
  CounterArray counters{};            // of the whole meter
  std::vector<CounterArray> threads;  // of each thread: the same moment, so that what adds up does so exactly
  AnnotationArray annotations{};
  std::vector<InterfaceReport> interfaces;
  std::string trouble;
  bool answering = true;  // every thread answered in time
  uint16_t selectorId = 0;
  std::vector<SelectorFigures> selectors;  // those in force last
};

class Engine {
 public:
  // Takes all memory and opens the source. Throws Failure.
  explicit Engine(const EngineOptions& options);
  ~Engine();

  void start();
  int32_t poll();
  // Waits for a block; −1 when none came in time or none can come any more.
  int32_t waitBlock(uint64_t timeoutNs);
  // False for a block that is not the caller's.
  bool release(uint32_t block);
  EngineFigures figures();
  std::vector<Row> snapshot(size_t count);
  // Returns the selectorId that stands for what no pool matches from now on. Throws Failure EINVAL when there is none left.
  uint16_t setSampling(SamplingPlan plan);
  // As set last; selectorIds included.
  const SamplingPlan& samplingPlan() const { return plan_; }
  void setTimeouts(uint64_t activeNs, uint64_t idleNs);
  // The rate is the whole meter's.
  void setObservations(ObservationPlan plan);
  // Copies what was observed, as ObservationLane::take does. Returns the octets.
  size_t takeObservations(uint8_t* to, size_t room);
  void setTestWallOffset(int64_t offsetNs);
  void stop();
  bool drained() const;
  // Joins the threads and closes the source; figures stay readable, held blocks stay valid.
  void close();

  uint16_t selectorId() const { return plan_.others.selectorId; }
  const std::shared_ptr<BlockBuffer>& buffer() const { return buffer_; }
  // Where frames are handed over; null unless the options say `feed`.
  const std::shared_ptr<FeedLane>& feedLane() const { return feedLane_; }
  bool isClosed() const { return closed_; }

 private:
  bool threadsDone() const;
  void addSelectors(const SelectorCounts& counts, EngineFigures& sum) const;

  std::shared_ptr<BlockBuffer> buffer_;
  std::shared_ptr<FeedLane> feedLane_;
  Doorbell bell_;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::vector<bool> held_;
  EngineFigures last_;
  size_t nextLane_ = 0;
  SelectorBook selectors_;
  SamplingPlan plan_;
  bool started_ = false;
  bool closed_ = false;
};

}  // namespace flowspan
