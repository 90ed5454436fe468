// The meter alone: frames in memory through a MeterCore into a ring of blocks that nobody reads, beside a memory-bound
// minimum (same frames touched, same index and entries looked up, the same two lines of an entry written, a row of each flow
// in the end, nothing decoded) and the
// projection of rows. `meter_bench [runs] [name]...` prints medians. CPU time of this thread. With FLOWSPAN_BENCH_PACKETS the
// cases are cut to that many packets, for counting instructions:
// `valgrind --tool=callgrind --toggle-collect='flowspan::MeterCore::process(*' meter_bench 1 imix`. Where no tool tells functions
// apart, FLOWSPAN_BENCH_PROCESS does: all frames are made, so many of them metered, and nothing else is done; the difference
// between two such runs is what metering costs.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>

#include "../core/flow_table.h"
#include "../core/meter_core.h"
#include "traffic.h"

namespace {

using namespace flowspan;

// Room for every flow of the flood.
constexpr uint32_t kCacheFlows = 1u << 21;

double cpuSeconds() {
  timespec t;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9;
}

// Blocks of rows as the engine lends them: 64 blocks of 512 rows, overwritten in turn.
class RingSink : public BlockSink {
 public:
  RingSink() : rows_(64 * 512) {}
  Row* next(uint64_t) override {
    Row* row = &rows_[at_++ % rows_.size()];
    __builtin_prefetch(&rows_[(at_ + 2) % rows_.size()], 1);
    return row;
  }
  bool hasRoom() const override { return true; }
  void flush(uint64_t) override {}

 private:
  std::vector<Row> rows_;
  size_t at_ = 0;
};

struct Frames {
  explicit Frames(uint32_t packets) : packed(size_t{packets} * (16 + kSnapOctets)) {}
  MemoryRegion packed;  // as in a mapped capture: record header, then octets
  std::vector<PacketView> view;
};

// Packets to run: all, or as many as the environment says.
uint32_t packetsOf(const TrafficShape& shape) {
  const char* limit = std::getenv("FLOWSPAN_BENCH_PACKETS");
  const auto most = limit != nullptr ? static_cast<uint32_t>(std::atoi(limit)) : shape.packets;
  return std::min(most, shape.packets);
}

void fill(const TrafficShape& shape, uint32_t packets, Frames& f) {
  Traffic traffic(shape, 1);
  TrafficFrame frame;
  uint8_t* at = f.packed.as<uint8_t>();
  for (uint32_t i = 0; i < packets; i++) {
    traffic.fill(i, frame);
    at += 16;
    std::memcpy(at, frame.octets, frame.captured);
    f.view.push_back(PacketView{at, frame.ns, frame.captured, frame.wire, 1, 0, LinkType::ethernet, 0});
    at += frame.captured;
  }
}

// Takes every observation and forgets it. FLOWSPAN_BENCH_OBSERVE: which kinds, a bit each; none when absent.
class ForgettingSink : public ObservationSink {
 public:
  Observation* next() override { return &slot_; }
  void commit() override {}

