// pcapng files (draft-ietf-opsawg-pcapng): sections of either byte order, several interfaces with their own link types and
// time resolutions, enhanced, simple and old packet blocks, interface statistics. Packets are lent in place.
// Limits: kInterfacesMax interfaces a section; blocks of other kinds are skipped unread.
#pragma once

#include <vector>

#include "capture_reader.h"
#include "link_type.h"

namespace flowspan {

class PcapngReader final : public CaptureReader {
 public:
  static bool recognises(const uint8_t* magic);

  PcapngReader(std::unique_ptr<ByteWindow> window, const std::string& path);
  ReadState read(PacketBatch& batch) override;
  bool rewind() override;
  uint32_t linkNumber(LinkType link) const override { return linkNumbers_[static_cast<size_t>(link)]; }
  uint64_t droppedByNic() const override;
  uint64_t droppedByKernel() const override;
  size_t memoryBytes() const override { return window_->memoryBytes(); }

 private:
  struct Interface {
    uint32_t linkNumber = 0;
    LinkType link = LinkType::ethernet;
    bool supported = false;
    uint32_t snapLength = 0;
    bool binaryResolution = false;
    uint64_t ticksPerSecond = 1'000'000;  // or the exponent of two
    int64_t offsetS = 0;
    uint64_t droppedByNic = 0;
    uint64_t droppedByKernel = 0;
  };
  enum class Step : uint8_t { packet, other, stop };

  ReadState readBlock(PacketBatch& batch);
  Step section(const uint8_t* block, uint32_t octets);
  Step interfaceBlock(const uint8_t* block, uint32_t octets);
  Step statisticsBlock(const uint8_t* block, uint32_t octets);
  Step enhancedPacket(const uint8_t* block, uint32_t octets, PacketBatch& batch);
  Step simplePacket(const uint8_t* block, uint32_t octets, PacketBatch& batch);
  Step oldPacket(const uint8_t* block, uint32_t octets, PacketBatch& batch);
  Step lend(uint32_t interface, uint64_t ns, const uint8_t* data, uint32_t captured, uint32_t wire, uint32_t room,
            PacketBatch& batch);
  Step bad(const std::string& why);
  ReadState ended(size_t needed);
  uint64_t toNs(const Interface& interface, uint64_t ticks) const;

  std::unique_ptr<ByteWindow> window_;
  std::vector<Interface> interfaces_;
  std::array<uint32_t, kLinkTypeCount> linkNumbers_{};
  uint64_t earlierDroppedByNic_ = 0;  // of sections that have ended
  uint64_t earlierDroppedByKernel_ = 0;
  uint64_t lastNs_ = 0;
  bool swapped_ = false;
};

}  // namespace flowspan
