// Sends the packets of a capture out of an interface: the traffic of tests and benchmarks. Always bounded.
// Usage: flowspan-send INTERFACE CAPTURE PACKETS [PACKETS-PER-SECOND]; the capture is repeated until PACKETS are sent.
// Prints the packets and octets sent and the seconds it took.
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "../source/capture_reader.h"
#include "../source/clocks.h"
#include "../source/failure.h"

namespace {

using namespace flowspan;

constexpr size_t kAtOnce = 64;
constexpr uint64_t kPacketsMax = 100'000'000;

struct Frame {
  std::vector<uint8_t> octets;
};

std::vector<Frame> readFrames(const std::string& path) {
  auto reader = openCapture(path);
  std::vector<Frame> frames;
  PacketBatch batch;
  ReadState state;
  do {
    batch.count = 0;
    state = reader->read(batch);
    for (size_t i = 0; i < batch.count; i++) {
      const PacketView& packet = batch.packets[i];
      // A packet that was cut is sent in its whole length, the missing octets zero.
      Frame frame{std::vector<uint8_t>(packet.data, packet.data + packet.captured)};
      frame.octets.resize(packet.wire);
      frames.push_back(std::move(frame));
    }
  } while (state != ReadState::end);
  return frames;
}

int openSocket(const char* interface) {
  const int fd = socket(AF_PACKET, SOCK_RAW, 0);
  if (fd < 0) throw Failure("EPERM", systemWords(errno));
  sockaddr_ll address{};
  address.sll_family = AF_PACKET;
  address.sll_ifindex = static_cast<int>(if_nametoindex(interface));
  if (address.sll_ifindex == 0) throw Failure("ENODEV", interface);
  if (bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) throw Failure("EINVAL", systemWords(errno));
  const int bypass = 1;
  setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &bypass, sizeof bypass);
  return fd;
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc < 4) {
    std::fprintf(stderr, "usage: flowspan-send INTERFACE CAPTURE PACKETS [PACKETS-PER-SECOND]\n");
    return 2;
  }
  const std::vector<Frame> frames = readFrames(argv[2]);
  const uint64_t packets = std::min<uint64_t>(std::strtoull(argv[3], nullptr, 10), kPacketsMax);
  const uint64_t rate = argc > 4 ? std::strtoull(argv[4], nullptr, 10) : 0;
  if (frames.empty()) throw Failure("EBADCAPTURE", "no packets");
  const int fd = openSocket(argv[1]);
  const uint64_t startNs = monotonicNs();
  uint64_t sent = 0;
  uint64_t octets = 0;
  while (sent < packets) {
    mmsghdr messages[kAtOnce] = {};
    iovec parts[kAtOnce];
    const size_t count = std::min<uint64_t>(kAtOnce, packets - sent);
    for (size_t i = 0; i < count; i++) {
      const Frame& frame = frames[(sent + i) % frames.size()];
      parts[i] = {const_cast<uint8_t*>(frame.octets.data()), frame.octets.size()};
      messages[i].msg_hdr.msg_iov = &parts[i];
      messages[i].msg_hdr.msg_iovlen = 1;
    }
    const int done = sendmmsg(fd, messages, static_cast<unsigned>(count), 0);
    if (done < 0 && errno != ENOBUFS && errno != EAGAIN) throw Failure("EIO", systemWords(errno));
    for (int i = 0; i < done; i++) octets += messages[i].msg_len;
    sent += done > 0 ? static_cast<uint64_t>(done) : 0;
    if (rate > 0) {
      const uint64_t dueNs = startNs + sent * kNsPerSecond / rate;
      const uint64_t nowNs = monotonicNs();
      if (dueNs > nowNs) usleep(static_cast<useconds_t>((dueNs - nowNs) / 1000));
    }
  }
  std::printf("{\"packets\":%llu,\"octets\":%llu,\"seconds\":%.6f}\n", static_cast<unsigned long long>(sent),
              static_cast<unsigned long long>(octets), static_cast<double>(monotonicNs() - startNs) / 1e9);
  return 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "flowspan-send: %s\n", error.what());
  return 1;
}
