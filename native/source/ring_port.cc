#include "ring_port.h"

#include <net/if_arp.h>

#include <cstring>

#include "clocks.h"
#include "failure.h"
#include "link_type.h"
#include "live_filter.h"
#include "name_filter.h"

namespace flowspan {

namespace {
// How often it is looked whether somebody has turned offloads on again, or given the port an address.
constexpr uint64_t kAttendNs = 1'000'000'000;
constexpr int kHardwareNone = 0xfffe;  // ARPHRD_NONE: tun devices and the like, bare IP
}

RingPort::RingPort(const std::string& name, const RingOptions& options, std::shared_ptr<RingGroup> group)
    : configured_(name), options_(options), group_(std::move(group)), name_(name) {
  stage_.interval = options.firstStageInterval;
  wantsNames_ = options.showsNames;
  index_ = interfaceIndex(name);
  if (index_ == 0) throw Failure("ENODEV", "there is no interface " + name);
  openSocket();
  up_ = interfaceIsUp(name_);
  mtu_ = interfaceMtu(name_);
}

// Socket, ring and filter for the interface as it is now; nothing is received before it is bound.
void RingPort::openSocket() {
  const int hardware = interfaceHardware(name_);
  if (hardware != ARPHRD_ETHER && hardware != ARPHRD_LOOPBACK && hardware != kHardwareNone) {
    throw Failure("ELINKTYPE", name_ + " has hardware type " + std::to_string(hardware) + ", only Ethernet and bare IP are supported");
  }
  link_ = hardware == kHardwareNone ? LinkType::rawIp : LinkType::ethernet;
  auto socket = std::make_unique<PacketSocket>(options_.ringBytes);
  filter_ = liveFilter(options_.filter, name_, options_.snapLength, link_ == LinkType::rawIp);
  socket->attach(program(stage_, wantsNames_));
  socket_ = std::move(socket);
  showsNames_ = wantsNames_;
  refusal_.clear();
  bound_ = false;
}

std::vector<sock_filter> RingPort::program(FirstStage stage, bool showsNames) const {
  return ringFilter(filter_, stage, options_.snapLength, showsNames ? nameTail(link_, options_.snapLength) : std::vector<sock_filter>{});
}

bool RingPort::attach(FirstStage stage, bool showsNames) {
  try {
    if (socket_) socket_->attach(program(stage, showsNames));
  } catch (const Failure& failure) {
    refusal_ = std::string(failure.what()) + "; packets come through the former one, and it is tried again";
    return false;
  }
  stage_ = stage;
  showsNames_ = showsNames;
  refusal_.clear();
  return true;
}

void RingPort::showNames(bool on) {
  wantsNames_ = on;
  if (!closed_ && (on != showsNames_ || !refusal_.empty())) attach(stage_, on);
}

void RingPort::start() { bindSocket(); }

// With several threads the kernel lets only running sockets join a group, so a port that is down is bound later.
void RingPort::bindSocket() {
  if (bound_ || !socket_) return;
  if (options_.parts > 1 && (!up_ || group_->joined.load() != options_.part)) return;
  if (options_.part == 0) {
    if (options_.manageOffloads) {
      offloads_ = std::make_unique<Offloads>(index_, options_.memoryFolder);
      offloads_->turnOff();  // before the first packet
    }
    baseline_ = interfaceCounters(index_).value_or(InterfaceCounters{});
    if (options_.earlyDrop) earlyDrop_ = std::make_unique<EarlyDrop>(index_);
    else removeEarlyDrop(index_);  // what a process that was killed has left
  }
  socket_->bindTo(index_, options_.promiscuous);
  if (options_.parts > 1) {
    if (options_.part == 0) group_->id.store(socket_->makeFanout(fanoutProgram()));
    else socket_->joinFanout(static_cast<uint16_t>(group_->id.load()), fanoutProgram());
  }
  bound_ = true;
  group_->joined.fetch_add(1);
  attendedNs_ = 0;
  attend();
}

// After the socket is bound: no frame is dropped that was not seen.
void RingPort::attend() {
  if (monotonicNs() - attendedNs_ < kAttendNs) return;
  attendedNs_ = monotonicNs();
  if (offloads_) offloads_->turnOff();
  if (earlyDrop_) earlyDrop_->attend();
}

bool RingPort::setStage(FirstStage stage, bool mixed) {
  if (closed_) return true;
  refreshCounters();  // what was counted until now came through the former stage
  mixed_ = mixed;
  return attach(stage, wantsNames_);
}

void RingPort::makeWhole(PacketView& packet) {
  uint8_t* whole = whole_[wholeNext_].data();
  wholeNext_ = (wholeNext_ + 1) % whole_.size();
  std::memcpy(whole, packet.data, packet.captured);
  whole[packet.captured++] = 0;
  packet.data = whole;
}

void RingPort::noteContent(uint64_t nowNs) {
  // One more than there are: the kernel is filling it.
  contentEnds_ = blocksRead_ + (socket_ ? socket_->filledBlocks() : 0) + 1;
  contentNs_ = nowNs;
}

// A block that the kernel was filling is handed over when it is full or by its timer; if nothing came, it stays.
bool RingPort::isPastContent(uint64_t nowNs) const {
  return blocksRead_ >= contentEnds_ || (isEmpty() && nowNs - contentNs_ > kRingSettledNs);
}

void RingPort::closeIntake() {
  refreshCounters();
  closed_ = true;
  try {
    if (socket_) socket_->attach({BPF_STMT(BPF_RET | BPF_K, 0)});
  } catch (const Failure& failure) {
    failure_ = failure.what();  // then packets go on coming, and the source ends its draining by time
  }
}

void RingPort::releaseFinished() {
  if (block_ == nullptr || left_ > 0) return;
  socket_->giveBack();
  block_ = nullptr;
  blocksRead_++;
}

void RingPort::check() {
  if (closed_) return;
  if (socket_) {
    const std::string name = interfaceName(index_);
    if (!name.empty()) {
      name_ = name;
      mtu_ = interfaceMtu(name);
    }
    up_ = !name.empty() && interfaceIsUp(name);
    socket_->takeError();  // ENETDOWN is reported once and would keep poll(2) awake; the socket itself stays bound
    if (name.empty() && !gone_) goneNs_ = monotonicNs();
    gone_ = name.empty();
    // What the ring still holds is metered first, also the block that the kernel has not handed over yet.
    if (gone_ && isEmpty() && monotonicNs() - goneNs_ > kRingSettledNs) leave();
    else if (!gone_ && !bound_) reopen();
    else if (!gone_) attend();
    if (!refusal_.empty()) attach(stage_, wantsNames_);
    return;
  }
  reopen();
}

void RingPort::leave() {
  refreshCounters();
  socket_.reset();
  offloads_.reset();
  earlyDrop_.reset();
  up_ = false;
  if (bound_) group_->joined.fetch_sub(1);
  bound_ = false;
}

// The interface may be a new device with the old name. Trouble is kept as words and tried again at the next check.
void RingPort::reopen() {
  try {
    if (!socket_) {
      const uint32_t index = interfaceIndex(configured_);
      if (index == 0) return;
      index_ = index;
      name_ = configured_;
      openSocket();
      gone_ = false;
    }
    up_ = interfaceIsUp(name_);
    mtu_ = interfaceMtu(name_);
    bindSocket();
    failure_.clear();
  } catch (const Failure& failure) {
    failure_ = failure.what();
  }
}

void RingPort::refreshCounters() {
  if (!socket_ || !bound_) return;
  const RingStatistics taken = socket_->takeStatistics();
  droppedByKernel_ += taken.dropped;
  const uint64_t passedOver = taken.tapped * (stage_.interval - 1);
  const uint64_t sampled = group_->sampled.fetch_add(passedOver) + passedOver;
  const uint64_t tapped = group_->tapped.fetch_add(taken.tapped) + taken.tapped;
  if (options_.part != 0 || closed_) return;  // what a closed intake refuses was never ours to meter
  const auto now = interfaceCounters(index_);
  if (!now) return;
  // Drivers reset their counters at times; a step back starts over.
  if (now->droppedPackets >= baseline_.droppedPackets) droppedByNic_ += now->droppedPackets - baseline_.droppedPackets;
  if (now->receivedPackets >= baseline_.receivedPackets) portPackets_ += now->receivedPackets - baseline_.receivedPackets;
  baseline_ = *now;
  // The kernel does not count what a program refuses. Of the first stage: each packet that it let through stands for so many
  // that it did not. Of the filter: what else the port had and the socket was not shown (DESIGN section 5).
  sampledByKernel_ = sampled;
  const uint64_t shown = tapped + sampled;
  if (!options_.filter.empty() && portPackets_ > shown) filtered_ = std::max(filtered_, portPackets_ - shown);  // counters only grow
}

void RingPort::report(InterfaceReport& to) const {
  to.name = name_;
  to.index = index_;
  to.present = socket_ && !gone_;
  to.up = up_;
  to.mtu = mtu_;
  to.receivedPackets = received_;
  to.droppedByKernelPackets = droppedByKernel_;
  to.droppedByNicPackets = droppedByNic_;
  to.sampledByKernelPackets = sampledByKernel_;
  to.offloads = offloads_ ? offloads_->words() : "not managed";
  to.earlyDrop = earlyDrop_ ? earlyDrop_->words() : "off";
}

std::string RingPort::trouble() const {
  if (!failure_.empty()) return failure_;
  if (!socket_ || gone_) return "ENODEV: " + configured_ + " is gone; metering goes on when it is back";
  if (!up_) return "ENETDOWN: " + name_ + " is down; metering goes on when it is up";
  return refusal_;
}

}  // namespace flowspan
