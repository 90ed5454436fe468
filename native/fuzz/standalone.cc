// Runs a harness over files, or over random inputs with `-runs=N`, where the compiler has no libFuzzer (gcc): no coverage
// guides it, the sanitizers still watch.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <vector>

#include "../core/keyed_hash.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

int main(int argc, char** argv) {
  long runs = 0;
  for (int i = 1; i < argc; i++) {
    if (std::strncmp(argv[i], "-runs=", 6) == 0) {
      runs = std::atol(argv[i] + 6);
      continue;
    }
    std::ifstream file(argv[i], std::ios::binary);
    const std::vector<char> octets{std::istreambuf_iterator<char>(file), {}};
    LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t*>(octets.data()), octets.size());
  }
  flowspan::SplitMix random(1);
  std::vector<uint8_t> input;
  for (long run = 0; run < runs; run++) {
    input.resize(random.next() % 400);
    for (uint8_t& octet : input) octet = static_cast<uint8_t>(random.next());
    LLVMFuzzerTestOneInput(input.data(), input.size());
  }
  std::printf("%ld random inputs\n", runs);
  return 0;
}
