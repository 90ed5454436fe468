// Every other capture format libpcap knows (modified pcap headers and the like). Packets are copied, because libpcap only
// lends one at a time. Limits: one batch of copies, kCopyOctets.
#pragma once

#include <vector>

#include "capture_reader.h"

struct pcap;

namespace flowspan {

class LibpcapReader final : public CaptureReader {
 public:
  explicit LibpcapReader(const std::string& path);
  ~LibpcapReader() override;
  ReadState read(PacketBatch& batch) override;
  bool rewind() override;
  uint32_t linkNumber(LinkType) const override { return linkNumber_; }
  size_t memoryBytes() const override { return copies_.size(); }

 private:
  void open();

  pcap* handle_ = nullptr;
  std::vector<uint8_t> copies_;
  size_t used_ = 0;
  uint32_t linkNumber_ = 0;
  LinkType link_ = LinkType::ethernet;
};

}  // namespace flowspan