 private:
  Observation slot_;
};

uint32_t observedKinds() {
  const char* kinds = std::getenv("FLOWSPAN_BENCH_OBSERVE");
  return kinds == nullptr ? 0 : static_cast<uint32_t>(std::strtoul(kinds, nullptr, 10));
}

CoreOptions optionsFor(uint32_t cacheFlows = kCacheFlows) {
  CoreOptions options;
  options.cacheFlows = cacheFlows;
  options.seed = 42;
  options.observations.kinds = observedKinds();
  return options;
}

double meterOnce(const Frames& f, uint64_t& rows) {
  RingSink sink;
  ForgettingSink observations;
  MeterCore core(optionsFor(), sink, &observations);
  const double start = cpuSeconds();
  for (size_t i = 0; i < f.view.size(); i += kBatchPackets) core.process(&f.view[i], std::min(kBatchPackets, f.view.size() - i));
  core.finish(f.view.back().ns);
  const double seconds = cpuSeconds() - start;
  rows = core.counters()[static_cast<unsigned>(MeterCounter::handedOverRecords)];
  return seconds;
}

// What is known beforehand of each packet: a number for its biflow, and which of the two directions it has.
struct Known {
  std::vector<uint32_t> flow;
  std::vector<uint8_t> side;
};

// All octets of an entry, and of a row, each moved once.
void leaveAsRow(const FlowTable& table, uint32_t e, Row& row) {
  auto* to = reinterpret_cast<uint8_t*>(&row);
  static_assert(sizeof(Row) >= sizeof(FlowEntry) + sizeof(ColdEntry));
  std::memcpy(to, &table.entry(e), sizeof(FlowEntry));
  std::memcpy(to + sizeof(FlowEntry), &table.cold(e), sizeof(ColdEntry));
  std::memset(to + sizeof(FlowEntry) + sizeof(ColdEntry), 0, sizeof(Row) - sizeof(FlowEntry) - sizeof(ColdEntry));
}

// The least that this table can cost: frame touched, key hashed from a number known beforehand, index, entry; and what the meter is there
// for, a row of each flow.
double minimumOnce(const Frames& f, const Known& known) {
  const std::vector<uint32_t>& flow = known.flow;
  RingSink sink;
  FlowTable table(kCacheFlows);
  const KeyedHash hash(42);
  const double start = cpuSeconds();
  uint64_t sum = 0;
  uint64_t hashes[kBatchPackets];
  uint32_t entries[kBatchPackets];
  for (size_t i = 0; i < f.view.size(); i += kBatchPackets) {
    const size_t n = std::min(kBatchPackets, f.view.size() - i);
    for (size_t j = 0; j < n; j++) {
      sum += f.view[i + j].data[30];
      hashes[j] = hash.ofTwoWords(flow[i + j], 7);
      table.index().prefetch(hashes[j]);
    }
    for (size_t j = 0; j < n; j++) {
      entries[j] = table.index().guess(hashes[j]);
      FlowTable::prefetch(table.entry(entries[j]), known.side[i + j]);
    }
    for (size_t j = 0; j < n; j++) {
      const uint32_t id = flow[i + j];
      uint32_t e = table.index().find(hashes[j], [&](uint32_t c) { return table.entry(c).key.tunnelId == id; });
      if (e == kNoEntry) {
        if (table.full()) {
          e = static_cast<uint32_t>(id % table.capacity());
        } else {
          e = table.allocate(hashes[j]);
          std::memset(static_cast<void*>(&table.entry(e)), 0, sizeof(FlowEntry));
          table.entry(e).key.tunnelId = id;
          table.cold(e).label = id;
        }
      }
      FlowEntry& entry = table.entry(e);
      entry.probe++;
      DirectionLine& line = entry.direction[known.side[i + j]];
      line.packets++;
      line.layer2Octets += f.view[i + j].wire;
    }
  }
  for (uint32_t e = 0; e < table.highWater(); e++) leaveAsRow(table, e, *sink.next(0));
  const double seconds = cpuSeconds() - start;
  if (sum == 1) std::puts("");
  return seconds;
}

// Meters the first packets of all, for programs that count instructions of the whole process.
void processOnly(const Frames& f, size_t packets) {
  RingSink sink;
  MeterCore core(optionsFor(1u << 16), sink);
  for (size_t i = 0; i < packets; i += kBatchPackets) core.process(&f.view[i], std::min(kBatchPackets, packets - i));
}

double median(std::vector<double> v) {
  std::sort(v.begin(), v.end());
  return v[v.size() / 2];
}

Known knownOf(const Frames& f) {
  Known known;
  const KeyedHash hash(3);
  for (const PacketView& v : f.view) {
    const uint8_t* ip = v.data + (load16(v.data + 12) == 0x8100 ? 18 : 14);
    const bool six = ip[0] >> 4 == 6;
    const uint64_t a = six ? load32(ip + 20) : load32(ip + 12), b = six ? load32(ip + 36) : load32(ip + 16);
    const uint8_t* l4 = ip + (six ? 40 : 20);
    // The sum is what both directions share.
    known.flow.push_back(static_cast<uint32_t>(hash.ofTwoWords(a + b, uint64_t{load16(l4)} + load16(l4 + 2))));
    known.side.push_back(a > b);
  }
  return known;
}

}  // namespace

int main(int argc, char** argv) {
  const int runs = argc > 1 ? std::atoi(argv[1]) : 5;
  std::printf("%-10s %10s %10s %12s %10s %8s %10s\n", "case", "ns/packet", "Mpackets/s", "minimum ns", "ratio", "rows", "bytes/flow");
  for (const TrafficShape& shape : kShapes) {
    bool wanted = argc < 3;
    for (int i = 2; i < argc; i++) wanted = wanted || std::string(argv[i]) == shape.name;
    if (!wanted) continue;
    const uint32_t packets = packetsOf(shape);
    Frames f(packets);
    fill(shape, packets, f);
    if (const char* processed = std::getenv("FLOWSPAN_BENCH_PROCESS")) {
      processOnly(f, std::min<size_t>(std::strtoul(processed, nullptr, 10), f.view.size()));
      continue;
    }
    const Known known = knownOf(f);
    std::vector<double> meter, least;
    uint64_t rows = 0;
    for (int r = 0; r < runs; r++) {
      meter.push_back(meterOnce(f, rows));
      least.push_back(minimumOnce(f, known));
    }
    const double n = packets;
    RingSink sink;
    const MeterCore core(optionsFor(), sink);
    std::printf("%-10s %10.1f %10.1f %12.1f %10.2f %8llu %10.1f\n", shape.name, median(meter) / n * 1e9, n / median(meter) / 1e6,
                median(least) / n * 1e9, median(meter) / median(least), static_cast<unsigned long long>(rows),
                static_cast<double>(core.flowBytes()) / (kCacheFlows));
  }
  return 0;
}
