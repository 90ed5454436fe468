// Chooses between the two windows by looking at the file itself, never at its name.
#include "byte_window.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "failure.h"
#include "mapped_window.h"
#include "stream_window.h"

namespace flowspan {

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
  const bool mappable = S_ISREG(facts.st_mode) && facts.st_size > 0;
  const bool gzip = mappable && pread(fd, magic, 2, 0) == 2 && magic[0] == 0x1f && magic[1] == 0x8b;  // RFC 1952 2.3.1
  if (mappable && !gzip) return std::make_unique<MappedWindow>(fd, static_cast<uint64_t>(facts.st_size), path);
  return std::make_unique<StreamWindow>(fd, path);
}

}  // namespace flowspan
