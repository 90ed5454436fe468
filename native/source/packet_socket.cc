#include "packet_socket.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>

#include "failure.h"

#ifndef PACKET_FANOUT_FLAG_IGNORE_OUTGOING
#define PACKET_FANOUT_FLAG_IGNORE_OUTGOING 0x4000
#endif

namespace flowspan {

namespace {

constexpr uint64_t kBlockOctetsMax = 1u << 20;
constexpr uint64_t kBlocksMin = 8;
// Only checked by the kernel, never used: V3 packs packets of any length.
constexpr uint32_t kFrameOctets = 2048;

[[noreturn]] void refused(const char* what) {
  const int error = errno;
  if (error == EPERM || error == EACCES) {
    throw Failure("EPERM", std::string(what) +
                               " needs the capability CAP_NET_RAW: run as root (sudo), grant it with `setcap cap_net_raw,"
                               "cap_net_admin+ep` on the node binary, or with AmbientCapabilities=CAP_NET_RAW in the unit");
  }
  const char* code = error == ENOMEM || error == ENOBUFS ? "ENOMEM" : error == ENODEV || error == ENXIO ? "ENODEV" : "EINVAL";
  throw Failure(code, std::string(what) + ": " + systemWords(error));
}

template <typename T>
void setOption(int fd, int option, const T& value, const char* what) {
  if (setsockopt(fd, SOL_PACKET, option, &value, sizeof value) != 0) refused(what);
}

sock_fprog programOf(const std::vector<sock_filter>& code) {
  return {static_cast<unsigned short>(code.size()), const_cast<sock_filter*>(code.data())};
}

}  // namespace

void requireCaptureRight() {
  const int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
  if (fd < 0) refused("capturing");
  close(fd);
}

PacketSocket::PacketSocket(uint64_t ringOctets) {
  // Protocol 0: nothing is received before the filter is in place and bind names a protocol.
  fd_ = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
  if (fd_ < 0) refused("capturing");
  try {
    const int version = TPACKET_V3;
    setOption(fd_, PACKET_VERSION, version, "TPACKET_V3");
    blockOctets_ = std::min(kBlockOctetsMax, ringOctets / kBlocksMin) / 65'536 * 65'536;
    blocks_ = ringOctets / blockOctets_;
    tpacket_req3 request{};
    request.tp_block_size = static_cast<unsigned>(blockOctets_);
    request.tp_block_nr = static_cast<unsigned>(blocks_);
    request.tp_frame_size = kFrameOctets;
    request.tp_frame_nr = static_cast<unsigned>(blocks_ * (blockOctets_ / kFrameOctets));
    request.tp_retire_blk_tov = kRetireMs;
    setOption(fd_, PACKET_RX_RING, request, "the capture ring");
    octets_ = blocks_ * blockOctets_;
    void* memory = mmap(nullptr, octets_, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd_, 0);
    if (memory == MAP_FAILED) refused("mapping the capture ring");
    memory_ = static_cast<uint8_t*>(memory);
    // What the box itself sends out of the port is not mirrored traffic. Linux 4.20.
    const int ignore = 1;
    setsockopt(fd_, SOL_PACKET, PACKET_IGNORE_OUTGOING, &ignore, sizeof ignore);
  } catch (...) {
    close(fd_);
    throw;
  }
}

PacketSocket::~PacketSocket() {
  if (memory_ != nullptr) munmap(memory_, octets_);
  close(fd_);
}

void PacketSocket::attach(const std::vector<sock_filter>& code) {
  const sock_fprog program = programOf(code);
  if (setsockopt(fd_, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) != 0) refused("attaching the filter");
}

void PacketSocket::bindTo(uint32_t interface, bool promiscuous) {
  sockaddr_ll address{};
  address.sll_family = AF_PACKET;
  address.sll_protocol = htons(ETH_P_ALL);
  address.sll_ifindex = static_cast<int>(interface);
  if (bind(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) refused("binding to the interface");
  if (!promiscuous) return;
  packet_mreq membership{};
  membership.mr_ifindex = static_cast<int>(interface);
  membership.mr_type = PACKET_MR_PROMISC;  // ends with the socket, unlike a flag on the interface
  setOption(fd_, PACKET_ADD_MEMBERSHIP, membership, "promiscuous mode");
}

uint16_t PacketSocket::makeFanout(const std::vector<sock_filter>& code) {
  enterFanout(0, PACKET_FANOUT_CBPF | PACKET_FANOUT_FLAG_UNIQUEID, code);
  uint32_t value = 0;
  socklen_t size = sizeof value;
  if (getsockopt(fd_, SOL_PACKET, PACKET_FANOUT, &value, &size) != 0) refused("reading the threads' group");
  return static_cast<uint16_t>(value & 0xffff);
}

void PacketSocket::joinFanout(uint16_t id, const std::vector<sock_filter>& code) { enterFanout(id, PACKET_FANOUT_CBPF, code); }

void PacketSocket::enterFanout(uint32_t id, uint32_t flags, const std::vector<sock_filter>& code) {
  uint32_t value = id | (flags | PACKET_FANOUT_FLAG_IGNORE_OUTGOING) << 16;
  if (setsockopt(fd_, SOL_PACKET, PACKET_FANOUT, &value, sizeof value) != 0) {
    // Older kernels cannot have the group ignore what the host sends; a mirror port sends nothing anyway.
    value = id | flags << 16;
    setOption(fd_, PACKET_FANOUT, value, "joining the threads' group");
  }
  const sock_fprog program = programOf(code);
  setOption(fd_, PACKET_FANOUT_DATA, program, "the program that spreads packets over threads");
}

RingStatistics PacketSocket::takeStatistics() const {
  tpacket_stats_v3 figures{};
  socklen_t size = sizeof figures;
  if (getsockopt(fd_, SOL_PACKET, PACKET_STATISTICS, &figures, &size) != 0) return {};
  return {figures.tp_packets, figures.tp_drops};
}

int PacketSocket::takeError() const {
  int error = 0;
  socklen_t size = sizeof error;
  getsockopt(fd_, SOL_SOCKET, SO_ERROR, &error, &size);
  return error;
}

tpacket_block_desc* PacketSocket::readyBlock() const {
  tpacket_block_desc* ready = block();
  return __atomic_load_n(&ready->hdr.bh1.block_status, __ATOMIC_ACQUIRE) & TP_STATUS_USER ? ready : nullptr;
}

// Filled blocks are those from the next one on, without a hole.
uint64_t PacketSocket::filledBlocks() const {
  uint64_t filled = 0;
  for (uint64_t at = next_; filled < blocks_; filled++) {
    const auto* one = reinterpret_cast<const tpacket_block_desc*>(memory_ + at * blockOctets_);
    if ((__atomic_load_n(&one->hdr.bh1.block_status, __ATOMIC_RELAXED) & TP_STATUS_USER) == 0) break;
    at = at + 1 == blocks_ ? 0 : at + 1;
  }
  return filled;
}

void PacketSocket::giveBack() {
  __atomic_store_n(&block()->hdr.bh1.block_status, TP_STATUS_KERNEL, __ATOMIC_RELEASE);
  next_ = next_ + 1 == blocks_ ? 0 : next_ + 1;
}

}  // namespace flowspan
