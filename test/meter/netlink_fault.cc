// Preloaded into a process under test: what it sends to rtnetlink of the type whose number stands in the file
// FLOWSPAN_NETLINK_FAULT fails with ENOBUFS, as it does for want of memory. An empty or missing file lets everything through.
#include <dlfcn.h>
#include <linux/netlink.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>

static int failingType() {
  int type = 0;
  const char* path = std::getenv("FLOWSPAN_NETLINK_FAULT");
  if (FILE* file = path == nullptr ? nullptr : std::fopen(path, "r")) {
    if (std::fscanf(file, "%d", &type) != 1) type = 0;
    std::fclose(file);
  }
  return type;
}

extern "C" ssize_t send(int fd, const void* octets, size_t count, int flags) {
  int domain = 0;
  socklen_t size = sizeof domain;
  if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) == 0 && domain == AF_NETLINK && count >= sizeof(nlmsghdr)) {
    if (static_cast<const nlmsghdr*>(octets)->nlmsg_type == failingType()) {
      errno = ENOBUFS;
      return -1;
    }
  }
  static const auto real = reinterpret_cast<ssize_t (*)(int, const void*, size_t, int)>(dlsym(RTLD_NEXT, "send"));
  return real(fd, octets, count, flags);
}
