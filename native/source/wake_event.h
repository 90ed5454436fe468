// Wakes a worker that sleeps in poll(2) on its sockets: an eventfd. Any thread may signal.
#pragma once

#include <sys/eventfd.h>
#include <unistd.h>

#include <cstdint>

namespace flowspan {

class WakeEvent {
 public:
  WakeEvent() : fd_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}
  ~WakeEvent() {
    if (fd_ >= 0) close(fd_);
  }
  WakeEvent(const WakeEvent&) = delete;
  WakeEvent& operator=(const WakeEvent&) = delete;

  int fd() const { return fd_; }
  void signal() const {
    const uint64_t one = 1;
    [[maybe_unused]] const ssize_t written = write(fd_, &one, sizeof one);  // a full counter is a signal too
  }
  void clear() const {
    uint64_t value;
    [[maybe_unused]] const ssize_t got = read(fd_, &value, sizeof value);
  }

 private:
  int fd_;
};

}  // namespace flowspan
