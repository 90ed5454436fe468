// See memory_region.h.
#include "memory_region.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <new>

namespace flowspan {

namespace {

constexpr size_t kHugePageBytes = 2u << 20;

size_t up(size_t bytes, size_t to) { return (bytes + to - 1) / to * to; }

// Writes to every page, so that all of them are this process's now. One call does it (Linux 5.14), a huge page at a time; a kernel that does
// not know it is made to by touching. False when there is not that much memory.
bool takeAll(uint8_t* memory, size_t bytes, size_t pageBytes) {
#ifdef MADV_POPULATE_WRITE
  if (::madvise(memory, bytes, MADV_POPULATE_WRITE) == 0) return true;
  if (errno == ENOMEM) return false;
#endif
  for (size_t at = 0; at < bytes; at += pageBytes) static_cast<volatile uint8_t*>(memory)[at] = 0;
  return true;
}

}  // namespace

// Large ones are mapped with a huge page to spare, so that the start can be aligned to one. The spare goes back at once, and huge pages are asked
// for only where they are used whole: what lies behind the last would be up to two megabytes that nobody needs.
MemoryRegion::MemoryRegion(size_t bytes) : bytes_(bytes) {
  const auto pageBytes = static_cast<size_t>(::sysconf(_SC_PAGESIZE));
  takenBytes_ = up(bytes == 0 ? 1 : bytes, pageBytes);
  const bool large = bytes >= kHugePageBytes;
  const size_t mappedBytes = takenBytes_ + (large ? kHugePageBytes : 0);
  void* mapped = ::mmap(nullptr, mappedBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapped == MAP_FAILED) throw std::bad_alloc();
  memory_ = static_cast<uint8_t*>(mapped);
  if (large) {
    const size_t before = up(reinterpret_cast<uintptr_t>(mapped), kHugePageBytes) - reinterpret_cast<uintptr_t>(mapped);
    memory_ += before;
    if (before > 0) (void)::munmap(mapped, before);
    if (before < kHugePageBytes) (void)::munmap(memory_ + takenBytes_, kHugePageBytes - before);
    // Advice only: without huge pages everything works, slower.
    (void)::madvise(memory_, takenBytes_ / kHugePageBytes * kHugePageBytes, MADV_HUGEPAGE);
  }
  if (!takeAll(memory_, takenBytes_, pageBytes)) {
    ::munmap(memory_, takenBytes_);
    throw std::bad_alloc();
  }
}

MemoryRegion::~MemoryRegion() { ::munmap(memory_, takenBytes_); }

}  // namespace flowspan
