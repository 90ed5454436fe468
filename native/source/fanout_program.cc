// Loads are relative to the link header (SKF_LL_OFF), because a fanout program runs with the packet at its network header.
// The kernel has already moved the outer tag into metadata; up to two more are looked through.
#include "fanout_program.h"

#include <cstddef>
#include <cstdint>

namespace flowspan {

namespace {

constexpr uint32_t kLink = static_cast<uint32_t>(SKF_LL_OFF);
constexpr uint32_t kTags = 2;

class Assembler {
 public:
  std::vector<sock_filter> code;

  void put(uint16_t operation, uint32_t k) { code.push_back(sock_filter{operation, 0, 0, k}); }
  size_t jumpIfEqual(uint32_t k) {
    put(BPF_JMP | BPF_JEQ | BPF_K, k);
    return code.size() - 1;
  }
  // The jump at `from` goes to what is put next.
  void landTrue(size_t from) { code[from].jt = static_cast<uint8_t>(code.size() - from - 1); }

  void loadWord(uint32_t offset) { put(BPF_LD | BPF_W | BPF_ABS, kLink + offset); }
  void loadHalf(uint32_t offset) { put(BPF_LD | BPF_H | BPF_ABS, kLink + offset); }
  void toX() { put(BPF_MISC | BPF_TAX, 0); }
  void store(uint32_t cell) { put(BPF_ST, cell); }
  void recall(uint32_t cell) { put(BPF_LD | BPF_MEM, cell); }

  // A becomes a hash of four words.
  void loadWide(uint32_t offset) {
    loadWord(offset);
    for (uint32_t word = 1; word < 4; word++) {
      put(BPF_ALU | BPF_MUL | BPF_K, 31);
      toX();
      loadWord(offset + 4 * word);
      put(BPF_ALU | BPF_ADD | BPF_X, 0);
    }
  }

  // A and cell 0 are the two ends: returns (a ^ b) * k1 + (a + b) * k2, its upper half.
  void returnPair() {
    toX();
    recall(0);
    put(BPF_ALU | BPF_XOR | BPF_X, 0);
    put(BPF_ALU | BPF_MUL | BPF_K, 0x9e3779b1u);
    store(1);
    recall(0);
    put(BPF_ALU | BPF_ADD | BPF_X, 0);
    put(BPF_ALU | BPF_MUL | BPF_K, 0x85ebca6bu);
    toX();
    recall(1);
    put(BPF_ALU | BPF_ADD | BPF_X, 0);
    put(BPF_ALU | BPF_RSH | BPF_K, 12);
    put(BPF_RET | BPF_A, 0);
  }
};

}  // namespace

std::vector<sock_filter> fanoutProgram() {
  Assembler to;
  for (uint32_t tags = 0; tags <= kTags; tags++) {
    const uint32_t network = 14 + 4 * tags;
    to.loadHalf(network - 2);
    const size_t v4 = to.jumpIfEqual(0x0800);
    const size_t v6 = to.jumpIfEqual(0x86dd);
    size_t tagged[3] = {};
    if (tags < kTags) {
      tagged[0] = to.jumpIfEqual(0x8100);
      tagged[1] = to.jumpIfEqual(0x88a8);
      tagged[2] = to.jumpIfEqual(0x9100);
    }
    // Anything else: the lower four octets of both MACs.
    to.loadWord(2);
    to.store(0);
    to.loadWord(8);
    to.returnPair();
    to.landTrue(v4);
    to.loadWord(network + 12);
    to.store(0);
    to.loadWord(network + 16);
    to.returnPair();
    to.landTrue(v6);
    to.loadWide(network + 8);
    to.store(0);
    to.loadWide(network + 24);
    to.returnPair();
    if (tags < kTags) {
      for (const size_t jump : tagged) to.landTrue(jump);
    }
  }
  return to.code;
}

}  // namespace flowspan
