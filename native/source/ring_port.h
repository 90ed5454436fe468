// One interface as one thread sees it: its socket and ring, where reading stands in it, and whether the interface is there.
// An interface that goes down, is renamed or unplugged and comes back is metered again without anybody's help.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <memory>
#include <string>

#include "early_drop.h"
#include "fanout_program.h"
#include "interface_facts.h"
#include "offloads.h"
#include "packet_socket.h"
#include "ring_clock.h"
#include "ring_filter.h"
#include "source.h"

namespace flowspan {

// Another processor has filled a block, so none of it is in this one's cache. Its memory is asked for in order, this far ahead, whatever
// packets it holds: the headers are a chain, of which each link would be waited for (native/bench/ring_walk_bench.cc).
inline constexpr ptrdiff_t kAskedAheadOctets = 2048;

struct RingOptions {
  uint64_t ringBytes = 32u << 20;
  uint32_t snapLength = 256;
  bool promiscuous = true;
  bool manageOffloads = true;
  std::string memoryFolder;
  bool earlyDrop = false;
  std::string filter;
  uint32_t firstStageInterval = 1;
  bool showsNames = false;  // packets that name hosts are kept longer than `snapLength`
  uint32_t part = 0;
  uint32_t parts = 1;
};

// What the threads of one interface share. They join its fanout group in order, also after it was gone, so that a hash means
// the same thread on every interface: the two halves of a TAP meet.
struct RingGroup {
  std::atomic<uint32_t> joined{0};
  std::atomic<uint32_t> id{0};
  std::atomic<uint64_t> tapped{0};  // packets the kernel gave to any of the threads
  std::atomic<uint64_t> sampled{0};  // estimate of those that first stages did not let through
};

class RingPort {
 public:
  // Throws Failure: ENODEV, EPERM, ENOMEM, EBADFILTER, ELINKTYPE.
  RingPort(const std::string& name, const RingOptions& options, std::shared_ptr<RingGroup> group);
  void start();
  // Lets nothing new in; the ring's packets are still to be read.
  void closeIntake();
  bool isEmpty() const { return left_ == 0 && block_ == nullptr && (!socket_ || socket_->readyBlock() == nullptr); }

  int fd() const { return socket_ ? socket_->fd() : -1; }
  // Gives the finished block back; its packets are no longer used.
  void releaseFinished();
  // Makes the next packet available; false when the ring has none. `wallShift` is the test's.
  template <typename WallShift>
  bool advance(RingClock& clock, const WallShift& shift);
  bool hasPacket() const { return left_ > 0; }
  uint64_t nextNs() const { return nextNs_; }
  // The stage from now on; false when the kernel refused and it must be tried again. `mixed`: packets with and without the mark
  // may come, so each is looked at.
  bool setStage(FirstStage stage, bool mixed);
  bool nextIsMarked() const { return isMarked(reinterpret_cast<const tpacket3_hdr*>(at_), options_.snapLength); }
  // Until the kernel takes it, which every check tries again, what is kept of packets is as before.
  void showNames(bool on);
  void lookForMarks(bool on) { mixed_ = on; }
  // Whether all that the ring held at some moment was read since: `noteContent` is that moment.
  void noteContent(uint64_t nowNs);
  bool isPastContent(uint64_t nowNs) const;
  // Lends the packet and steps to the following one.
  template <typename WallShift>
  void take(PacketView& to, const WallShift& shift);
  // The block behind the packets lent last is used up: the batch must be metered before going on.
  bool isBlockFinished() const { return block_ != nullptr && left_ == 0; }

  // Looks after the interface; a few times a second.
  void check();
  void refreshCounters();
  void report(InterfaceReport& to) const;
  std::string trouble() const;
  bool isUp() const { return up_; }
  uint64_t received() const { return received_; }
  uint64_t droppedByKernel() const { return droppedByKernel_; }
  uint64_t droppedByNic() const { return droppedByNic_; }
  uint64_t filtered() const { return filtered_; }
  uint64_t sampledByKernel() const { return sampledByKernel_; }
  uint32_t ringFilledPercent() const { return socket_ ? socket_->filledPercent() : 0; }
  size_t memoryBytes() const { return socket_ ? socket_->octets() : 0; }

 private:
  void openSocket();
  std::vector<sock_filter> program(FirstStage stage, bool showsNames) const;
  bool attach(FirstStage stage, bool showsNames);
  void bindSocket();
  void leave();
  void attend();
  void reopen();
  void makeWhole(PacketView& packet);
  void askAhead() {
    const uint8_t* until = std::min<const uint8_t*>(at_ + kAskedAheadOctets, end_);
    for (; asked_ < until; asked_ += 64) __builtin_prefetch(asked_);
  }

