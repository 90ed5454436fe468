#include "interface_facts.h"

#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstring>

namespace flowspan {

namespace {

// A datagram socket for one ioctl; these are asked a few times a second at most.
bool askInterface(unsigned long request, const std::string& name, ifreq& answer) {
  const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return false;
  std::memset(&answer, 0, sizeof answer);
  name.copy(answer.ifr_name, IFNAMSIZ - 1);
  const bool done = ioctl(fd, request, &answer) == 0;
  close(fd);
  return done;
}

std::optional<InterfaceCounters> readStatistics(const char* message, ssize_t octets) {
  auto* header = reinterpret_cast<const nlmsghdr*>(message);
  if (octets < static_cast<ssize_t>(sizeof *header) || header->nlmsg_type != RTM_NEWLINK) return std::nullopt;
  auto* link = static_cast<const ifinfomsg*>(NLMSG_DATA(header));
  int left = static_cast<int>(IFLA_PAYLOAD(header));
  for (auto* at = IFLA_RTA(link); RTA_OK(at, left); at = RTA_NEXT(at, left)) {
    if (at->rta_type != IFLA_STATS64 || RTA_PAYLOAD(at) < offsetof(rtnl_link_stats64, rx_compressed)) continue;
    rtnl_link_stats64 figures{};
    std::memcpy(&figures, RTA_DATA(at), std::min<size_t>(sizeof figures, RTA_PAYLOAD(at)));
    return InterfaceCounters{figures.rx_packets, figures.rx_dropped + figures.rx_missed_errors + figures.rx_fifo_errors};
  }
  return std::nullopt;
}

}  // namespace

uint32_t interfaceIndex(const std::string& name) { return if_nametoindex(name.c_str()); }

std::string interfaceName(uint32_t index) {
  char name[IF_NAMESIZE] = {};
  return if_indextoname(index, name) != nullptr ? name : "";
}

bool interfaceIsUp(const std::string& name) {
  ifreq answer;
  return askInterface(SIOCGIFFLAGS, name, answer) && (answer.ifr_flags & IFF_UP) != 0 && (answer.ifr_flags & IFF_RUNNING) != 0;
}

uint32_t interfaceMtu(const std::string& name) {
  ifreq answer;
  return askInterface(SIOCGIFMTU, name, answer) ? static_cast<uint32_t>(answer.ifr_mtu) : 0;
}

int interfaceHardware(const std::string& name) {
  ifreq answer;
  return askInterface(SIOCGIFHWADDR, name, answer) ? answer.ifr_hwaddr.sa_family : -1;
}

std::optional<InterfaceCounters> interfaceCounters(uint32_t index) {
  const int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
  if (fd < 0) return std::nullopt;
  struct {
    nlmsghdr header;
    ifinfomsg link;
  } request{};
  request.header.nlmsg_len = sizeof request;
  request.header.nlmsg_type = RTM_GETLINK;
  request.header.nlmsg_flags = NLM_F_REQUEST;
  request.link.ifi_family = AF_UNSPEC;
  request.link.ifi_index = static_cast<int>(index);
  std::optional<InterfaceCounters> counters;
  if (send(fd, &request, sizeof request, 0) == static_cast<ssize_t>(sizeof request)) {
    alignas(nlmsghdr) char answer[16'384];
    const ssize_t octets = recv(fd, answer, sizeof answer, 0);
    counters = readStatistics(answer, octets);
  }
  close(fd);
  return counters;
}

}  // namespace flowspan
