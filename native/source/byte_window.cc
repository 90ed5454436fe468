#include "byte_window.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "failure.h"
#include "file_window.h"
#include "gzip_window.h"

namespace flowspan {

namespace {
// Small enough for a second-level cache together with the hot part of the flow cache; the larger, the longer the runs that the kernel copies.
constexpr size_t kChunk = 512u << 10;
// The longest record that must be in view as a whole: a pcapng block (kBlockOctetsMax), behind one chunk.
constexpr size_t kBufferOctets = (1u << 20) + kChunk;
}  // namespace

ByteWindow::ByteWindow() : buffer_(kBufferOctets) { at = end = buffer_.data(); }

bool ByteWindow::need(size_t octets) {
  if (inView() >= octets) return true;
  if (octets > buffer_.size() - kChunk) {
    trouble_ = "a record of " + std::to_string(octets) + " octets is longer than any that is allowed";
    return false;
  }
  const size_t kept = inView();
  offsetOfBuffer_ = offset();
  std::memmove(buffer_.data(), at, kept);
  at = buffer_.data();
  end = at + kept;
  while (inView() < octets) {
    const int64_t got = readSome(buffer_.data() + inView(), kChunk);
    if (got <= 0) return false;
    end += got;
  }
  return true;
}

bool ByteWindow::skip(uint64_t octets) {
  while (octets > inView()) {
    octets -= inView();
    at = end;
    if (!need(1)) return false;
  }
  at += octets;
  return true;
}

bool ByteWindow::rewind() {
  if (offsetOfBuffer_ > 0) {
    if (!restart()) return false;
    offsetOfBuffer_ = 0;
    end = buffer_.data();
  }
  at = buffer_.data();
  return true;
}

// gzip is told by the file itself, never by its name (RFC 1952 section 2.3.1).
std::unique_ptr<ByteWindow> openWindow(const std::string& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    const int error = errno;
    const char* code = error == ENOENT || error == ENOTDIR ? "ENOENT" : error == EACCES || error == EPERM ? "EACCES" : "EIO";
    throw Failure(code, "cannot open the capture " + path + ": " + systemWords(error));
  }
  struct stat facts {};
  if (fstat(fd, &facts) != 0 || S_ISDIR(facts.st_mode)) {
    close(fd);
    throw Failure("EBADCAPTURE", path + " is not a file");
  }
  uint8_t magic[2] = {};
  const bool plain = S_ISREG(facts.st_mode) && (pread(fd, magic, 2, 0) != 2 || magic[0] != 0x1f || magic[1] != 0x8b);
  if (plain) return std::make_unique<FileWindow>(fd);
  return std::make_unique<GzipWindow>(fd, path);
}

}  // namespace flowspan
