#include "flow_packer.h"

#include <algorithm>
#include <array>
#include <stdexcept>
#include <string>

#include "../core/byte_order.h"
#include "../generated/row_layout.h"

namespace flowspan {

namespace {

// Some columns share a cache line of the row: it is fetched once for all of them.
constexpr size_t kTogether = 8;
// Two lines of so many rows are 16 KiB.
constexpr uint32_t kRun = 128;

constexpr size_t kHeadWords = 5;
constexpr size_t kNumberWords = 4;
constexpr size_t kAddressWords = 3;
constexpr int32_t kColumnsMax = 256;

constexpr double kTwo32 = 4294967296.0;

// The numbers that JavaScript would compute, sum by sum: beyond 2^53 they are rounded alike.
double countAt(const uint8_t* at) { return load32(at) * kTwo32 + load32(at + 4); }
// 2^32 ns are 4,294,967 µs and 296 ns.
double timeUsAt(const uint8_t* at) {
  const uint32_t high = load32(at);
  return high * 4294967.0 + static_cast<double>(static_cast<int64_t>((uint64_t{high} * 296 + load32(at + 4)) / 1000));
}
double macAt(const uint8_t* at) { return static_cast<double>(static_cast<int64_t>(uint64_t{load16(at)} << 32 | load32(at + 2))); }
uint32_t wordAt(const uint8_t* at) { return load32(at); }
uint32_t threeAt(const uint8_t* at) { return load24(at); }
uint32_t twoAt(const uint8_t* at) { return load16(at); }
uint32_t octetAt(const uint8_t* at) { return *at; }

template <auto read, typename T>
void readEach(const uint8_t* first, uint32_t count, T* to) {
  for (uint32_t i = 0; i < count; i++) to[i] = read(first + size_t{i} * kRowBytes);
}

template <typename T>
void clearAbsent(T* values, const uint32_t* presence, uint32_t bits, uint32_t count) {
  for (uint32_t i = 0; i < count; i++) values[i] = (presence[i] & bits) == bits ? values[i] : 0;
}

struct Reading {
  void (*readWords)(const uint8_t*, uint32_t, uint32_t*);
  void (*readWide)(const uint8_t*, uint32_t, double*);
  uint32_t octets;
};
// By their numbers in the table.
constexpr std::array<Reading, 7> kReadings = {{
    {readEach<octetAt, uint32_t>, nullptr, 1},
    {readEach<twoAt, uint32_t>, nullptr, 2},
    {readEach<threeAt, uint32_t>, nullptr, 3},
    {readEach<wordAt, uint32_t>, nullptr, 4},
    {nullptr, readEach<countAt, double>, 8},
    {nullptr, readEach<timeUsAt, double>, 8},
    {nullptr, readEach<macAt, double>, 6},
}};
constexpr int32_t kTimeReading = 5;

uint32_t within(int32_t word, int64_t least, int64_t most, const char* what) {
  if (word < least || word > most) {
    throw std::invalid_argument(std::string(what) + " is " + std::to_string(word) + ", allowed is " + std::to_string(least) + " to " +
                                std::to_string(most));
  }
  return static_cast<uint32_t>(word);
}

// What the constructor takes memory for.
uint32_t rowsMaxOf(const int32_t* table, size_t words) {
  if (words < kHeadWords) throw std::invalid_argument("it ends within its head");
  return within(table[0], 1, AddressPlaces::kRowsMax, "the most rows");
}

}  // namespace

FlowPacker::FlowPacker(const int32_t* table, size_t words)
    : rowsMax_(rowsMaxOf(table, words)),
      presence_(rowsMax_),
      starts_(rowsMax_),
      words_(kTogether * rowsMax_),
      wide_(kTogether * rowsMax_),
      places_(rowsMax_) {
  presenceOffset_ = within(table[1], 0, kRowBytes - 4, "where presence is");
  versionOffset_ = within(table[2], 0, kRowBytes - 1, "where the version is");
  const size_t numbers = within(table[3], 0, kColumnsMax, "columns of numbers");
  const size_t addresses = within(table[4], 0, kColumnsMax, "columns of addresses");
  if (words != kHeadWords + numbers * kNumberWords + addresses * kAddressWords) throw std::invalid_argument("it has not the length that it says");
  const int32_t* at = table + kHeadWords;
  for (size_t i = 0; i < numbers; i++, at += kNumberWords) addNumberColumn(at);
  for (size_t i = 0; i < addresses; i++, at += kAddressWords) {
    addressColumns_.push_back({within(at[0], 0, kRowBytes - 16, "an address's place"), static_cast<uint32_t>(at[1]), at[2] != 0});
  }
  packedNumbers_.resize(numbers + 1);
  packedAddresses_.resize(addresses);
}

void FlowPacker::addNumberColumn(const int32_t* words) {
  const uint32_t code = within(words[0], 0, kReadings.size() - 1, "a reading");
  const Reading& reading = kReadings[code];
  const bool isTime = code == kTimeReading;
  const bool sinceStart = words[3] != 0;
  if (sinceStart && !isTime) throw std::invalid_argument("only times are told since the start");
  const Time time = !isTime ? Time::no : sinceStart ? Time::sinceStart : Time::start;
  numberColumns_.push_back({reading.readWords, reading.readWide, within(words[1], 0, kRowBytes - reading.octets, "a number's place"),
                            static_cast<uint32_t>(words[2]), time});
}

size_t FlowPacker::octets() const {
  return sizeof(double) * (starts_.size() + wide_.size()) + sizeof(uint32_t) * (presence_.size() + words_.size()) + places_.octets() +
         room_.octets();
}

void FlowPacker::pack(const uint8_t* rows, uint32_t count, const double* offsetsUs, const double* intervals) {
  room_.begin();
  lookAtPresence(rows, count);
  // Until a start was read.
  std::fill_n(starts_.begin(), count, 0.0);
  for (size_t first = 0; first < numberColumns_.size(); first += kTogether) {
    const size_t end = std::min(first + kTogether, numberColumns_.size());
    readTogether(first, end, rows, count);
    for (size_t column = first; column < end; column++) packedNumbers_[column] = packColumn(column, count, offsetsUs);
  }
  // Plus zero: no negative zero is left.
  for (uint32_t i = 0; i < count; i++) wide_[i] = intervals[i] + 0.0;
  packedNumbers_.back() = packNumbers(wide_.data(), count, room_);
  for (size_t i = 0; i < addressColumns_.size(); i++) packedAddresses_[i] = packAddresses(addressColumns_[i], rows, count);
}

void FlowPacker::lookAtPresence(const uint8_t* rows, uint32_t count) {
  inSome_ = 0;
  inAll_ = ~0u;
  for (uint32_t i = 0; i < count; i++) {
    const uint32_t bits = load32(rows + size_t{i} * kRowBytes + presenceOffset_);
    presence_[i] = bits;
    inSome_ |= bits;
    inAll_ &= bits;
  }
}

void FlowPacker::readTogether(size_t first, size_t end, const uint8_t* rows, uint32_t count) {
  for (uint32_t row = 0; row < count; row += kRun) {
    const uint32_t run = std::min(kRun, count - row);
    for (size_t i = first; i < end; i++) {
      const NumberColumn& column = numberColumns_[i];
      if (!isInSome(column.bits)) continue;
      const uint8_t* at = rows + size_t{row} * kRowBytes + column.offset;
      const size_t to = (i - first) * rowsMax_ + row;
      if (column.readWords != nullptr) column.readWords(at, run, words_.data() + to);
      else column.readWide(at, run, wide_.data() + to);
    }
  }
}

PackedNumbers FlowPacker::packColumn(size_t index, uint32_t count, const double* offsetsUs) {
  const NumberColumn& column = numberColumns_[index];
  if (!isInSome(column.bits)) {
    if (column.time == Time::start) std::fill_n(starts_.begin(), count, 0.0);
    return {};
  }
  const size_t at = index % kTogether * rowsMax_;
  if (column.readWords != nullptr) {
    uint32_t* values = words_.data() + at;
    if (!isInAll(column.bits)) clearAbsent(values, presence_.data(), column.bits, count);
    return packNumbers(values, count, room_);
  }
  double* values = wide_.data() + at;
  if (column.time != Time::no) {
    for (uint32_t i = 0; i < count; i++) values[i] += offsetsUs[i];
  }
  if (column.time == Time::sinceStart) {
    for (uint32_t i = 0; i < count; i++) values[i] -= starts_[i];
  }
  if (!isInAll(column.bits)) clearAbsent(values, presence_.data(), column.bits, count);
  if (column.time == Time::start) std::copy_n(values, count, starts_.begin());
  return packNumbers(values, count, room_);
}

PackedAddresses FlowPacker::packAddresses(const AddressColumn& column, const uint8_t* rows, uint32_t count) {
  uint8_t* versions = places_.versions();
  if (!isInSome(column.bits)) {
    std::fill_n(versions, count, uint8_t{0});
  } else {
    for (uint32_t i = 0; i < count; i++) {
      const uint8_t version = !column.byVersion || rows[size_t{i} * kRowBytes + versionOffset_] == 6 ? 6 : 4;
      versions[i] = (presence_[i] & column.bits) == column.bits ? version : 0;
    }
  }
  return places_.pack(rows + column.offset, kRowBytes, count, room_);
}

}  // namespace flowspan
