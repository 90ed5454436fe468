// Where a segment is packed: pieces one behind the other, until all of them are copied as one piece of memory. A piece of some hundred
// kilobytes is a mapping of its own, which goes back to the system with it; thousands of arrays of a few kilobytes would leave holes
// behind everywhere. Memory: 512 KiB, or up to twice as much as the largest segment took. Used again for each segment. One thread.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>

namespace flowspan {

class PackingRoom {
 public:
  PackingRoom() { grow(kOctetsAtFirst); }

  void begin() { used_ = 0; }

  // Room for that many numbers, holding anything. What was taken before may lie elsewhere afterwards: it must have been written.
  template <typename T>
  T* take(size_t count) {
    static_assert(alignof(T) <= kAlignment);
    const size_t end = used_ + count * sizeof(T);
    if (end > octets_) grow(std::bit_ceil(end));
    last_ = used_;
    used_ = (end + kAlignment - 1) / kAlignment * kAlignment;
    return reinterpret_cast<T*>(memory_.get() + last_);
  }
  // Where the piece that was taken last begins.
  size_t last() const { return last_; }
  // Takes the last piece back.
  void giveBack() { used_ = last_; }

  // Octets of all that was taken, a multiple of the alignment.
  size_t used() const { return used_; }
  const uint8_t* data() const { return memory_.get(); }
  size_t octets() const { return octets_; }

 private:
  // Of the widest codes.
  static constexpr size_t kAlignment = 8;
  static constexpr size_t kOctetsAtFirst = 512 * 1024;

  void grow(size_t octets) {
    // Zero, since a few octets between two pieces are copied and never written. Pages that nobody writes to take no memory.
    std::unique_ptr<uint8_t, Free> larger(static_cast<uint8_t*>(std::calloc(octets, 1)));
    if (larger == nullptr) throw std::bad_alloc();
    if (used_ > 0) std::memcpy(larger.get(), memory_.get(), used_);
    memory_ = std::move(larger);
    octets_ = octets;
  }

  struct Free {
    void operator()(uint8_t* memory) const { std::free(memory); }
  };
  std::unique_ptr<uint8_t, Free> memory_;
  size_t octets_ = 0;
  size_t used_ = 0;
  size_t last_ = 0;
};

}  // namespace flowspan