  const std::string configured_;
  const RingOptions options_;
  const std::shared_ptr<RingGroup> group_;
  std::string name_;
  uint32_t index_ = 0;
  LinkType link_ = LinkType::ethernet;
  std::unique_ptr<PacketSocket> socket_;
  std::unique_ptr<Offloads> offloads_;
  std::unique_ptr<EarlyDrop> earlyDrop_;
  uint64_t attendedNs_ = 0;
  std::vector<sock_filter> filter_;
  FirstStage stage_;
  bool showsNames_ = false;  // of the program in force
  bool wantsNames_ = false;
  bool mixed_ = false;
  // Frames that the mark cut, made whole again: never in the ring, where the next packet's header may follow without a gap. As
  // many as a batch has packets, so that a place comes round again only in a later one.
  std::array<std::array<uint8_t, kUnmarkedOctetsMax>, kBatchPackets> whole_{};
  size_t wholeNext_ = 0;
  bool bound_ = false;
  bool up_ = false;
  bool gone_ = false;
  bool closed_ = false;
  uint64_t goneNs_ = 0;
  uint32_t mtu_ = 0;
  std::string failure_;  // why opening it again did not work
  std::string refusal_;  // why the program is still the former one

  uint64_t blocksRead_ = 0;
  uint64_t contentEnds_ = 0;  // of blocksRead_
  uint64_t contentNs_ = 0;
  tpacket_block_desc* block_ = nullptr;
  uint8_t* at_ = nullptr;
  const uint8_t* asked_ = nullptr;
  const uint8_t* end_ = nullptr;
  uint32_t left_ = 0;
  uint64_t nextNs_ = 0;
  BlockTime time_;

  uint64_t received_ = 0;
  uint64_t droppedByKernel_ = 0;
  uint64_t droppedByNic_ = 0;
  uint64_t portPackets_ = 0;
  uint64_t filtered_ = 0;
  uint64_t sampledByKernel_ = 0;
  InterfaceCounters baseline_;
};

template <typename WallShift>
inline uint64_t wallStamp(const tpacket3_hdr* header, const WallShift& shift) {
  return shift(static_cast<uint64_t>(header->tp_sec) * 1'000'000'000ull + header->tp_nsec);
}

template <typename WallShift>
bool RingPort::advance(RingClock& clock, const WallShift& shift) {
  while (left_ == 0) {
    if (!socket_ || block_ != nullptr) return false;
    block_ = socket_->readyBlock();
    if (block_ == nullptr) return false;
    time_ = clock.openBlock(shift.monotonic(), shift.wall());
    left_ = block_->hdr.bh1.num_pkts;
    at_ = reinterpret_cast<uint8_t*>(block_) + block_->hdr.bh1.offset_to_first_pkt;
    asked_ = at_;
    end_ = reinterpret_cast<uint8_t*>(block_) + block_->hdr.bh1.blk_len;
    if (left_ == 0) {
      releaseFinished();
      continue;
    }
    nextNs_ = time_.toRowNs(wallStamp(reinterpret_cast<const tpacket3_hdr*>(at_), shift));
  }
  return true;
}

template <typename WallShift>
void RingPort::take(PacketView& to, const WallShift& shift) {
  const auto* header = reinterpret_cast<const tpacket3_hdr*>(at_);
  to.data = at_ + header->tp_mac;
  to.ns = nextNs_;
  to.captured = header->tp_snaplen;
  to.wire = header->tp_len;
  to.interfaceIndex = index_;
  to.vlanTpid = to.vlanTci = 0;
  to.link = link_;
  if (header->tp_status & TP_STATUS_VLAN_VALID) {
    // The kernel took four octets out of the frame (skb_vlan_untag); on the wire they were there.
    to.vlanTpid = header->tp_status & TP_STATUS_VLAN_TPID_VALID ? header->hv1.tp_vlan_tpid : 0x8100;
    to.vlanTci = static_cast<uint16_t>(header->hv1.tp_vlan_tci);
    to.wire += 4;
  }
  if (mixed_ && to.captured < to.wire && header->tp_len <= kUnmarkedOctetsMax && nextIsMarked()) [[unlikely]] {
    makeWhole(to);
  }
  received_++;
  if (--left_ > 0) {
    at_ += header->tp_next_offset;
    askAhead();
    const auto* following = reinterpret_cast<const tpacket3_hdr*>(at_);
    nextNs_ = time_.toRowNs(wallStamp(following, shift));
  }
}

}  // namespace flowspan
