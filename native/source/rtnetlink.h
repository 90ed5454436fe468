// Requests to the kernel's rtnetlink (RFC 3549, rtnetlink(7)): one message out, its acknowledgement or a list back. A socket for
// each; these are asked once a second at most.
#pragma once

#include <linux/netlink.h>
#include <linux/rtnetlink.h>

#include <array>
#include <cstdint>
#include <cstring>
#include <functional>

namespace flowspan {

class NetlinkRequest {
 public:
  template <typename Body>
  NetlinkRequest(uint16_t type, uint16_t flags, const Body& body) {
    header()->nlmsg_len = NLMSG_LENGTH(sizeof body);
    header()->nlmsg_type = type;
    header()->nlmsg_flags = static_cast<uint16_t>(NLM_F_REQUEST | flags);
    std::memcpy(NLMSG_DATA(header()), &body, sizeof body);
  }

  void add(uint16_t type, const void* octets, size_t count);
  // What is added until `close` is inside; returns what `close` needs.
  size_t open(uint16_t type);
  void close(size_t opened);

  // All return 0 or errno. `each`: for every message of the answer.
  int acknowledged();
  int ask(const std::function<void(const nlmsghdr&)>& each);
  int list(const std::function<void(const nlmsghdr&)>& each);

 private:
  nlmsghdr* header() { return reinterpret_cast<nlmsghdr*>(octets_.data()); }
  int exchange(const std::function<void(const nlmsghdr&)>& each);

  alignas(nlmsghdr) std::array<char, 1024> octets_{};
};

// Calls `each` with every attribute of a message whose fixed part is `Body`.
template <typename Body>
void eachAttribute(const nlmsghdr& message, const std::function<void(const rtattr&)>& each) {
  auto* at = reinterpret_cast<const rtattr*>(static_cast<const char*>(NLMSG_DATA(&message)) + NLMSG_ALIGN(sizeof(Body)));
  int left = static_cast<int>(message.nlmsg_len) - static_cast<int>(NLMSG_SPACE(sizeof(Body)));
  for (; RTA_OK(at, left); at = RTA_NEXT(at, left)) each(*at);
}
void eachInside(const rtattr& attribute, const std::function<void(const rtattr&)>& each);

}  // namespace flowspan
