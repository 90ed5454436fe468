// The least that capturing live can cost: reads every packet's header out of a TPACKET_V3 ring and adds up lengths. What the live
// bench compares meters with. Usage: flowspan-ring-count INTERFACE; ends with SIGTERM and prints what it saw.
#include <poll.h>
#include <signal.h>

#include <cstdio>

#include "../source/failure.h"
#include "../source/interface_facts.h"
#include "../source/packet_socket.h"

namespace {

using namespace flowspan;

constexpr uint64_t kRingOctets = 32u << 20;
constexpr uint32_t kSnapOctets = 256;
constexpr int kWaitMs = 20;

volatile sig_atomic_t ending = 0;

}  // namespace

int main(int argc, char** argv) try {
  if (argc != 2) {
    std::fprintf(stderr, "usage: flowspan-ring-count INTERFACE\n");
    return 2;
  }
  const uint32_t index = interfaceIndex(argv[1]);
  if (index == 0) throw Failure("ENODEV", argv[1]);
  signal(SIGTERM, [](int) { ending = 1; });
  PacketSocket socket(kRingOctets);
  socket.attach({sock_filter{BPF_RET | BPF_K, 0, 0, kSnapOctets}});
  socket.bindTo(index, true);
  uint64_t packets = 0, octets = 0;
  while (ending == 0) {
    tpacket_block_desc* block = socket.readyBlock();
    if (block == nullptr) {
      pollfd wait{socket.fd(), POLLIN, 0};
      poll(&wait, 1, kWaitMs);
      continue;
    }
    const auto* at = reinterpret_cast<const uint8_t*>(block) + block->hdr.bh1.offset_to_first_pkt;
    for (uint32_t left = block->hdr.bh1.num_pkts; left > 0; left--) {
      const auto* header = reinterpret_cast<const tpacket3_hdr*>(at);
      octets += header->tp_len;
      at += header->tp_next_offset;
      packets++;
    }
    socket.giveBack();
  }
  std::printf("{\"packets\":%llu,\"octets\":%llu}\n", static_cast<unsigned long long>(packets), static_cast<unsigned long long>(octets));
  return 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "flowspan-ring-count: %s\n", error.what());
  return 1;
}
