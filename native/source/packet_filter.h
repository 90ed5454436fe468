// A BPF expression applied to packets of a capture file, compiled once per link type that occurs. Owned by one thread.
#pragma once

#include <array>
#include <memory>
#include <string>

#include "link_type.h"

struct bpf_program;

namespace flowspan {

class PacketFilter {
 public:
  explicit PacketFilter(std::string expression);
  ~PacketFilter();

  // Compiles for a link type; throws Failure EBADFILTER with libpcap's words.
  void prepare(LinkType link, uint32_t linkNumber);
  bool isPrepared(LinkType link) const { return programs_[static_cast<size_t>(link)] != nullptr; }
  bool matches(const PacketView& packet) const;

 private:
  std::string expression_;
  std::array<std::unique_ptr<bpf_program>, kLinkTypeCount> programs_;
};

}  // namespace flowspan
