// A window over a gzip file, inflated by zlib, or over a pipe: zlib passes through what is not compressed.
#pragma once

#include "byte_window.h"

struct gzFile_s;

namespace flowspan {

class GzipWindow final : public ByteWindow {
 public:
  // Takes the descriptor over.
  GzipWindow(int fd, const std::string& path);
  ~GzipWindow() override;

 protected:
  int64_t readSome(uint8_t* to, size_t room) override;
  bool restart() override;

 private:
  gzFile_s* file_ = nullptr;
};

}  // namespace flowspan
