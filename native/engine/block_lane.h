// One worker's share of the blocks: it fills them, JavaScript takes and releases them, both without a lock.
// Policy when every block is full: `block` (files: the worker waits, nothing is lost and the flows stay the same) or
// `refuse` (live: the core aggregates instead, DESIGN section 3 "Pressure").
#pragma once

#include <algorithm>
#include <vector>

#include "../core/meter_core.h"
#include "block_buffer.h"
#include "doorbell.h"
#include "../source/index_ring.h"

namespace flowspan {

enum class WhenFull : uint8_t { block, refuse };

class BlockLane final : public BlockSink {
 public:
  BlockLane(const BlockBuffer& buffer, uint32_t thread, uint32_t firstBlock, uint32_t blocks, WhenFull whenFull,
            Doorbell& consumerBell);

  // Worker thread.
  Row* next(uint64_t nowNs) override;
  bool hasRoom() const override;
  void flush(uint64_t nowNs) override;
  void flushOlderThan(uint64_t ageNs, uint64_t nowNs) {
    // Signed: packets may be a little older than the clock that opened the block.
    if (block_ >= 0 && rows_ > 0 && static_cast<int64_t>(nowNs - openedAtNs_) > static_cast<int64_t>(ageNs)) flush(nowNs);
  }
  void waitForRoom(uint64_t timeoutNs);
  uint64_t stalls() const { return stalls_; }

  // Consumer thread.
  int32_t take();
  void release(uint32_t block);
  void wakeProducer();
  bool holds(uint32_t block) const { return block >= firstBlock_ && block < firstBlock_ + blocks_; }

  // Any thread.
  uint32_t blocks() const { return blocks_; }
  uint32_t filled() const { return blocks_ - freeBlocks(); }
  uint32_t ready() const { return full_.size(); }
  bool isStalled() const { return stalled_.load(std::memory_order_acquire); }
  // The consumer is gone: never wait again, refuse instead.
  void abandon();

 private:
  bool open(uint64_t nowNs);
  bool takeFree(uint32_t& block);
  // A snapshot: one that is on its way to the worker's hand may count twice, or not.
  uint32_t freeBlocks() const { return std::min(blocks_, free_.size() + atHand_.load(std::memory_order_acquire)); }

  const BlockBuffer& buffer_;
  const uint32_t thread_;
  const uint32_t firstBlock_;
  const uint32_t blocks_;
  const WhenFull whenFull_;
  Doorbell& consumerBell_;
  Doorbell producerBell_;
  IndexRing free_;
  IndexRing full_;
  // Free ones that the worker has at hand, and how many: the one that came back last is used next, since its lines are in the caches still.
  std::vector<uint32_t> stack_;
  std::atomic<uint32_t> atHand_{0};
  std::atomic<bool> abandoned_{false};
  std::atomic<bool> stalled_{false};

  int64_t block_ = -1;
  uint32_t rows_ = 0;
  uint64_t openedAtNs_ = 0;
  uint64_t sequence_ = 0;
  uint64_t stalls_ = 0;
};

}  // namespace flowspan
