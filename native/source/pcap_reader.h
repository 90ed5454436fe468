// Classic pcap files (draft-ietf-opsawg-pcap): both byte orders, micro- and nanoseconds. Packets are lent in place.
#pragma once

#include "capture_reader.h"

namespace flowspan {

class PcapReader final : public CaptureReader {
 public:
  static bool recognises(const uint8_t* magic);

  PcapReader(std::unique_ptr<ByteWindow> window, const std::string& path);
  ReadState read(PacketBatch& batch) override;
  bool rewind() override;
  uint32_t linkNumber(LinkType) const override { return linkNumber_; }
  size_t memoryBytes() const override { return window_->memoryBytes(); }

 private:
  template <bool swapped>
  void takeWhole(PacketBatch& batch);
  template <bool swapped>
  ReadState readRecords(PacketBatch& batch);
  ReadState ended(size_t needed, bool inPacket);

  std::unique_ptr<ByteWindow> window_;
  uint32_t linkNumber_ = 0;
  LinkType link_ = LinkType::ethernet;
  uint64_t nsPerTick_ = 1000;
  bool swapped_ = false;
};

}  // namespace flowspan
