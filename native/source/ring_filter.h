// The program a capture socket runs: a first stage that passes one packet of so many on at random, before it is copied into the
// ring; then the operator's filter. Pure.
//
// A new first stage takes effect between two packets, and nobody tells between which. So while a change passes through the
// ring, the new program keeps one octet less of each frame than the old one: what a packet was let through by can be told for
// every single one, on any number of processors.
#pragma once

#include <linux/filter.h>
#include <linux/if_packet.h>

#include <algorithm>
#include <cstdint>
#include <vector>

namespace flowspan {

struct FirstStage {
  uint32_t interval = 1;  // a power of two
  bool marks = false;     // keeps one octet less of each frame
};

// `filter` as liveFilter gives it: what it accepts, it accepts with a constant. `tail` says how much of that is kept (name_filter.h);
// without one, and while a stage marks, it is `snapLength`.
std::vector<sock_filter> ringFilter(const std::vector<sock_filter>& filter, FirstStage stage, uint32_t snapLength,
                                    const std::vector<sock_filter>& tail = {});

// Whether a program that marks let this packet through.
inline bool isMarked(const tpacket3_hdr* header, uint32_t snapLength) {
  return header->tp_snaplen < std::min(header->tp_len, snapLength);
}

// The octet that the mark cost a frame, where it may be lent as zero: in frames this short it is padding on any Ethernet, and
// without padding the end of a checksum or of the urgent pointer, which nobody reads. Of longer ones it may be content.
inline constexpr uint32_t kUnmarkedOctetsMax = 64;

}  // namespace flowspan
