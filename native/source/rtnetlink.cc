#include "rtnetlink.h"

#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

namespace flowspan {

namespace {
constexpr int kWaitS = 1;
constexpr size_t kAnswerOctets = 32'768;  // what the kernel sends at a time of a list
}

void NetlinkRequest::add(uint16_t type, const void* octets, size_t count) {
  const size_t at = NLMSG_ALIGN(header()->nlmsg_len);
  if (at + RTA_SPACE(count) > octets_.size()) return;  // requests here are of fixed, small size
  auto* attribute = reinterpret_cast<rtattr*>(octets_.data() + at);
  attribute->rta_type = type;
  attribute->rta_len = static_cast<uint16_t>(RTA_LENGTH(count));
  if (count > 0) std::memcpy(RTA_DATA(attribute), octets, count);
  header()->nlmsg_len = static_cast<uint32_t>(at + RTA_LENGTH(count));
}

size_t NetlinkRequest::open(uint16_t type) {
  const size_t at = NLMSG_ALIGN(header()->nlmsg_len);
  add(type, nullptr, 0);
  return at;
}

void NetlinkRequest::close(size_t opened) {
  reinterpret_cast<rtattr*>(octets_.data() + opened)->rta_len = static_cast<uint16_t>(header()->nlmsg_len - opened);
}

int NetlinkRequest::acknowledged() {
  return ask([](const nlmsghdr&) {});
}

int NetlinkRequest::ask(const std::function<void(const nlmsghdr&)>& each) {
  header()->nlmsg_flags |= NLM_F_ACK;
  return exchange(each);
}

int NetlinkRequest::list(const std::function<void(const nlmsghdr&)>& each) {
  header()->nlmsg_flags |= NLM_F_DUMP;
  return exchange(each);
}

int NetlinkRequest::exchange(const std::function<void(const nlmsghdr&)>& each) {
  const int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
  if (fd < 0) return errno;
  const timeval wait{kWaitS, 0};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
  int error = send(fd, octets_.data(), header()->nlmsg_len, 0) < 0 ? errno : 0;
  alignas(nlmsghdr) std::array<char, kAnswerOctets> answer;
  for (bool done = error != 0; !done;) {
    ssize_t left = recv(fd, answer.data(), answer.size(), 0);
    if (left <= 0) {
      error = left < 0 ? errno : EIO;
      break;
    }
    for (auto* at = reinterpret_cast<nlmsghdr*>(answer.data()); NLMSG_OK(at, left); at = NLMSG_NEXT(at, left)) {
      if (at->nlmsg_type == NLMSG_ERROR) error = -static_cast<nlmsgerr*>(NLMSG_DATA(at))->error;
      // A list that broke off ends with its reason.
      if (at->nlmsg_type == NLMSG_DONE && NLMSG_PAYLOAD(at, 0) >= sizeof(int)) error = -*static_cast<int*>(NLMSG_DATA(at));
      done = at->nlmsg_type == NLMSG_ERROR || at->nlmsg_type == NLMSG_DONE;
      if (done) break;
      each(*at);
    }
  }
  ::close(fd);
  return error;
}

void eachInside(const rtattr& attribute, const std::function<void(const rtattr&)>& each) {
  auto* at = reinterpret_cast<const rtattr*>(RTA_DATA(&attribute));
  int left = static_cast<int>(RTA_PAYLOAD(&attribute));
  for (; RTA_OK(at, left); at = RTA_NEXT(at, left)) each(*at);
}

}  // namespace flowspan
