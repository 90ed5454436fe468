#include "stream_window.h"

#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <cstring>

#include "failure.h"

namespace flowspan {

StreamWindow::StreamWindow(int fd, const std::string& path) : buffer_(kStreamBuffer) {
  file_ = gzdopen(fd, "rb");
  if (file_ == nullptr) {
    close(fd);
    throw Failure("ENOMEM", "no memory to inflate " + path);
  }
  gzbuffer(file_, 256u << 10);
  at = end = buffer_.data();
}

StreamWindow::~StreamWindow() { gzclose(file_); }

bool StreamWindow::need(size_t octets) {
  if (inView() >= octets) return true;
  if (octets > buffer_.size()) {
    trouble_ = "a record of " + std::to_string(octets) + " octets is longer than any that is allowed here";
    return false;
  }
  const size_t kept = inView();
  offsetOfBuffer_ = offset();
  std::memmove(buffer_.data(), at, kept);
  at = buffer_.data();
  end = at + kept;
  while (inView() < octets) {
    if (!fill()) return false;
  }
  return true;
}

// One read into the free end of the buffer; large, because every call inflates at least that much.
bool StreamWindow::fill() {
  uint8_t* to = const_cast<uint8_t*>(end);
  const size_t room = static_cast<size_t>(buffer_.data() + buffer_.size() - end);
  const int got = gzread(file_, to, static_cast<unsigned>(std::min<size_t>(room, 1u << 20)));
  if (got > 0) {
    end += got;
    return true;
  }
  int error = Z_OK;
  const char* words = gzerror(file_, &error);
  if (error != Z_OK && error != Z_STREAM_END) {
    trouble_ = error == Z_BUF_ERROR ? "the compressed file ends too early" : std::string("the file cannot be inflated: ") + words;
  }
  return false;
}

bool StreamWindow::skip(uint64_t octets) {
  while (octets > inView()) {
    octets -= inView();
    at = end;
    if (!need(1)) return false;
  }
  at += octets;
  return true;
}

void StreamWindow::rewind() {
  if (offsetOfBuffer_ == 0) {  // also on a pipe, where nothing can be read twice
    at = buffer_.data();
    return;
  }
  gzrewind(file_);
  at = end = buffer_.data();
  offsetOfBuffer_ = 0;
}

}  // namespace flowspan
