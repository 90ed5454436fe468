// Memory is there when a region is, to the last page and no page more, whether the kernel has huge pages or not.
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <string>
#include <vector>

#include "../core/memory_region.h"
#include "check.h"

using namespace flowspan;

namespace {

size_t pageBytes() { return static_cast<size_t>(::sysconf(_SC_PAGESIZE)); }

// Pages of it that are in memory (mincore(2)).
size_t residentPages(const MemoryRegion& region) {
  std::vector<unsigned char> pages((region.bytes() + pageBytes() - 1) / pageBytes());
  if (::mincore(region.as<void>(), region.bytes(), pages.data()) != 0) return 0;
  return static_cast<size_t>(std::count_if(pages.begin(), pages.end(), [](unsigned char page) { return (page & 1) != 0; }));
}

// What this process has of its own (proc(5), smaps_rollup), exactly.
size_t anonymousBytes() {
  std::ifstream file("/proc/self/smaps_rollup");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("Anonymous:")) return std::stoul(line.substr(10)) * 1024;
  }
  return 0;
}

// qemu-user takes any advice for good, and follows none.
bool isEmulated() {
  const MemoryRegion region(1);
  return ::madvise(region.as<void>(), 1, 9999) == 0;
}

}  // namespace

TEST("memory: every page of a region is there at once, and zero") {
  for (const size_t bytes : {size_t{1}, size_t{4096}, size_t{300'000}, (size_t{2} << 20) - 1, (size_t{2} << 20) + 192, size_t{7'340'033}}) {
    const MemoryRegion region(bytes);
    if (!isEmulated()) CHECK_EQ(residentPages(region), (bytes + pageBytes() - 1) / pageBytes());
    const auto* octets = region.as<uint8_t>();
    CHECK(std::all_of(octets, octets + bytes, [](uint8_t octet) { return octet == 0; }));
  }
}

TEST("memory: what a large region does not use is not taken") {
  // Huge pages and an octet: one more of them for that octet would be two megabytes for nothing.
  const size_t bytes = (size_t{4} << 20) + 1;
  const size_t before = anonymousBytes();
  const MemoryRegion region(bytes);
  CHECK_EQ(reinterpret_cast<uintptr_t>(region.as<void>()) % (size_t{2} << 20), uintptr_t{0});
  const size_t taken = anonymousBytes() - before;
  CHECK(taken >= bytes || isEmulated());
  CHECK(taken < bytes + (size_t{1} << 20));
}
