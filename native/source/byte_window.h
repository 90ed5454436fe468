// The octets of a capture as a window over one buffer of fixed size that only moves forward. Owned by one worker thread.
// Files are read, not mapped: a read of kChunk copies into memory that stays in the processor's cache, which costs a tenth of
// the page faults of a mapping where page tables are virtual (native/README.md has the figures), and a file that somebody
// truncates meanwhile is an early end instead of SIGBUS.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace flowspan {

class ByteWindow {
 public:
  ByteWindow();
  virtual ~ByteWindow() = default;
  ByteWindow(const ByteWindow&) = delete;
  ByteWindow& operator=(const ByteWindow&) = delete;

  const uint8_t* at = nullptr;   // next octet; the reader moves it
  const uint8_t* end = nullptr;  // end of what is in view

  size_t inView() const { return static_cast<size_t>(end - at); }
  // Position of `at` in the (inflated) capture.
  uint64_t offset() const { return offsetOfStart_ + static_cast<uint64_t>(at - start_); }
  // Brings at least `octets` into view if the input has them; pointers into the window become invalid. False otherwise:
  // then `trouble` is empty when the input simply ends.
  bool need(size_t octets);
  // Moves over octets that need not be in view.
  bool skip(uint64_t octets);
  // Back to the start. A pipe can only do so while nothing has left the buffer.
  bool rewind();
  size_t memoryBytes() const { return buffer_.size(); }
  const std::string& trouble() const { return trouble_; }

 protected:
  // Up to `room` octets; 0 at the end, negative after setting `trouble_`.
  virtual int64_t readSome(uint8_t* to, size_t room) = 0;
  virtual bool restart() = 0;

  std::string trouble_;

 private:
  std::vector<uint8_t> buffer_;
  uint8_t* start_;  // of what the buffer holds
  uint64_t offsetOfStart_ = 0;
};

// Opens a capture, gzip or not, file or pipe. Throws Failure (ENOENT, EACCES, …).
std::unique_ptr<ByteWindow> openWindow(const std::string& path);

}  // namespace flowspan
