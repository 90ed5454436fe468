// See memory_region.h.
#include "memory_region.h"

#include <sys/mman.h>

#include <new>

namespace flowspan {

namespace {
constexpr size_t kHugePageBytes = 2u << 20;
}

// Mapped with a huge page to spare so that the start can be aligned to one; the spare is never touched.
MemoryRegion::MemoryRegion(size_t bytes, Taken taken) : bytes_(bytes) {
  const bool large = bytes >= kHugePageBytes;
  mappedBytes_ = large ? bytes + kHugePageBytes : (bytes == 0 ? 1 : bytes);
  mapped_ = ::mmap(nullptr, mappedBytes_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (mapped_ == MAP_FAILED) throw std::bad_alloc();
  const auto start = reinterpret_cast<uintptr_t>(mapped_);
  memory_ = large ? reinterpret_cast<void*>((start + kHugePageBytes - 1) & ~(kHugePageBytes - 1)) : mapped_;
  // Advice only: without huge pages everything works, slower.
  if (large) (void)::madvise(memory_, bytes, MADV_HUGEPAGE);
#ifdef MADV_POPULATE_WRITE
  // Linux 5.14. A kernel without it faults later; the small ones may.
  if (large && taken == Taken::atOnce) (void)::madvise(memory_, bytes, MADV_POPULATE_WRITE);
#endif
}

MemoryRegion::~MemoryRegion() { ::munmap(mapped_, mappedBytes_); }

}  // namespace flowspan
