#include "socket_measures.h"

#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

namespace flowspan {

namespace {
int descriptorAt(const Napi::CallbackInfo& info) { return info[0].IsNumber() ? info[0].As<Napi::Number>().Int32Value() : -1; }
}  // namespace

Napi::Value unacknowledgedBytes(const Napi::CallbackInfo& info) {
  int octets = -1;
  if (ioctl(descriptorAt(info), SIOCOUTQ, &octets) != 0) octets = -1;
  return Napi::Number::New(info.Env(), octets);
}

Napi::Value pathMtu(const Napi::CallbackInfo& info) {
  const int fd = descriptorAt(info);
  int domain = 0;
  socklen_t size = sizeof domain;
  int mtu = -1;
  if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) == 0) {
    size = sizeof mtu;
    const bool v6 = domain == AF_INET6;
    // A dual-stack socket that speaks IPv4 answers the IPv4 question only.
    if (getsockopt(fd, v6 ? IPPROTO_IPV6 : IPPROTO_IP, v6 ? IPV6_MTU : IP_MTU, &mtu, &size) != 0) {
      size = sizeof mtu;
      if (!v6 || getsockopt(fd, IPPROTO_IP, IP_MTU, &mtu, &size) != 0) mtu = -1;
    }
  }
  return Napi::Number::New(info.Env(), mtu);
}

Napi::Value setUserTimeout(const Napi::CallbackInfo& info) {
  const int64_t ms = info[1].IsNumber() ? info[1].As<Napi::Number>().Int64Value() : -1;
  const unsigned value = static_cast<unsigned>(ms);
  const bool done = ms >= 0 && ms <= INT32_MAX && setsockopt(descriptorAt(info), IPPROTO_TCP, TCP_USER_TIMEOUT, &value, sizeof value) == 0;
  return Napi::Boolean::New(info.Env(), done);
}

}  // namespace flowspan
