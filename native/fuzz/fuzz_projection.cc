// Any table of words: refused, or run without touching an octet outside rows and limit.
#include <stdexcept>

#include "fuzz_input.h"
#include "fuzz_ledger.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace flowspan;
  FuzzInput in{data, data + size};
  const uint32_t limit = in.octet() * 8u;
  std::vector<int32_t> words;
  // One octet a word, the top bit for another; most tables that make sense are within reach.
  while (in.left() > 0) {
    const uint8_t low = in.octet();
    words.push_back(low < 0xc0 ? low : low == 0xff ? -1 : (low & 0x3f) * 8);
  }
  std::unique_ptr<Row[]> rows(new Row[2]());
  std::unique_ptr<uint8_t[]> out(new uint8_t[limit]);
  try {
    const Projection projection(words.data(), words.size());
    const auto result = projection.run(reinterpret_cast<const uint8_t*>(rows.get()), 2, out.get(), limit, 1);
    if (result.octets > limit) fuzzFault("limit");
  } catch (const std::invalid_argument&) {
    // refused
  }
  return 0;
}
