// Walks capture blocks that lie in no cache, as one that another processor has just filled: how far ahead is their memory best asked for?
// Blocks as TPACKET_V3 fills them, packets of 60 and 256 octets, 192 MiB of them; each packet's header is read, then two lines of its
// frame, with arithmetic of some 20 ns. `ring_walk_bench [rounds]` prints ns a packet; the distances take turns block by block, so that
// what else the machine does falls on all of them. 0 is the former guess: the next header but one, if both packets are as long.
#include <linux/if_packet.h>
#include <sys/mman.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <vector>

namespace {

constexpr size_t kBlockOctets = 1u << 20;
constexpr size_t kBlocks = 192;
constexpr size_t kHeadOctets = 48;
constexpr size_t kBatch = 32;
constexpr size_t kMacAt = 82;
constexpr long kDistances[] = {0, 1024, 2048, 4096, 8192, 16384};
constexpr size_t kDistanceCount = std::size(kDistances);

struct Seen {
  const uint8_t* data;
  uint64_t ns;
};

uint64_t nowNs() {
  timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return static_cast<uint64_t>(t.tv_sec) * 1'000'000'000u + static_cast<uint64_t>(t.tv_nsec);
}

uint64_t mixed(uint64_t x) {
  for (int i = 0; i < 12; i++) x = (x ^ (x >> 29)) * 0xbf58476d1ce4e5b9u;
  return x;
}

// Returns how many packets fit.
uint32_t fill(uint8_t* block, uint64_t& chance) {
  uint32_t packets = 0;
  for (size_t at = kHeadOctets;; packets++) {
    chance = chance * 6364136223846793005u + 1;
    const uint32_t kept = (chance >> 40) % 12 < 7 ? 60 : 256;
    const uint32_t whole = (static_cast<uint32_t>(kMacAt) + kept + 15) / 16 * 16;
    if (at + whole > kBlockOctets) return packets;
    tpacket3_hdr header{};
    header.tp_next_offset = whole;
    header.tp_mac = kMacAt;
    header.tp_snaplen = header.tp_len = kept;
    header.tp_nsec = packets;
    std::memcpy(block + at, &header, sizeof header);
    std::memset(block + at + kMacAt, static_cast<int>(chance >> 56), kept);
    at += whole;
  }
}

uint64_t walk(const uint8_t* block, uint32_t left, long distance) {
  const uint8_t* at = block + kHeadOctets;
  const uint8_t* asked = at;
  const uint8_t* end = block + kBlockOctets;
  Seen batch[kBatch];
  uint64_t sum = 0;
  while (left > 0) {
    size_t count = 0;
    while (count < kBatch && left > 0) {
      const auto* header = reinterpret_cast<const tpacket3_hdr*>(at);
      Seen& seen = batch[count++];
      seen.data = at + header->tp_mac;
      if (--left == 0) break;
      at += header->tp_next_offset;
      if (distance == 0) {
        __builtin_prefetch(at + header->tp_next_offset);
      } else {
        const uint8_t* until = std::min(at + distance, end);
        for (; asked < until; asked += 64) __builtin_prefetch(asked);
      }
      seen.ns = reinterpret_cast<const tpacket3_hdr*>(at)->tp_nsec;
    }
    for (size_t i = 0; i < count; i++) {
      if (i + 8 < count) {
        __builtin_prefetch(batch[i + 8].data);
        __builtin_prefetch(batch[i + 8].data + 40);
      }
      uint64_t words[2];
      std::memcpy(&words[0], batch[i].data + 8, 8);
      std::memcpy(&words[1], batch[i].data + 44, 8);
      sum += mixed(words[0] ^ words[1] ^ batch[i].ns);
    }
  }
  return sum;
}

}  // namespace

int main(int argc, char** argv) {
  const int rounds = argc > 1 ? std::atoi(argv[1]) : 12;
  void* memory = mmap(nullptr, kBlocks * kBlockOctets, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return std::perror("mmap"), 1;
  auto* blocks = static_cast<uint8_t*>(memory);
  uint64_t chance = 1;
  std::vector<uint32_t> packets;
  for (size_t block = 0; block < kBlocks; block++) packets.push_back(fill(blocks + block * kBlockOctets, chance));
  std::vector<double> times[kDistanceCount];
  volatile uint64_t kept = 0;
  for (size_t round = 0; round < static_cast<size_t>(rounds); round++) {
    for (size_t block = 0; block < kBlocks; block++) {
      const size_t which = (block + round) % kDistanceCount;
      const uint64_t fromNs = nowNs();
      kept = kept + walk(blocks + block * kBlockOctets, packets[block], kDistances[which]);
      times[which].push_back(static_cast<double>(nowNs() - fromNs) / packets[block]);
    }
  }
  std::printf("octets ahead  least  quarter  median, ns a packet\n");
  for (size_t which = 0; which < kDistanceCount; which++) {
    std::vector<double>& of = times[which];
    std::ranges::sort(of);
    std::printf("%12ld %6.1f %8.1f %7.1f\n", kDistances[which], of.front(), of[of.size() / 4], of[of.size() / 2]);
  }
}
