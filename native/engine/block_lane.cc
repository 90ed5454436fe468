// Wake-ups are rare on purpose: a sleeping side is woken when half of the blocks are its own, or when the other side has
// nothing left to do. So a worker and JavaScript that share one core change places a few times a megabyte, not per block.
#include "block_lane.h"

#include <algorithm>
#include <cstring>

#include "../core/byte_order.h"

namespace flowspan {

namespace {
constexpr uint64_t kWaitNs = 20'000'000;

template <typename T>
void store(uint8_t* block, uint32_t offset, T value) {
  std::memcpy(block + offset, &value, sizeof value);
}
}  // namespace

BlockLane::BlockLane(const BlockBuffer& buffer, uint32_t thread, uint32_t firstBlock, uint32_t blocks, WhenFull whenFull,
                     Doorbell& consumerBell)
    : buffer_(buffer),
      thread_(thread),
      firstBlock_(firstBlock),
      blocks_(blocks),
      whenFull_(whenFull),
      consumerBell_(consumerBell),
      free_(blocks),
      full_(blocks) {
  stack_.reserve(blocks);
  // The first on top.
  for (uint32_t i = blocks; i > 0; i--) stack_.push_back(firstBlock + i - 1);
  atHand_.store(blocks, std::memory_order_release);
}

bool BlockLane::takeFree(uint32_t& block) {
  uint32_t returned = 0;
  while (free_.pop(returned)) {
    stack_.push_back(returned);
    atHand_.store(static_cast<uint32_t>(stack_.size()), std::memory_order_release);
  }
  if (stack_.empty()) return false;
  block = stack_.back();
  stack_.pop_back();
  atHand_.store(static_cast<uint32_t>(stack_.size()), std::memory_order_release);
  return true;
}

Row* BlockLane::next(uint64_t nowNs) {
  if (block_ >= 0 && rows_ == buffer_.rowsPerBlock()) flush(nowNs);
  if (block_ < 0 && !open(nowNs)) return nullptr;
  uint8_t* rows = buffer_.block(static_cast<uint32_t>(block_)) + block_header::kBytes;
  return reinterpret_cast<Row*>(rows + static_cast<size_t>(rows_++) * kRowBytes);
}

bool BlockLane::open(uint64_t nowNs) {
  uint32_t index = 0;
  if (!takeFree(index)) {
    stalls_++;
    if (whenFull_ == WhenFull::refuse) return false;
    stalled_.store(true, std::memory_order_release);
    for (;;) {
      const uint32_t seen = producerBell_.seen();
      if (takeFree(index)) break;
      if (abandoned_.load(std::memory_order_acquire)) {
        stalled_.store(false, std::memory_order_release);
        return false;
      }
      consumerBell_.ring();
      producerBell_.wait(seen, kWaitNs);
    }
    stalled_.store(false, std::memory_order_release);
  }
  block_ = index;
  rows_ = 0;
  openedAtNs_ = nowNs;
  return true;
}

bool BlockLane::hasRoom() const {
  return (whenFull_ == WhenFull::block && !abandoned_.load(std::memory_order_relaxed)) || freeBlocks() > 0;
}

void BlockLane::flush(uint64_t nowNs) {
  if (block_ < 0 || rows_ == 0) return;
  uint8_t* block = buffer_.block(static_cast<uint32_t>(block_));
  const uint8_t* row = block + block_header::kBytes;
  uint64_t firstStart = UINT64_MAX;
  uint64_t lastEnd = 0;
  for (uint32_t i = 0; i < rows_; i++, row += kRowBytes) {
    firstStart = std::min(firstStart, load64(row + offsetof(Row, flowStart)));
    lastEnd = std::max(lastEnd, load64(row + offsetof(Row, flowEnd)));
  }
  store(block, block_header::kRowCount, rows_);
  store(block, block_header::kThread, thread_);
  store(block, block_header::kSequence, sequence_++);
  store(block, block_header::kClosedAtNs, nowNs);
  store(block, block_header::kFirstRowStartNs, firstStart);
  store(block, block_header::kLastRowEndNs, lastEnd);
  full_.push(static_cast<uint32_t>(block_));
  block_ = -1;
  rows_ = 0;
  if (full_.size() * 2 >= blocks_) consumerBell_.ring();
}

void BlockLane::waitForRoom(uint64_t timeoutNs) {
  const uint32_t seen = producerBell_.seen();
  if (freeBlocks() > 0 || abandoned_.load(std::memory_order_acquire)) return;
  consumerBell_.ring();
  producerBell_.wait(seen, timeoutNs);
}

int32_t BlockLane::take() {
  uint32_t index = 0;
  return full_.pop(index) ? static_cast<int32_t>(index) : -1;
}

void BlockLane::release(uint32_t block) {
  free_.push(block);
  if (freeBlocks() * 2 >= blocks_) wakeProducer();
}

void BlockLane::wakeProducer() {
  producerBell_.ring();
}

void BlockLane::abandon() {
  abandoned_.store(true, std::memory_order_release);
  producerBell_.ring();
}

}  // namespace flowspan
