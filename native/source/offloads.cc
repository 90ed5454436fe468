#include "offloads.h"

#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "failure.h"
#include "interface_facts.h"

namespace flowspan {

namespace {

// One ethtool request; 0 or errno.
int ethtool(const std::string& name, uint32_t command, uint32_t& value) {
  const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return errno;
  ethtool_value request{command, value};
  ifreq frame{};
  name.copy(frame.ifr_name, IFNAMSIZ - 1);
  frame.ifr_data = reinterpret_cast<char*>(&request);
  const int error = ioctl(fd, SIOCETHTOOL, &frame) == 0 ? 0 : errno;
  close(fd);
  value = request.data;
  return error;
}

}  // namespace

std::optional<std::vector<std::string>> mergingOffloads(const std::string& name) {
  uint32_t gro = 0;
  uint32_t flags = 0;
  const bool groKnown = ethtool(name, ETHTOOL_GGRO, gro) == 0;
  const bool flagsKnown = ethtool(name, ETHTOOL_GFLAGS, flags) == 0;
  if (!groKnown && !flagsKnown) return std::nullopt;
  std::vector<std::string> on;
  if (groKnown && gro != 0) on.emplace_back("GRO");
  if (flagsKnown && (flags & ETH_FLAG_LRO) != 0) on.emplace_back("LRO");
  return on;
}

void Offloads::turnOff() {
  const std::string name = interfaceName(interface_);
  uint32_t gro = 0;
  uint32_t flags = 0;
  const bool groKnown = ethtool(name, ETHTOOL_GGRO, gro) == 0;
  const bool flagsKnown = ethtool(name, ETHTOOL_GFLAGS, flags) == 0;
  int error = 0;
  if (groKnown && gro != 0) {
    uint32_t off = 0;
    error = ethtool(name, ETHTOOL_SGRO, off);
    hadGro_ = error == 0;
  }
  if (error == 0 && flagsKnown && (flags & ETH_FLAG_LRO) != 0) {
    uint32_t without = flags & ~static_cast<uint32_t>(ETH_FLAG_LRO);
    error = ethtool(name, ETHTOOL_SFLAGS, without);
    hadLro_ = error == 0;
  }
  if (error != 0) words_ = "GRO and LRO stay on: " + systemWords(error) + (error == EPERM ? " (CAP_NET_ADMIN is missing)" : "");
  else words_ = hadGro_ || hadLro_ ? "off (were on)" : "off";
}

void Offloads::restore() {
  const std::string name = interfaceName(interface_);
  if (name.empty()) return;
  if (hadGro_) {
    uint32_t on = 1;
    ethtool(name, ETHTOOL_SGRO, on);
  }
  uint32_t flags = 0;
  if (hadLro_ && ethtool(name, ETHTOOL_GFLAGS, flags) == 0) {
    flags |= ETH_FLAG_LRO;
    ethtool(name, ETHTOOL_SFLAGS, flags);
  }
  hadGro_ = hadLro_ = false;
}

}  // namespace flowspan
