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
// No more than a second-level cache holds; the larger, the longer the runs that the kernel copies.
constexpr size_t kChunk = 1024u << 10;
// The longest record that must be in view as a whole: a pcapng block (kBlockOctetsMax).
constexpr size_t kInViewMax = 1u << 20;
// Chunks begin a page of the file. A copy to a place that lies up to 31 octets further into its page takes up to five times as long, since a
// processor tells loads from stores under way by the lower 12 bits of their addresses: so it goes to one that lies further.
constexpr size_t kPage = 4096, kIntoPage = 256;

// The next place from there on that lies so far into its page.
uint8_t* placeFrom(uint8_t* at) { return at + (kIntoPage - reinterpret_cast<uintptr_t>(at)) % kPage; }
}  // namespace

ByteWindow::ByteWindow() : buffer_(kInViewMax + kPage + kChunk), start_(buffer_.data()) { at = end = start_; }

bool ByteWindow::need(size_t octets) {
  if (inView() >= octets) return true;
  if (octets > kInViewMax) {
    trouble_ = "a record of " + std::to_string(octets) + " octets is longer than any that is allowed";
    return false;
  }
  const size_t kept = inView();
  offsetOfStart_ = offset();
  uint8_t* to = placeFrom(buffer_.data() + kept);
  start_ = to - kept;
  std::memmove(start_, at, kept);
  at = start_;
  end = to;
  while (inView() < octets) {
    const int64_t got = readSome(to, kChunk);
    if (got <= 0) return false;
    end = to += got;
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
  if (offsetOfStart_ > 0) {
    if (!restart()) return false;
    offsetOfStart_ = 0;
    end = start_;
  }
  at = start_;
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
