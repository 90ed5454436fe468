// MADV_POPULATE_READ maps a stretch at once (fewer page faults) and, when the file was truncated meanwhile, fails with an
// error where touching the page would raise SIGBUS.
#include "mapped_window.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>

#include "failure.h"

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#endif

namespace flowspan {

namespace {
constexpr uint64_t kStretch = 2u << 20;
constexpr uint64_t kPage = 4096;
}  // namespace

MappedWindow::MappedWindow(int fd, uint64_t octets, const std::string& path) : octets_(octets) {
  void* memory = mmap(nullptr, octets, PROT_READ, MAP_PRIVATE, fd, 0);
  const int error = errno;
  close(fd);
  if (memory == MAP_FAILED) throw Failure("EIO", "cannot map the capture " + path + ": " + systemWords(error));
  base_ = static_cast<const uint8_t*>(memory);
  madvise(memory, octets, MADV_SEQUENTIAL);
  at = end = base_;
}

MappedWindow::~MappedWindow() { munmap(const_cast<uint8_t*>(base_), octets_); }

bool MappedWindow::need(size_t octets) {
  if (inView() >= octets) return true;
  const uint64_t from = static_cast<uint64_t>(end - base_);
  if (octets > octets_ - offset()) {
    // The rest still comes into view, for whoever wants to see how the file ends.
    if (from < octets_ && !populate(from, octets_)) return false;
    end = base_ + octets_;
    return false;
  }
  const uint64_t to = std::min(octets_, std::max(offset() + octets, from + kStretch));
  if (!populate(from, to)) return false;
  end = base_ + to;
  const uint64_t keep = (offset() > kStretch ? offset() - kStretch : 0) / kPage * kPage;
  if (keep > dropped_ + kStretch) {
    madvise(const_cast<uint8_t*>(base_) + dropped_, keep - dropped_, MADV_DONTNEED);
    dropped_ = keep;
  }
  return true;
}

bool MappedWindow::populate(uint64_t from, uint64_t to) {
  const uint64_t page = from / kPage * kPage;
  if (madvise(const_cast<uint8_t*>(base_) + page, to - page, MADV_POPULATE_READ) == 0) return true;
  if (errno == EINVAL) return true;  // before Linux 5.14 pages come by fault instead
  trouble_ = "the file cannot be read any more (" + systemWords(errno) + "): was it truncated meanwhile?";
  return false;
}

bool MappedWindow::skip(uint64_t octets) {
  if (octets > octets_ - offset()) {
    at = end = base_ + octets_;
    return false;
  }
  at += octets;
  end = std::max(end, at);
  return true;
}

void MappedWindow::rewind() {
  at = end = base_;
  dropped_ = 0;
}

}  // namespace flowspan
