#include "feed_port.h"

#include <net/if_arp.h>

#include "failure.h"
#include "live_filter.h"
#include "packet_socket.h"

namespace flowspan {

namespace {
constexpr uint32_t kChecksAnOffloadLook = 5;  // about a second
constexpr int kHardwareNone = 0xfffe;  // ARPHRD_NONE: tun devices and the like, bare IP

LinkType linkOf(const std::string& name) {
  const int hardware = interfaceHardware(name);
  if (hardware == kHardwareNone) return LinkType::rawIp;
  if (hardware == ARPHRD_ETHER || hardware == ARPHRD_LOOPBACK) return LinkType::ethernet;
  throw Failure("ELINKTYPE", name + " has hardware type " + std::to_string(hardware) + ", only Ethernet and bare IP are supported");
}

}  // namespace

FeedPort::FeedPort(const std::string& name, const FeedOptions& options) : configured_(name), options_(options), name_(name) {
  index_ = interfaceIndex(name);
  if (index_ == 0) throw Failure("ENODEV", "there is no interface " + name);
  requireCaptureRight();
  link_ = linkOf(name);
  liveFilter(options.filter, name, options.snapLength, link_ == LinkType::rawIp);
  up_ = interfaceIsUp(name);
  mtu_ = interfaceMtu(name);
}

void FeedPort::start() { attend(index_); }

// What the port had before is not ours.
void FeedPort::attend(uint32_t index) {
  attended_ = true;
  index_ = index;
  if (options_.manageOffloads) {
    offloads_ = std::make_unique<Offloads>(index_, options_.memoryFolder);
    offloads_->turnOff();
  }
  baseline_ = interfaceCounters(index_).value_or(InterfaceCounters{});
}

void FeedPort::check() {
  std::string name = interfaceName(index_);
  if (name.empty()) {
    if (present_) offloads_.reset();
    present_ = up_ = false;
    const uint32_t index = interfaceIndex(configured_);
    if (index == 0) return;
    attend(index);
    name = configured_;
  }
  present_ = true;
  name_ = name;
  mtu_ = interfaceMtu(name);
  up_ = interfaceIsUp(name);
  if (offloads_ && ++checks_ % kChecksAnOffloadLook == 0) offloads_->turnOff();
}

void FeedPort::refreshCounters(uint64_t tapped) {
  if (!attended_) return;
  const auto now = interfaceCounters(index_);
  if (!now) return;
  // Drivers reset their counters at times; a step back starts over.
  if (now->droppedPackets >= baseline_.droppedPackets) droppedByNic_ += now->droppedPackets - baseline_.droppedPackets;
  if (now->receivedPackets >= baseline_.receivedPackets) portPackets_ += now->receivedPackets - baseline_.receivedPackets;
  baseline_ = *now;
  // The kernel does not count what a filter refuses: what the port had and the reader was not shown.
  if (!options_.filter.empty() && portPackets_ > tapped) filtered_ = portPackets_ - tapped;
}

void FeedPort::report(InterfaceReport& to, uint64_t dropped) const {
  to.name = name_;
  to.index = index_;
  to.present = present_;
  to.up = up_;
  to.mtu = mtu_;
  to.receivedPackets = received_;
  to.droppedByKernelPackets = dropped;
  to.droppedByNicPackets = droppedByNic_;
  to.offloads = offloads_ ? offloads_->words() : "not managed";
}

std::string FeedPort::trouble() const {
  if (!present_) return "ENODEV: " + configured_ + " is gone; metering goes on when it is back";
  if (!up_) return "ENETDOWN: " + name_ + " is down; metering goes on when it is up";
  return {};
}

}  // namespace flowspan
