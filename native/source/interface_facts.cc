#include "interface_facts.h"

#include <linux/if_link.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstring>

#include "rtnetlink.h"

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
  ifinfomsg link{};
  link.ifi_index = static_cast<int>(index);
  std::optional<InterfaceCounters> counters;
  NetlinkRequest(RTM_GETLINK, 0, link).ask([&](const nlmsghdr& message) {
    if (message.nlmsg_type != RTM_NEWLINK) return;
    eachAttribute<ifinfomsg>(message, [&](const rtattr& attribute) {
      if (attribute.rta_type != IFLA_STATS64 || RTA_PAYLOAD(&attribute) < offsetof(rtnl_link_stats64, rx_compressed)) return;
      rtnl_link_stats64 figures{};
      std::memcpy(&figures, RTA_DATA(&attribute), std::min<size_t>(sizeof figures, RTA_PAYLOAD(&attribute)));
      counters = InterfaceCounters{figures.rx_packets, figures.rx_dropped + figures.rx_missed_errors + figures.rx_fifo_errors};
    });
  });
  return counters;
}

}  // namespace flowspan
