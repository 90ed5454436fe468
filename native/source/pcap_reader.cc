#include "pcap_reader.h"

#include <algorithm>

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

// Those records that are in view as a whole, while there is room for them and their lengths can be.
template <bool swapped>
void PcapReader::takeWhole(PacketBatch& batch) {
  if (window_->inView() < kRecordHeader) return;
  const uint8_t* at = window_->at;
  const uint8_t* const lastHeader = window_->end - kRecordHeader;
  const uint64_t nsPerTick = nsPerTick_;
  PacketView origin{};
  origin.link = link_;
  PacketView* packet = &batch.packets[batch.count];
  PacketView* const last = batch.packets.data() + kBatchPackets;
  while (packet != last && at <= lastHeader) {
    askForRecord(at + kAskedAhead);
    const uint32_t captured = load<uint32_t>(at + 8, swapped), wire = load<uint32_t>(at + 12, swapped);
    if (captured > kPacketOctetsMax || static_cast<ptrdiff_t>(captured) > lastHeader - at) [[unlikely]] break;
    packet->data = at + kRecordHeader;
    packet->ns = load<uint32_t>(at, swapped) * kNsPerSecond + load<uint32_t>(at + 4, swapped) * nsPerTick;
    packet->captured = captured;
    packet->wire = std::max(wire, captured);  // some writers leave it zero
    packet->setOrigin(origin.origin());
    packet->vlanTci = 0;
    packet++;
    at += kRecordHeader + captured;
  }
  const auto count = static_cast<size_t>(packet - batch.packets.data());
  packets_ += count - batch.count;
  batch.count = count;
  window_->at = at;
}

template <bool swapped>
ReadState PcapReader::readRecords(PacketBatch& batch) {
  for (;;) {
    takeWhole<swapped>(batch);
    if (batch.count == kBatchPackets) return ReadState::full;
    if (window_->inView() >= kRecordHeader) {
      const uint32_t captured = load<uint32_t>(window_->at + 8, swapped);
      if (captured > kPacketOctetsMax) return damaged(window_->offset(), "a packet claims " + std::to_string(captured) + " octets");
    }
    if (batch.count > 0) return ReadState::refill;
    if (!window_->need(kRecordHeader)) return ended(kRecordHeader, false);
    const uint32_t captured = load<uint32_t>(window_->at + 8, swapped);
    // An absurd length is told by the next turn of the loop, from what is in view already.
    if (captured <= kPacketOctetsMax && !window_->need(kRecordHeader + captured)) return ended(kRecordHeader + captured, true);
  }
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
