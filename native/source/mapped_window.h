// A capture mapped into memory: packets are metered where the page cache holds them, nothing is copied.
// Limits: a few MiB are mapped in at a time and dropped behind, so resident memory stays flat whatever the file's size.
#pragma once

#include "byte_window.h"

namespace flowspan {

class MappedWindow final : public ByteWindow {
 public:
  // Takes the descriptor over.
  MappedWindow(int fd, uint64_t octets, const std::string& path);
  ~MappedWindow() override;

  uint64_t offset() const override { return static_cast<uint64_t>(at - base_); }
  bool need(size_t octets) override;
  bool skip(uint64_t octets) override;
  void rewind() override;

 private:
  bool populate(uint64_t from, uint64_t to);

  const uint8_t* base_ = nullptr;
  uint64_t octets_ = 0;
  uint64_t dropped_ = 0;  // everything before this offset was given back
};

}  // namespace flowspan
