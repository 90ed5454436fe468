// Writes the bench captures as classic pcap with nanoseconds: `generate_captures DIRECTORY [seed] [name]...`. The same seed
// gives the same octets everywhere.
#include <cstdio>
#include <cstdlib>

#include "traffic.h"

namespace {

using namespace flowspan;

struct File {
  uint32_t magic = 0xa1b23c4d;  // nanoseconds, little endian as written
  uint16_t major = 2, minor = 4;
  int32_t zone = 0;
  uint32_t accuracy = 0, snap = kSnapOctets, link = 1;
};
struct Record {
  uint32_t seconds, nanoseconds, captured, wire;
};

bool write(const TrafficShape& shape, uint64_t seed, const std::string& path) {
  std::FILE* out = std::fopen(path.c_str(), "wb");
  if (out == nullptr) return false;
  std::vector<char> buffer(1 << 20);
  std::setvbuf(out, buffer.data(), _IOFBF, buffer.size());
  const File header;
  std::fwrite(&header, sizeof header, 1, out);
  Traffic traffic(shape, seed);
  TrafficFrame frame;
  for (uint32_t i = 0; i < shape.packets; i++) {
    traffic.fill(i, frame);
    const Record record{static_cast<uint32_t>(frame.ns / 1'000'000'000), static_cast<uint32_t>(frame.ns % 1'000'000'000), frame.captured, frame.wire};
    std::fwrite(&record, sizeof record, 1, out);
    std::fwrite(frame.octets, frame.captured, 1, out);
  }
  return std::fclose(out) == 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: generate_captures DIRECTORY [seed] [name]...\n");
    return 2;
  }
  const uint64_t seed = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 1;
  for (const TrafficShape& shape : kShapes) {
    bool wanted = argc < 4;
    for (int i = 3; i < argc; i++) wanted = wanted || std::string(argv[i]) == shape.name;
    if (!wanted) continue;
    const std::string path = std::string(argv[1]) + "/" + shape.name + ".pcap";
    if (!write(shape, seed, path)) {
      std::perror(path.c_str());
      return 1;
    }
    std::printf("%s\n", path.c_str());
  }
  return 0;
}
