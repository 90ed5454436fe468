// A capture file as a source: as fast as it can be metered, on packet time; or at its own pace, restamped to the monotonic
// clock, for replays. The same file gives the same packets every time. Owned by one worker thread.
#pragma once

#include <memory>
#include <string>

#include "capture_reader.h"
#include "packet_filter.h"
#include "source.h"

namespace flowspan {

struct FileSourceOptions {
  std::string path;
  bool realtime = false;
  bool loop = false;
  std::string filter;
  uint32_t snapLength = kPacketOctetsMax;
  // Of several threads that read the same file: which packets are this one's.
  uint32_t part = 0;
  uint32_t parts = 1;
};

class FileSource final : public PacketSource {
 public:
  // Throws Failure: ENOENT, EACCES, EBADCAPTURE, ELINKTYPE, EBADFILTER.
  explicit FileSource(FileSourceOptions options);
  SourceState next(PacketBatch& batch, int wakeFd) override;
  uint64_t nowNs() const override;
  const SourceCounters& counters() override;
  std::string trouble() const override { return trouble_.empty() ? reader_->trouble() : trouble_; }
  size_t memoryBytes() const override { return reader_->memoryBytes(); }

 private:
  bool fill(PacketBatch& batch);
  void choose(PacketBatch& batch, size_t from);
  bool cutAtStep(PacketBatch& batch, size_t from);
  void closeSteps(PacketBatch& batch, size_t from);
  bool passes(const PacketView& packet);
  void count(const PacketView* packets, size_t number);
  void count(size_t packets, uint64_t octets, uint64_t latestNs);
  bool takesAll() const { return options_.parts == 1 && !filter_; }
  SourceState nextPaced(PacketBatch& batch, int wakeFd);
  bool startAgain();
  SourceState finish();

  FileSourceOptions options_;
  std::unique_ptr<CaptureReader> reader_;
  std::unique_ptr<PacketFilter> filter_;
  SourceCounters counters_;
  std::string trouble_;
  uint64_t fileNs_ = 0;  // largest packet time of this round since the clock was set back, other threads' packets included
  PacketBatch rest_;     // read, and stamped after the clock was set back
  bool ended_ = false;

  // Pacing: `held_` was read from the file and waits until its packets are due.
  PacketBatch held_;
  size_t heldNext_ = 0;
  uint64_t closedNs_ = 0;  // by how much the clock was set back in this round
  uint64_t shiftNs_ = 0;  // added (modulo 2^64) to packet time to get monotonic time
  bool shiftKnown_ = false;
};

}  // namespace flowspan
