// A capture that cannot be mapped (gzip, pipes), read through zlib into one buffer.
// Limits: kStreamBuffer octets, so no record can be longer. zlib passes through what is not compressed.
#pragma once

#include <vector>

#include "byte_window.h"

struct gzFile_s;

namespace flowspan {

inline constexpr size_t kStreamBuffer = 4u << 20;

class StreamWindow final : public ByteWindow {
 public:
  // Takes the descriptor over.
  StreamWindow(int fd, const std::string& path);
  ~StreamWindow() override;

  uint64_t offset() const override { return offsetOfBuffer_ + static_cast<uint64_t>(at - buffer_.data()); }
  bool need(size_t octets) override;
  bool skip(uint64_t octets) override;
  void rewind() override;
  size_t memoryBytes() const override { return kStreamBuffer; }

 private:
  bool fill();

  gzFile_s* file_ = nullptr;
  std::vector<uint8_t> buffer_;
  uint64_t offsetOfBuffer_ = 0;
};

}  // namespace flowspan
