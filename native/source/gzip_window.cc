#include "gzip_window.h"

#include <unistd.h>
#include <zlib.h>

#include "failure.h"

namespace flowspan {

GzipWindow::GzipWindow(int fd, const std::string& path) {
  file_ = gzdopen(fd, "rb");
  if (file_ == nullptr) {
    close(fd);
    throw Failure("ENOMEM", "no memory to inflate " + path);
  }
  gzbuffer(file_, 128u << 10);
}

GzipWindow::~GzipWindow() { gzclose(file_); }

int64_t GzipWindow::readSome(uint8_t* to, size_t room) {
  const int got = gzread(file_, to, static_cast<unsigned>(room));
  if (got > 0) return got;
  int error = Z_OK;
  const char* words = gzerror(file_, &error);
  if (error == Z_OK || error == Z_STREAM_END) return 0;
  trouble_ = error == Z_BUF_ERROR ? "the compressed file ends too early" : std::string("the file cannot be inflated: ") + words;
  return -1;
}

bool GzipWindow::restart() { return gzrewind(file_) == 0; }

}  // namespace flowspan
