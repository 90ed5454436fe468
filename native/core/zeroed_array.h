// Numbers in one piece of memory that is zero at first. Pages of a large piece that nobody wrote to take no memory, so tables are taken with
// all the room that they may ever need: nothing is copied when they fill. One thread.
#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <cstdlib>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

namespace flowspan {

template <typename T>
class ZeroedArray {
 public:
  static_assert(std::is_trivially_copyable_v<T>);

  ZeroedArray() = default;
  explicit ZeroedArray(size_t size) : memory_(take(size * sizeof(T)), GiveBack{size * sizeof(T)}), size_(size) {}
  ZeroedArray(ZeroedArray&& other) noexcept : memory_(std::move(other.memory_)), size_(std::exchange(other.size_, 0)) {}
  ZeroedArray& operator=(ZeroedArray&& other) noexcept {
    memory_ = std::move(other.memory_);
    size_ = std::exchange(other.size_, 0);
    return *this;
  }

  size_t size() const { return size_; }
  size_t octets() const { return size_ * sizeof(T); }
  T* data() { return memory_.get(); }
  const T* data() const { return memory_.get(); }
  T& operator[](size_t at) { return memory_.get()[at]; }
  const T& operator[](size_t at) const { return memory_.get()[at]; }

 private:
  // From here on pieces are mappings of their own: calloc would write zeros to all of a piece that was in use before.
  static constexpr size_t kMappedFromOctets = 256 * 1024;

  static T* take(size_t octets) {
    if (octets == 0) return nullptr;
    // Without reserve: most of it will never be needed.
    constexpr int kFlags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
    void* memory = octets < kMappedFromOctets ? std::calloc(1, octets) : mmap(nullptr, octets, PROT_READ | PROT_WRITE, kFlags, -1, 0);
    if (memory == nullptr || memory == MAP_FAILED) throw std::bad_alloc();
    return static_cast<T*>(memory);
  }
  struct GiveBack {
    size_t octets = 0;
    void operator()(T* memory) const {
      if (octets < kMappedFromOctets) std::free(memory);
      else munmap(memory, octets);
    }
  };
  std::unique_ptr<T, GiveBack> memory_;
  size_t size_ = 0;
};

}  // namespace flowspan
