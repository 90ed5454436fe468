// Anonymous memory mapped once, in huge pages where the kernel gives them: a flow table touched at random would otherwise
// miss the TLB on every packet. Zeroed, bounded, released in the destructor. Owner: the thread that owns the MeterCore.
#pragma once

#include <cstddef>
#include <cstdint>

namespace flowspan {

// `atOnce`: no page is taken while packets wait; for what is touched all over from the first packets on. `asUsed`: for what is used from its
// begin on, and most of the time only there.
enum class Taken : uint8_t { atOnce, asUsed };

class MemoryRegion {
 public:
  // Throws std::bad_alloc when the kernel refuses.
  explicit MemoryRegion(size_t bytes, Taken taken = Taken::atOnce);
  ~MemoryRegion();
  MemoryRegion(const MemoryRegion&) = delete;
  MemoryRegion& operator=(const MemoryRegion&) = delete;

  template <typename T>
  T* as() const {
    return static_cast<T*>(memory_);
  }
  size_t bytes() const { return bytes_; }

 private:
  void* memory_;
  size_t bytes_;
  void* mapped_;
  size_t mappedBytes_;
};

}  // namespace flowspan
