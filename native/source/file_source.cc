#include "file_source.h"

#include <poll.h>

#include <algorithm>

#include "clocks.h"
#include "failure.h"
#include "partition.h"

namespace flowspan {

namespace {
constexpr int kWaitMsMax = 50;
// Between the last packet of a round and the first of the next: a plausible gap, far below any time-out.
constexpr uint64_t kLoopGapNs = 1'000'000;
// Interfaces and processors stamp packets out of order by milliseconds, files that are put together by seconds. What goes back further
// was stamped by a clock that was set, or stands in another capture.
constexpr uint64_t kStepBackNs = 60'000'000'000;
}  // namespace

FileSource::FileSource(FileSourceOptions options) : options_(std::move(options)), reader_(openCapture(options_.path)) {
  if (!options_.filter.empty()) filter_ = std::make_unique<PacketFilter>(options_.filter);
  if (filter_) {
    // Finds mistakes in the expression at once; further link types of a pcapng file are compiled when they occur.
    PacketBatch first;
    reader_->read(first);
    const LinkType link = first.count > 0 ? first.packets[0].link : LinkType::ethernet;
    filter_->prepare(link, first.count > 0 ? reader_->linkNumber(link) : 1);
    if (!reader_->rewind()) throw Failure("EINVAL", "a filter needs a capture that can be read twice, not a pipe");
  }
  counters_.stateCount = 1;
}

uint64_t FileSource::nowNs() const { return options_.realtime ? monotonicNs() : fileNs_; }

const SourceCounters& FileSource::counters() {
  counters_.stateUp = ended_ ? 0 : 1;
  if (options_.part == 0) {
    counters_.droppedByNicPackets = reader_->droppedByNic();
    counters_.droppedByKernelPackets = reader_->droppedByKernel();
  }
  return counters_;
}

SourceState FileSource::next(PacketBatch& batch, int wakeFd) {
  batch.count = 0;
  batch.steppedBack = false;
  if (options_.realtime) return nextPaced(batch, wakeFd);
  if (ended_) return SourceState::finished;
  const bool more = fill(batch);
  if (!takesAll()) count(batch.packets.data(), batch.count);
  batch.nowNs = fileNs_;
  return more ? SourceState::active : finish();
}

// Reads until the batch is well filled or the window must move. False at the end of the capture; the batch may hold packets.
bool FileSource::fill(PacketBatch& batch) {
  if (rest_.count > 0) [[unlikely]] {
    batch = rest_;
    batch.steppedBack = true;
    rest_.count = 0;
    fileNs_ = 0;
    choose(batch, 0);
    return true;
  }
  ReadState state;
  do {
    const size_t from = batch.count;
    state = reader_->read(batch);
    choose(batch, from);
  } while (state == ReadState::full && batch.count < kBatchPackets / 2 && rest_.count == 0);
  return state != ReadState::end || rest_.count > 0;
}

// Every thread finds the same steps, since each looks at all packets. True when packets were put off until those before are over.
bool FileSource::cutAtStep(PacketBatch& batch, size_t from) {
  uint64_t latestNs = fileNs_;
  for (size_t i = from; i < batch.count; i++) {
    const uint64_t ns = batch.packets[i].ns;
    if (ns + kStepBackNs < latestNs) {
      rest_.count = batch.count - i;
      std::copy_n(batch.packets.begin() + static_cast<ptrdiff_t>(i), rest_.count, rest_.packets.begin());
      batch.count = i;
      return true;
    }
    latestNs = std::max(latestNs, ns);
  }
  return false;
}

// A replay goes on where it was.
void FileSource::closeSteps(PacketBatch& batch, size_t from) {
  uint64_t latestNs = fileNs_;
  for (size_t i = from; i < batch.count; i++) {
    uint64_t& ns = batch.packets[i].ns;
    ns += closedNs_;
    if (ns + kStepBackNs < latestNs) {
      closedNs_ += latestNs - ns;
      ns = latestNs;
    }
    latestNs = std::max(latestNs, ns);
  }
}

// Keeps the packets that are this thread's and that the filter wants. Where that is all of them, and they are lent as they are read,
// they are counted here, so that nothing else goes over them.
void FileSource::choose(PacketBatch& batch, size_t from) {
  if (options_.realtime) closeSteps(batch, from);
  uint64_t octets = 0, latestNs = fileNs_, earliestNs = fileNs_;
  for (size_t i = from; i < batch.count; i++) {
    octets += batch.packets[i].wire;
    latestNs = std::max(latestNs, batch.packets[i].ns);
    earliestNs = std::min(earliestNs, batch.packets[i].ns);
  }
  if (earliestNs + kStepBackNs < latestNs && !options_.realtime && cutAtStep(batch, from)) [[unlikely]] return choose(batch, from);
  fileNs_ = latestNs;
  if (options_.snapLength < kPacketOctetsMax) {
    for (size_t i = from; i < batch.count; i++) batch.packets[i].captured = std::min(batch.packets[i].captured, options_.snapLength);
  }
  if (takesAll()) {
    if (!options_.realtime) count(batch.count - from, octets, latestNs);
    return;
  }
  size_t kept = from;
  for (size_t i = from; i < batch.count; i++) {
    const PacketView& packet = batch.packets[i];
    if (options_.parts > 1 && partitionOf(partitionHash(packet), options_.parts) != options_.part) continue;
    if (filter_ && !passes(packet)) continue;
    batch.packets[kept++] = packet;
  }
  batch.count = kept;
}

bool FileSource::passes(const PacketView& packet) {
  if (!filter_->isPrepared(packet.link)) {
    try {
      filter_->prepare(packet.link, reader_->linkNumber(packet.link));
    } catch (const Failure& failure) {
      trouble_ = failure.what();  // good for the first link type, not for this one: reading ends, and says so
      ended_ = true;
      return false;
    }
  }
  if (filter_->matches(packet)) return true;
  counters_.filteredPackets++;
  counters_.filteredOctets += packet.wire;
  return false;
}

// Received is what was lent, so that the ledger holds at every batch boundary.
void FileSource::count(const PacketView* packets, size_t number) {
  uint64_t octets = 0, latestNs = 0;
  for (size_t i = 0; i < number; i++) {
    octets += packets[i].wire;
    latestNs = std::max(latestNs, packets[i].ns);
  }
  count(number, octets, latestNs);
}

void FileSource::count(size_t packets, uint64_t octets, uint64_t latestNs) {
  counters_.receivedPackets += packets;
  counters_.receivedOctets += octets;
  counters_.lastPacketNs = std::max(counters_.lastPacketNs, latestNs);
}

SourceState FileSource::finish() {
  ended_ = true;
  counters_.finished = 1;
  return SourceState::finished;
}

// Lends what is due and sleeps for the rest; reads on when all of `held_` was lent.
SourceState FileSource::nextPaced(PacketBatch& batch, int wakeFd) {
  if (heldNext_ == held_.count) {
    if (ended_ && !startAgain()) return finish();
    held_.count = heldNext_ = 0;
    if (!fill(held_)) ended_ = true;
  }
  uint64_t now = monotonicNs();
  if (heldNext_ < held_.count && !shiftKnown_) {
    shiftNs_ = now - held_.packets[heldNext_].ns;
    shiftKnown_ = true;
  }
  batch.nowNs = now;
  while (heldNext_ < held_.count && batch.count < kBatchPackets) {
    PacketView packet = held_.packets[heldNext_];
    packet.ns += shiftNs_;
    if (static_cast<int64_t>(packet.ns - now) > 0) break;
    batch.packets[batch.count++] = packet;
    heldNext_++;
    count(&packet, 1);
  }
  if (batch.count > 0 || heldNext_ == held_.count) return SourceState::active;
  const uint64_t waitNs = held_.packets[heldNext_].ns + shiftNs_ - now;
  const int waitMs = static_cast<int>(std::min<uint64_t>(waitNs / 1'000'000 + 1, kWaitMsMax));
  pollfd wake{wakeFd, POLLIN, 0};
  poll(&wake, 1, waitMs);
  batch.nowNs = monotonicNs();
  return SourceState::idle;
}

// The next round follows the last as if the capture went on.
bool FileSource::startAgain() {
  if (!options_.loop || !trouble().empty() || reader_->packetsRead() == 0) return false;
  if (!reader_->rewind()) return false;
  PacketBatch probe;
  shiftNs_ += fileNs_ + kLoopGapNs;
  reader_->read(probe);
  if (probe.count == 0 || !reader_->rewind()) return false;
  shiftNs_ -= probe.packets[0].ns;
  fileNs_ = closedNs_ = 0;
  ended_ = false;
  return true;
}

}  // namespace flowspan
