#include "pcapng_reader.h"

#include <algorithm>

#include "clocks.h"
#include "failure.h"
#include "octets.h"
#include "pcapng_options.h"

namespace flowspan {

namespace {
constexpr uint32_t kSectionBlock = 0x0a0d0d0a;  // reads the same in both byte orders
constexpr uint32_t kByteOrderMagic = 0x1a2b3c4d;
enum BlockType : uint32_t { kInterface = 1, kOldPacket = 2, kSimplePacket = 3, kStatistics = 5, kEnhancedPacket = 6 };
constexpr size_t kInterfacesMax = 4096;
constexpr uint32_t kBlockOctetsMin = 12;
// Of blocks that must be in view as a whole: the longest packet with room for its options. The window holds that much.
constexpr uint32_t kBlockOctetsMax = 1u << 20;

bool isRead(uint32_t type) {
  return type == kSectionBlock || type == kInterface || type == kOldPacket || type == kSimplePacket || type == kStatistics ||
         type == kEnhancedPacket;
}
}  // namespace

bool PcapngReader::recognises(const uint8_t* magic) { return loadRaw<uint32_t>(magic) == kSectionBlock; }

PcapngReader::PcapngReader(std::unique_ptr<ByteWindow> window, const std::string& path) : window_(std::move(window)) {
  path_ = path;
  // The first packet is read here and again later, so that a wrong link type is told by open().
  PacketBatch first;
  first.count = kBatchPackets - 1;
  ReadState state;
  do {
    state = readBlock(first);
  } while (state == ReadState::full && first.count < kBatchPackets);
  if (!trouble_.empty() && packets_ == 0) {
    const size_t colon = trouble_.find(": ");
    throw Failure(trouble_.substr(0, colon), trouble_.substr(colon + 2));
  }
  rewind();
}

bool PcapngReader::rewind() {
  interfaces_.clear();
  trouble_.clear();
  packets_ = lastNs_ = earlierDroppedByNic_ = earlierDroppedByKernel_ = 0;
  return window_->rewind();
}

ReadState PcapngReader::read(PacketBatch& batch) {
  while (batch.count < kBatchPackets) {
    const ReadState state = readBlock(batch);
    if (state != ReadState::full) return state;
  }
  return ReadState::full;
}

ReadState PcapngReader::readBlock(PacketBatch& batch) {
  ByteWindow& window = *window_;
  if (window.inView() < kBlockOctetsMin) {
    if (batch.count > 0 && packets_ > 0) return ReadState::refill;
    if (!window.need(kBlockOctetsMin)) return ended(kBlockOctetsMin);
  }
  askForRecord(window.at + kAskedAhead);
  const uint32_t rawType = loadRaw<uint32_t>(window.at);
  if (rawType == kSectionBlock) {
    const uint32_t order = loadRaw<uint32_t>(window.at + 8);
    if (order != kByteOrderMagic && order != swapOctets(kByteOrderMagic)) {
      return damaged(window.offset(), "a section without byte-order magic");
    }
    swapped_ = order != kByteOrderMagic;
  }
  const uint32_t type = load<uint32_t>(window.at, swapped_);
  const uint32_t octets = load<uint32_t>(window.at + 4, swapped_);
  if (octets < kBlockOctetsMin || octets % 4 != 0) {
    return damaged(window.offset(), "a block claims " + std::to_string(octets) + " octets");
  }
  if (!isRead(type)) {
    if (octets <= window.inView()) {
      window.at += octets;
      return ReadState::full;
    }
    if (batch.count > 0 && packets_ > 0) return ReadState::refill;
    const uint64_t offset = window.offset();
    if (!window.skip(octets)) return damaged(offset, "the file ends inside a block");
    return ReadState::full;
  }
  if (octets > kBlockOctetsMax) return damaged(window.offset(), "a packet block claims " + std::to_string(octets) + " octets");
  if (window.inView() < octets) {
    if (batch.count > 0 && packets_ > 0) return ReadState::refill;
    if (!window.need(octets)) return ended(octets);
  }
  const uint8_t* block = window.at;
  if (load<uint32_t>(block + octets - 4, swapped_) != octets) return damaged(window.offset(), "a block's two lengths differ");
  Step step = Step::other;
  switch (type) {
    case kSectionBlock: step = section(block, octets); break;
    case kInterface: step = interfaceBlock(block, octets); break;
    case kStatistics: step = statisticsBlock(block, octets); break;
    case kEnhancedPacket: step = enhancedPacket(block, octets, batch); break;
    case kSimplePacket: step = simplePacket(block, octets, batch); break;
    case kOldPacket: step = oldPacket(block, octets, batch); break;
    default: break;
  }
  if (step == Step::stop) return ReadState::end;
  window.at += octets;
  return ReadState::full;
}

// A new section starts with no interfaces.
PcapngReader::Step PcapngReader::section(const uint8_t* block, uint32_t octets) {
  if (octets < 28) return bad("a section header of " + std::to_string(octets) + " octets");
  const uint16_t major = load<uint16_t>(block + 12, swapped_);
  if (major != 1) return bad("pcapng version " + std::to_string(major));
  earlierDroppedByNic_ = droppedByNic();
  earlierDroppedByKernel_ = droppedByKernel();
  interfaces_.clear();
  return Step::other;
}

PcapngReader::Step PcapngReader::interfaceBlock(const uint8_t* block, uint32_t octets) {
  if (octets < 20) return bad("an interface description of " + std::to_string(octets) + " octets");
  if (interfaces_.size() == kInterfacesMax) return bad("more than " + std::to_string(kInterfacesMax) + " interfaces");
  Interface interface;
  interface.linkNumber = load<uint16_t>(block + 8, swapped_);
  interface.snapLength = load<uint32_t>(block + 12, swapped_);
  if (const auto link = linkTypeOf(interface.linkNumber)) {
    interface.link = *link;
    interface.supported = true;
    linkNumbers_[static_cast<size_t>(*link)] = interface.linkNumber;
  }
  PcapngOptions options(block + 16, block + octets - 4, swapped_);
  while (options.next()) {
    if (options.code == 9 && options.octets >= 1) {  // if_tsresol: a power of ten, or of two when the top bit is set
      const uint8_t exponent = options.value[0] & 0x7f;
      interface.binaryResolution = (options.value[0] & 0x80) != 0;
      if (exponent > (interface.binaryResolution ? 63 : 19)) return bad("a time resolution of exponent " + std::to_string(exponent));
      interface.ticksPerSecond = exponent;
      if (!interface.binaryResolution) {
        interface.ticksPerSecond = 1;
        for (int i = 0; i < exponent; i++) interface.ticksPerSecond *= 10;
      }
    } else if (options.code == 14 && options.octets >= 8) {  // if_tsoffset, seconds
      interface.offsetS = static_cast<int64_t>(load<uint64_t>(options.value, swapped_));
    }
  }
  interfaces_.push_back(interface);
  return Step::other;
}

// Cumulative since the start of the capture, so the latest counts.
PcapngReader::Step PcapngReader::statisticsBlock(const uint8_t* block, uint32_t octets) {
  if (octets < 24) return bad("interface statistics of " + std::to_string(octets) + " octets");
  const uint32_t id = load<uint32_t>(block + 8, swapped_);
  if (id >= interfaces_.size()) return Step::other;
  PcapngOptions options(block + 20, block + octets - 4, swapped_);
  while (options.next()) {
    if (options.octets < 8) continue;
    const uint64_t value = load<uint64_t>(options.value, swapped_);
    if (options.code == 5) interfaces_[id].droppedByNic = value;     // isb_ifdrop
    if (options.code == 7) interfaces_[id].droppedByKernel = value;  // isb_osdrop
  }
  return Step::other;
}

PcapngReader::Step PcapngReader::enhancedPacket(const uint8_t* block, uint32_t octets, PacketBatch& batch) {
  if (octets < 32) return bad("a packet block of " + std::to_string(octets) + " octets");
  const uint32_t id = load<uint32_t>(block + 8, swapped_);
  const uint64_t ticks = static_cast<uint64_t>(load<uint32_t>(block + 12, swapped_)) << 32 | load<uint32_t>(block + 16, swapped_);
  const uint64_t ns = id < interfaces_.size() ? toNs(interfaces_[id], ticks) : 0;
  return lend(id, ns, block + 28, load<uint32_t>(block + 20, swapped_), load<uint32_t>(block + 24, swapped_), octets - 32, batch);
}

// Carries no time of its own: it happened when its neighbour did.
PcapngReader::Step PcapngReader::simplePacket(const uint8_t* block, uint32_t octets, PacketBatch& batch) {
  if (octets < 16) return bad("a packet block of " + std::to_string(octets) + " octets");
  const uint32_t wire = load<uint32_t>(block + 8, swapped_);
  uint32_t captured = std::min(wire, octets - 16);
  if (!interfaces_.empty() && interfaces_[0].snapLength > 0) captured = std::min(captured, interfaces_[0].snapLength);
  return lend(0, lastNs_, block + 12, captured, wire, octets - 16, batch);
}

PcapngReader::Step PcapngReader::oldPacket(const uint8_t* block, uint32_t octets, PacketBatch& batch) {
  if (octets < 32) return bad("a packet block of " + std::to_string(octets) + " octets");
  const uint32_t id = load<uint16_t>(block + 8, swapped_);
  const uint64_t ticks = static_cast<uint64_t>(load<uint32_t>(block + 12, swapped_)) << 32 | load<uint32_t>(block + 16, swapped_);
  const uint64_t ns = id < interfaces_.size() ? toNs(interfaces_[id], ticks) : 0;
  return lend(id, ns, block + 28, load<uint32_t>(block + 20, swapped_), load<uint32_t>(block + 24, swapped_), octets - 32, batch);
}

PcapngReader::Step PcapngReader::lend(uint32_t interface, uint64_t ns, const uint8_t* data, uint32_t captured, uint32_t wire,
                                      uint32_t room, PacketBatch& batch) {
  if (interface >= interfaces_.size()) return bad("a packet of interface " + std::to_string(interface) + ", which is not described");
  if (captured > room || captured > kPacketOctetsMax) return bad("a packet claims " + std::to_string(captured) + " octets");
  const Interface& from = interfaces_[interface];
  if (!from.supported) {
    trouble_ = "ELINKTYPE: " + path_ + " has link type " + linkTypeWords(from.linkNumber) + " on interface " +
               std::to_string(interface) + ", which is not supported, " + std::to_string(packets_) + " packets read before it";
    return Step::stop;
  }
  lastNs_ = ns;
  batch.packets[batch.count++] = {data, ns, captured, std::max(wire, captured), interface, 0, from.link, 0};
  packets_++;
  return Step::packet;
}

uint64_t PcapngReader::toNs(const Interface& interface, uint64_t ticks) const {
  const uint64_t offsetNs = static_cast<uint64_t>(interface.offsetS) * kNsPerSecond;
  if (!interface.binaryResolution && interface.ticksPerSecond == 1'000'000) return ticks * 1000 + offsetNs;
  if (!interface.binaryResolution && interface.ticksPerSecond == kNsPerSecond) return ticks + offsetNs;
  const auto scaled = static_cast<unsigned __int128>(ticks) * kNsPerSecond;
  const auto ns = interface.binaryResolution ? scaled >> interface.ticksPerSecond : scaled / interface.ticksPerSecond;
  return static_cast<uint64_t>(ns) + offsetNs;
}

uint64_t PcapngReader::droppedByNic() const {
  uint64_t sum = earlierDroppedByNic_;
  for (const Interface& interface : interfaces_) sum += interface.droppedByNic;
  return sum;
}

uint64_t PcapngReader::droppedByKernel() const {
  uint64_t sum = earlierDroppedByKernel_;
  for (const Interface& interface : interfaces_) sum += interface.droppedByKernel;
  return sum;
}

PcapngReader::Step PcapngReader::bad(const std::string& why) {
  damaged(window_->offset(), why);
  return Step::stop;
}

ReadState PcapngReader::ended(size_t needed) {
  if (!window_->trouble().empty()) return damaged(window_->offset(), window_->trouble());
  if (window_->inView() == 0) return ReadState::end;
  return damaged(window_->offset(), "the file ends inside a block: " + std::to_string(window_->inView()) + " of " +
                                        std::to_string(needed) + " octets are there");
}

}  // namespace flowspan
