// Headers of packets that came lately, each with what decoding made of it. The next packet of a flow differs in little but length,
// identification, checksum and what TCP says: where all else agrees, octet for octet, key, hash and ranges are those of the packet
// before, and the entry is most likely the same. An answer from here is what decoding would have answered, so nothing has to be taken
// back when a flow ends; the entry alone is a guess, as one from the index is. See decode_recent.h. Owner: the core's thread.
//
// It pays where packets of few flows follow each other; where they do not, a header that is kept and looked at in vain costs more than
// it saves. So it is tried for kTrialPackets every kRestPackets, and used while most packets are recognised. Where nearly all are, they
// are counted at once (batch_recent.cc).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "flow_key.h"

namespace flowspan {

struct FlowEntry;

struct alignas(16) RecentHeader {
  static constexpr unsigned kPairsMax = 3;

  WordPair octets[kPairsMax];  // of the IP header and the ports, what has to agree
  FlowKey key;
  uint64_t hash;
  uint64_t identity;  // the part of packet_identity.h that stands
  FlowEntry* flow;    // where a packet like this was counted last; null before one was
  uint64_t traits;    // DecodedPacket::traits
  uint32_t link;      // four octets behind the MACs: the tag, or EtherType and the first two of IP
  uint32_t shape;     // ip_shape.h, without length
  uint32_t flowLabel;
  uint8_t interfaceSlot;
  uint8_t side;
  int8_t onlyTcp;            // all ones, or 0 for UDP
  uint8_t identificationAt;  // where IPv4 has it in the frame; else 0

  // DecodedPacket::identified of a frame with this header.
  bool isIdentified(const uint8_t* frame) const { return identificationAt != 0 && (frame[identificationAt] | frame[identificationAt + 1]) != 0; }
};
static_assert(sizeof(RecentHeader) == 144);

class RecentHeaders {
 public:
  static constexpr unsigned kSlotShift = 8;
  static constexpr uint32_t kRestPackets = 65'536, kTrialPackets = 512;

  explicit RecentHeaders(bool used) : used_(used), asked_(used), most_(used) {}

  // Whether packets of this batch are looked for here, and kept.
  bool isAsked() const { return asked_; }
  // Whether so many are recognised that the others may be metered one by one.
  bool isMost() const { return most_; }
  // The place of a header: `mixed` is a sum of words that tell flows apart. An odd multiplier brings all of it into the upper bits.
  RecentHeader& at(uint64_t mixed) { return headers_[mixed * 0x9e37'79b9'7f4a'7c15ull >> (64 - kSlotShift)]; }

  // After a batch: whether the next ones are to be looked for. Of a stretch the second half counts, since the first one fills the places.
  // True when that changes.
  bool judge(size_t packets, size_t recognised) {
    const bool before = asked_;
    passed_ += static_cast<uint32_t>(packets);
    if (!asked_) {
      if (passed_ >= kRestPackets && used_) begin(true);
    } else if (passed_ > kTrialPackets / 2) {
      counted_ += static_cast<uint32_t>(packets);
      recognised_ += static_cast<uint32_t>(recognised);
      if (passed_ >= kTrialPackets) {
        most_ = recognised_ >= counted_ / 32 * 31;
        begin(recognised_ >= counted_ / 4 * 3);
      }
    }
    return asked_ != before;
  }

 private:
  void begin(bool asked) {
    asked_ = asked;
    passed_ = counted_ = recognised_ = 0;
  }

  const bool used_;
  bool asked_;
  bool most_;  // at first too, so that a few packets show whether both ways agree
  uint32_t passed_ = 0;  // packets since this was last decided
  uint32_t counted_ = 0;
  uint32_t recognised_ = 0;
  std::array<RecentHeader, 1u << kSlotShift> headers_{};
};

}  // namespace flowspan
