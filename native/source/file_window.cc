#include "file_window.h"

#include <fcntl.h>
#include <unistd.h>

#include "failure.h"

namespace flowspan {

FileWindow::FileWindow(int fd) : fd_(fd) { posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL); }

FileWindow::~FileWindow() { close(fd_); }

int64_t FileWindow::readSome(uint8_t* to, size_t room) {
  for (;;) {
    const ssize_t got = read(fd_, to, room);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) trouble_ = "the file cannot be read: " + systemWords(errno);
    return got;
  }
}

bool FileWindow::restart() { return lseek(fd_, 0, SEEK_SET) == 0; }

}  // namespace flowspan
