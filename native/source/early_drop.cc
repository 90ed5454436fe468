#include "early_drop.h"

#include <arpa/inet.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "failure.h"
#include "rtnetlink.h"

namespace flowspan {

namespace {

constexpr uint32_t kIngress = TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS);
constexpr uint32_t kEgress = TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_EGRESS);
constexpr char kQueueingKind[] = "clsact", kFilterKind[] = "bpf";
// Near the end, so that others' filters come first.
constexpr uint32_t kPreference = 61'440;
constexpr uint32_t kHandle = 0xf105;
// The first does nothing but say whose this is: "flow".
const std::array<sock_filter, 2> kProgram{{BPF_STMT(BPF_LD | BPF_IMM, 0x666c6f77), BPF_STMT(BPF_RET | BPF_K, TC_ACT_SHOT)}};

tcmsg at(uint32_t interface, uint32_t parent) {
  tcmsg where{};
  where.tcm_family = AF_UNSPEC;
  where.tcm_ifindex = static_cast<int>(interface);
  where.tcm_parent = parent;
  return where;
}

tcmsg ourPlace(uint32_t interface) {
  tcmsg where = at(interface, kIngress);
  where.tcm_handle = kHandle;
  where.tcm_info = TC_H_MAKE(kPreference << 16, htons(ETH_P_ALL));
  return where;
}

bool isOurs(const nlmsghdr& message) {
  const auto* where = static_cast<const tcmsg*>(NLMSG_DATA(&message));
  if (where->tcm_handle != kHandle || TC_H_MAJ(where->tcm_info) >> 16 != kPreference) return false;
  bool same = false;
  eachAttribute<tcmsg>(message, [&](const rtattr& attribute) {
    if (attribute.rta_type != TCA_OPTIONS) return;
    eachInside(attribute, [&](const rtattr& option) {
      same = same || (option.rta_type == TCA_BPF_OPS && RTA_PAYLOAD(&option) == sizeof kProgram &&
                      std::memcmp(RTA_DATA(&option), kProgram.data(), sizeof kProgram) == 0);
    });
  });
  return same;
}

// What the kernel lists; with an error it may be less than there is.
struct Filters {
  bool ours = false;
  bool others = false;
  int error = 0;
};

// The kernel lists a head for each preference beside its filters, which has no handle.
Filters filtersOf(uint32_t interface) {
  Filters found;
  for (const uint32_t parent : {kIngress, kEgress}) {
    const int error = NetlinkRequest(RTM_GETTFILTER, 0, at(interface, parent)).list([&](const nlmsghdr& message) {
      if (message.nlmsg_type != RTM_NEWTFILTER || static_cast<const tcmsg*>(NLMSG_DATA(&message))->tcm_handle == 0) return;
      if (isOurs(message)) found.ours = true;
      else found.others = true;
    });
    if (error != 0) found.error = error;
  }
  return found;
}

struct Address {
  std::string words;
  int error = 0;
};

// IPv4 or IPv6, also one that the kernel gave the port by itself: the stack speaks there.
Address addressOf(uint32_t interface) {
  std::string found;
  ifaddrmsg any{};
  const int error = NetlinkRequest(RTM_GETADDR, 0, any).list([&](const nlmsghdr& message) {
    const auto* address = static_cast<const ifaddrmsg*>(NLMSG_DATA(&message));
    if (message.nlmsg_type != RTM_NEWADDR || address->ifa_index != interface || !found.empty()) return;
    eachAttribute<ifaddrmsg>(message, [&](const rtattr& attribute) {
      char text[INET6_ADDRSTRLEN] = {};
      if (attribute.rta_type == IFA_ADDRESS && inet_ntop(address->ifa_family, RTA_DATA(&attribute), text, sizeof text)) found = text;
    });
  });
  return {found, error};
}

int addQueueing(uint32_t interface) {
  tcmsg where = at(interface, TC_H_CLSACT);
  where.tcm_handle = TC_H_MAKE(TC_H_CLSACT, 0);
  NetlinkRequest request(RTM_NEWQDISC, NLM_F_CREATE | NLM_F_EXCL, where);
  request.add(TCA_KIND, kQueueingKind, sizeof kQueueingKind);
  return request.acknowledged();
}

int deleteQueueing(uint32_t interface) {
  tcmsg where = at(interface, TC_H_CLSACT);
  where.tcm_handle = TC_H_MAKE(TC_H_CLSACT, 0);
  return NetlinkRequest(RTM_DELQDISC, 0, where).acknowledged();
}

int addFilter(uint32_t interface) {
  NetlinkRequest request(RTM_NEWTFILTER, NLM_F_CREATE | NLM_F_EXCL, ourPlace(interface));
  request.add(TCA_KIND, kFilterKind, sizeof kFilterKind);
  const size_t options = request.open(TCA_OPTIONS);
  const auto count = static_cast<uint16_t>(kProgram.size());
  const uint32_t flags = TCA_BPF_FLAG_ACT_DIRECT;  // the program's result is the verdict
  request.add(TCA_BPF_OPS_LEN, &count, sizeof count);
  request.add(TCA_BPF_OPS, kProgram.data(), sizeof kProgram);
  request.add(TCA_BPF_FLAGS, &flags, sizeof flags);
  request.close(options);
  return request.acknowledged();
}

}  // namespace

bool hasEarlyDrop(uint32_t interface) { return filtersOf(interface).ours; }

// The queueing discipline goes too, unless somebody else has, or may have, filters in it: without any it does nothing.
int removeEarlyDrop(uint32_t interface) {
  const Filters before = filtersOf(interface);
  if (!before.ours) return before.error;
  NetlinkRequest request(RTM_DELTFILTER, 0, ourPlace(interface));
  request.add(TCA_KIND, kFilterKind, sizeof kFilterKind);
  const int error = request.acknowledged();
  if (error != 0) return error;
  const Filters left = filtersOf(interface);
  if (!left.others && left.error == 0) deleteQueueing(interface);
  return 0;
}

EarlyDrop::~EarlyDrop() {
  if (on_) removeEarlyDrop(interface_);
}

// Where the port's address cannot be told, the port may have one.
void EarlyDrop::attend() {
  const Address address = addressOf(interface_);
  if (!address.words.empty() || address.error != 0) {
    const int error = removeEarlyDrop(interface_);
    on_ = on_ && error != 0;  // what is still there is tried again, at the next look and at the end
    if (on_) words_ = "should go, but cannot be taken off: " + systemWords(error);
    else if (!address.words.empty()) words_ = "skipped: the port has the address " + address.words;
    else words_ = "skipped: whether the port has an address cannot be told: " + systemWords(address.error);
    return;
  }
  if (on_) {
    words_ = "on";
    return;
  }
  words_ = install();
  on_ = words_ == "on";
}

std::string EarlyDrop::install() {
  if (hasEarlyDrop(interface_)) return "on";
  const int queueing = addQueueing(interface_);
  // It may be somebody's, who then has what is needed; an `ingress` one too.
  const int error = queueing == 0 || queueing == EEXIST ? addFilter(interface_) : queueing;
  if (error == 0) return "on";
  // Ours, and of no use without the filter.
  if (queueing == 0) deleteQueueing(interface_);
  if (error == EPERM || error == EACCES) return "skipped: needs the capability CAP_NET_ADMIN";
  if (error == ENOENT || error == EOPNOTSUPP) {
    return std::string("skipped: this kernel has no ") + (queueing == error ? "clsact (sch_ingress)" : "BPF classifier (cls_bpf)");
  }
  return "skipped: " + systemWords(error);
}

}  // namespace flowspan
