// Rows to IPFIX data sets, records a second on one core: `projection_bench TABLE [runs]`, TABLE being the int32 words of
// packTable() in host order (test/bench writes it). Rows are those of the imix case, two-way and one-way, in blocks of 512.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <iterator>

#include "../core/meter_core.h"
#include "traffic.h"

namespace {

using namespace flowspan;

class KeepingSink : public BlockSink {
 public:
  std::vector<Row> rows;
  explicit KeepingSink(size_t most) { rows.reserve(most); }
  Row* next(uint64_t) override {
    if (rows.size() == rows.capacity()) return nullptr;
    rows.emplace_back();
    return &rows.back();
  }
  bool hasRoom() const override { return rows.size() < rows.capacity(); }
  void flush(uint64_t) override {}
};

double seconds() {
  timespec t;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: projection_bench TABLE [runs]\n");
    return 2;
  }
  std::ifstream file(argv[1], std::ios::binary);
  const std::vector<char> octets{std::istreambuf_iterator<char>(file), {}};
  std::vector<int32_t> words(octets.size() / 4);
  std::memcpy(words.data(), octets.data(), words.size() * 4);
  const Projection projection(words.data(), words.size());

  KeepingSink sink(32768);
  MeterCore core(CoreOptions{}, sink);
  Traffic traffic(kShapes[0], 1);
  TrafficFrame frame;
  for (uint32_t i = 0; i < 2'000'000; i++) {
    traffic.fill(i, frame);
    const PacketView view{frame.octets, frame.ns, frame.captured, frame.wire, 1, 0, LinkType::ethernet, 0};
    core.process(&view, 1);
  }
  core.finish(frame.ns);

  std::vector<uint8_t> out(512 * 600);
  std::vector<double> rates;
  for (int run = argc > 2 ? std::atoi(argv[2]) : 9; run > 0; run--) {
    uint64_t records = 0;
    const double start = seconds();
    for (int pass = 0; pass < 40; pass++) {
      for (size_t at = 0; at + 512 <= sink.rows.size(); at += 512) {
        records += projection.run(reinterpret_cast<const uint8_t*>(&sink.rows[at]), 512, out.data(), static_cast<uint32_t>(out.size()), 0).records;
      }
    }
    rates.push_back(static_cast<double>(records) / (seconds() - start));
  }
  std::sort(rates.begin(), rates.end());
  std::printf("%zu rows, %.1f M records/s\n", sink.rows.size(), rates[rates.size() / 2] / 1e6);
  return 0;
}
