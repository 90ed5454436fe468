// One AF_PACKET socket with its TPACKET_V3 ring (Documentation/networking/packet_mmap.rst): memory shared with the kernel,
// which fills blocks of packets and hands them over by a status word. Owned by one thread at a time.
#pragma once

#include <linux/filter.h>
#include <linux/if_packet.h>

#include <cstdint>
#include <vector>

namespace flowspan {

struct RingStatistics {
  uint64_t tapped = 0;   // passed the filter, dropped ones included
  uint64_t dropped = 0;  // of these: the ring was full
};

// Throws Failure EPERM, with how to grant it, when this process may not capture.
void requireCaptureRight();

class PacketSocket {
 public:
  // Takes the ring's memory. Throws Failure: EPERM, ENOMEM, EINVAL.
  explicit PacketSocket(uint64_t ringOctets);
  ~PacketSocket();
  PacketSocket(const PacketSocket&) = delete;
  PacketSocket& operator=(const PacketSocket&) = delete;

  void attach(const std::vector<sock_filter>& program);
  // From here on packets come in. Throws Failure: ENODEV, ENETDOWN, EINVAL.
  void bindTo(uint32_t interface, bool promiscuous);
  // Makes a group of threads that share the packets, and returns its id (any number, 0 too).
  uint16_t makeFanout(const std::vector<sock_filter>& program);
  void joinFanout(uint16_t id, const std::vector<sock_filter>& program);

  int fd() const { return fd_; }
  uint64_t octets() const { return octets_; }
  // Counts since the last call.
  RingStatistics takeStatistics() const;
  // Clears and returns what poll(2) reports as POLLERR.
  int takeError() const;

  // The next block if the kernel has handed it over, else nullptr.
  tpacket_block_desc* readyBlock() const;
  // Blocks the kernel has handed over and nobody has given back.
  uint64_t filledBlocks() const;
  uint32_t filledPercent() const { return static_cast<uint32_t>(filledBlocks() * 100 / blocks_); }
  // Gives that block back and moves on.
  void giveBack();

 private:
  void enterFanout(uint32_t id, uint32_t flags, const std::vector<sock_filter>& program);
  tpacket_block_desc* block() const { return reinterpret_cast<tpacket_block_desc*>(memory_ + next_ * blockOctets_); }

  int fd_ = -1;
  uint8_t* memory_ = nullptr;
  uint64_t octets_ = 0;
  uint64_t blockOctets_ = 0;
  uint64_t blocks_ = 0;
  uint64_t next_ = 0;
};

// How long the kernel keeps an unfinished block to itself.
inline constexpr uint32_t kRetireMs = 20;
// After this time without packets nothing is left in one: its timer hands a block over at the second look that finds it the
// same (prb_retire_rx_blk_timer_expired in the kernel's af_packet.c), and may itself be late by a jiffy or two.
inline constexpr uint64_t kRingSettledNs = 3 * kRetireMs * 1'000'000ull;

}  // namespace flowspan
