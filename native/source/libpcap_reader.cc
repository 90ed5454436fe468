#include "libpcap_reader.h"

#include <pcap/pcap.h>

#include <algorithm>
#include <cstring>

#include "clocks.h"
#include "failure.h"
#include "link_type.h"

namespace flowspan {

namespace {
constexpr size_t kCopyOctets = 4 * kPacketOctetsMax;
}

LibpcapReader::LibpcapReader(const std::string& path) : copies_(kCopyOctets) {
  path_ = path;
  open();
}

LibpcapReader::~LibpcapReader() {
  if (handle_ != nullptr) pcap_close(handle_);
}

void LibpcapReader::open() {
  char words[PCAP_ERRBUF_SIZE] = {};
  handle_ = pcap_open_offline_with_tstamp_precision(path_.c_str(), PCAP_TSTAMP_PRECISION_NANO, words);
  if (handle_ == nullptr) throw Failure("EBADCAPTURE", path_ + " is no capture at offset 0 (" + words + "), 0 packets read before it");
  linkNumber_ = static_cast<uint32_t>(pcap_datalink(handle_));
  const auto link = linkTypeOf(linkNumber_);
  if (!link) {
    pcap_close(handle_);
    handle_ = nullptr;
    throw Failure("ELINKTYPE", path_ + " has link type " + linkTypeWords(linkNumber_) + ", which is not supported");
  }
  link_ = *link;
}

ReadState LibpcapReader::read(PacketBatch& batch) {
  if (batch.count == 0) used_ = 0;
  while (batch.count < kBatchPackets) {
    if (copies_.size() - used_ < kPacketOctetsMax) return ReadState::refill;
    pcap_pkthdr* header = nullptr;
    const u_char* data = nullptr;
    const int result = pcap_next_ex(handle_, &header, &data);
    if (result == PCAP_ERROR_BREAK) return ReadState::end;
    if (result != 1) {
      FILE* file = pcap_file(handle_);
      return damaged(file != nullptr ? static_cast<uint64_t>(std::max(0l, ftell(file))) : 0, pcap_geterr(handle_));
    }
    const uint32_t captured = std::min<uint32_t>(header->caplen, kPacketOctetsMax);
    std::memcpy(copies_.data() + used_, data, captured);
    const uint64_t ns = static_cast<uint64_t>(header->ts.tv_sec) * kNsPerSecond + static_cast<uint64_t>(header->ts.tv_usec);
    batch.packets[batch.count++] = {copies_.data() + used_, ns, captured, std::max<uint32_t>(header->len, captured), 0, 0, link_, 0};
    packets_++;
    used_ += captured;
  }
  return ReadState::full;
}

bool LibpcapReader::rewind() {
  pcap_close(handle_);
  handle_ = nullptr;
  packets_ = 0;
  try {
    open();
  } catch (const Failure& failure) {
    trouble_ = failure.what();  // the file was replaced meanwhile: the replay ends here, with its reason
    return false;
  }
  return true;
}

}  // namespace flowspan
