// pcap_compile was not safe between threads before libpcap 1.8 and takes milliseconds: it runs when a link type first occurs.
#include "packet_filter.h"

#include <pcap/pcap.h>

#include "capture_reader.h"
#include "failure.h"

namespace flowspan {

PacketFilter::PacketFilter(std::string expression) : expression_(std::move(expression)) {}

PacketFilter::~PacketFilter() {
  for (auto& program : programs_) {
    if (program) pcap_freecode(program.get());
  }
}

void PacketFilter::prepare(LinkType link, uint32_t linkNumber) {
  pcap_t* handle = pcap_open_dead(static_cast<int>(linkNumber), kPacketOctetsMax);
  if (handle == nullptr) throw Failure("ENOMEM", "no memory to compile the filter");
  auto program = std::make_unique<bpf_program>();
  const int result = pcap_compile(handle, program.get(), expression_.c_str(), 1, PCAP_NETMASK_UNKNOWN);
  const std::string words = result == 0 ? "" : pcap_geterr(handle);
  pcap_close(handle);
  if (result != 0) {
    throw Failure("EBADFILTER", "filter \"" + expression_ + "\" on link type " + linkTypeWords(linkNumber) + ": " + words);
  }
  programs_[static_cast<size_t>(link)] = std::move(program);
}

bool PacketFilter::matches(const PacketView& packet) const {
  pcap_pkthdr header{};
  header.caplen = packet.captured;
  header.len = packet.wire;
  return pcap_offline_filter(programs_[static_cast<size_t>(packet.link)].get(), &header, packet.data) != 0;
}

}  // namespace flowspan
