// Preloaded into a process under test: while the file FLOWSPAN_FILTER_FAULT is not empty, the kernel takes no socket filter, as
// happens for want of memory (ENOMEM).
#include <dlfcn.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>

static bool isRefused() {
  const char* path = std::getenv("FLOWSPAN_FILTER_FAULT");
  FILE* file = path == nullptr ? nullptr : std::fopen(path, "r");
  if (file == nullptr) return false;
  const bool refused = std::fgetc(file) != EOF;
  std::fclose(file);
  return refused;
}

extern "C" int setsockopt(int fd, int level, int option, const void* value, socklen_t size) noexcept {
  if (level == SOL_SOCKET && option == SO_ATTACH_FILTER && isRefused()) {
    errno = ENOMEM;
    return -1;
  }
  using Real = int (*)(int, int, int, const void*, socklen_t);
  static const auto real = reinterpret_cast<Real>(dlsym(RTLD_NEXT, "setsockopt"));
  return real(fd, level, option, value, size);
}
