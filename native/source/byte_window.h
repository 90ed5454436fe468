// The octets of a capture as a window that only moves forward: mapped into memory where the file allows it, else read (and
// inflated) into one buffer of fixed size. Owned by one worker thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

namespace flowspan {

class ByteWindow {
 public:
  virtual ~ByteWindow() = default;
  ByteWindow() = default;
  ByteWindow(const ByteWindow&) = delete;
  ByteWindow& operator=(const ByteWindow&) = delete;

  const uint8_t* at = nullptr;   // next octet; the reader moves it
  const uint8_t* end = nullptr;  // end of what is in view

  size_t inView() const { return static_cast<size_t>(end - at); }
  // Position of `at` in the (inflated) capture.
  virtual uint64_t offset() const = 0;
  // Brings at least `octets` into view if the input holds them; pointers into the window become invalid. False otherwise:
  // then `trouble` is empty when the input simply ends.
  virtual bool need(size_t octets) = 0;
  // Moves over octets that need not be in view.
  virtual bool skip(uint64_t octets) = 0;
  virtual void rewind() = 0;
  virtual size_t memoryBytes() const { return 0; }
  const std::string& trouble() const { return trouble_; }

 protected:
  std::string trouble_;
};

// Opens a capture: gzip and pipes are streamed, everything else is mapped. Throws Failure (ENOENT, EACCES, …).
std::unique_ptr<ByteWindow> openWindow(const std::string& path);

}  // namespace flowspan
