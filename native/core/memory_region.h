// Anonymous memory that is taken at construction to the last page, so that none is waited for, or missing, while packets wait; in huge
// pages where the kernel gives them: a flow table touched at random would otherwise miss the TLB on every packet. Zeroed, bounded, released in the
// destructor. Owner: the thread that owns the MeterCore.
#pragma once

#include <cstddef>
#include <cstdint>

namespace flowspan {

class MemoryRegion {
 public:
  // Throws std::bad_alloc when the kernel refuses.
  explicit MemoryRegion(size_t bytes);
  ~MemoryRegion();
  MemoryRegion(const MemoryRegion&) = delete;
  MemoryRegion& operator=(const MemoryRegion&) = delete;

  template <typename T>
  T* as() const {
    return reinterpret_cast<T*>(memory_);
  }
  size_t bytes() const { return bytes_; }

 private:
  uint8_t* memory_;
  size_t bytes_;
  size_t takenBytes_;
};

}  // namespace flowspan
