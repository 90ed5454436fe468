#include "pcap_reader.h"

#include "clocks.h"
#include "failure.h"
#include "link_type.h"
#include "octets.h"

namespace flowspan {

namespace {
constexpr uint32_t kMicroMagic = 0xa1b2c3d4;
constexpr uint32_t kNanoMagic = 0xa1b23c4d;
constexpr size_t kFileHeader = 24;
constexpr size_t kRecordHeader = 16;
}  // namespace

bool PcapReader::recognises(const uint8_t* magic) {
  const uint32_t value = loadRaw<uint32_t>(magic);
  return value == kMicroMagic || value == kNanoMagic || value == swapOctets(kMicroMagic) || value == swapOctets(kNanoMagic);
}

PcapReader::PcapReader(std::unique_ptr<ByteWindow> window, const std::string& path) : window_(std::move(window)) {
  path_ = path;
  if (!window_->need(kFileHeader)) throw Failure("EBADCAPTURE", path + " ends inside its file header, 0 packets read before it");
  const uint8_t* header = window_->at;
  const uint32_t magic = loadRaw<uint32_t>(header);
  swapped_ = magic != kMicroMagic && magic != kNanoMagic;
  if ((swapped_ ? swapOctets(magic) : magic) == kNanoMagic) nsPerTick_ = 1;
  // The upper bits tell about a frame check sequence; the link type is the lower 16.
  linkNumber_ = load<uint32_t>(header + 20, swapped_) & 0xffff;
  const auto link = linkTypeOf(linkNumber_);
  if (!link) throw Failure("ELINKTYPE", path + " has link type " + linkTypeWords(linkNumber_) + ", which is not supported");
  link_ = *link;
  window_->at += kFileHeader;
}

bool PcapReader::rewind() {
  packets_ = 0;
  return window_->rewind() && window_->need(kFileHeader) && window_->skip(kFileHeader);
}

ReadState PcapReader::read(PacketBatch& batch) { return swapped_ ? readRecords<true>(batch) : readRecords<false>(batch); }

template <bool swapped>
ReadState PcapReader::readRecords(PacketBatch& batch) {
  const uint8_t* at = window_->at;
  while (batch.count < kBatchPackets) {
    const size_t inView = static_cast<size_t>(window_->end - at);
    uint32_t captured = 0;
    if (inView >= kRecordHeader) {
      captured = load<uint32_t>(at + 8, swapped);
      if (captured > kPacketOctetsMax) {
        window_->at = at;
        return damaged(window_->offset(), "a packet claims " + std::to_string(captured) + " octets");
      }
    }
    if (inView < kRecordHeader + captured) [[unlikely]] {
      window_->at = at;
      if (batch.count > 0) return ReadState::refill;
      if (!window_->need(kRecordHeader)) return ended(kRecordHeader, false);
      captured = load<uint32_t>(window_->at + 8, swapped);
      // An absurd length is told by the next turn of the loop, from what is in view already.
      if (captured <= kPacketOctetsMax && !window_->need(kRecordHeader + captured)) return ended(kRecordHeader + captured, true);
      at = window_->at;
      continue;
    }
    const uint32_t wire = load<uint32_t>(at + 12, swapped);
    PacketView& packet = batch.packets[batch.count++];
    packet.data = at + kRecordHeader;
    packet.ns = load<uint32_t>(at, swapped) * kNsPerSecond + load<uint32_t>(at + 4, swapped) * nsPerTick_;
    packet.captured = captured;
    packet.wire = wire < captured ? captured : wire;  // some writers leave it zero
    packet.interfaceIndex = 0;
    packet.vlanTpid = 0;
    packet.vlanTci = 0;
    packet.link = link_;
    packets_++;
    at += kRecordHeader + captured;
  }
  window_->at = at;
  return ReadState::full;
}

// The input is at its end: cleanly between two records, or inside one.
ReadState PcapReader::ended(size_t needed, bool inPacket) {
  if (!window_->trouble().empty()) return damaged(window_->offset(), window_->trouble());
  if (window_->inView() == 0) return ReadState::end;
  const std::string where = inPacket ? "a packet" : "a packet's header";
  return damaged(window_->offset(), "the file ends inside " + where + ": " + std::to_string(window_->inView()) + " of " +
                                        std::to_string(needed) + " octets are there");
}

}  // namespace flowspan
