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
  // Jumps where something is not so; they land by `land`.
  size_t jump() {
    put(BPF_JMP | BPF_JA, 0);
    return code.size() - 1;
  }
  size_t jumpUnlessAtLeast(uint32_t k) {
    put(BPF_JMP | BPF_JGE | BPF_K, k);
    return code.size() - 1;
  }
  // From the network header on: that is where the kernel has moved the packet's start to.
  size_t jumpUnlessOctets(uint32_t octets) {
    put(BPF_LD | BPF_W | BPF_LEN, 0);
    return jumpUnlessAtLeast(octets);
  }
  size_t jumpUnlessVersion(uint32_t offset, uint32_t version) {
    loadOctet(offset);
    put(BPF_ALU | BPF_RSH | BPF_K, 4);
    put(BPF_JMP | BPF_JEQ | BPF_K, version);
    return code.size() - 1;
  }
  // The jump at `from` goes to what is put next.
  void landTrue(size_t from) { code[from].jt = static_cast<uint8_t>(code.size() - from - 1); }
  void land(size_t from) {
    if (code[from].code == (BPF_JMP | BPF_JA)) code[from].k = static_cast<uint32_t>(code.size() - from - 1);
    else code[from].jf = static_cast<uint8_t>(code.size() - from - 1);
  }

  void loadWord(uint32_t offset) { put(BPF_LD | BPF_W | BPF_ABS, kLink + offset); }
  void loadOctet(uint32_t offset) { put(BPF_LD | BPF_B | BPF_ABS, kLink + offset); }
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

// As partition.cc and the decoder see it: a header of another version than the type says, too short, or with a length below 20
// octets, is no IP, and its frame belongs to the flow of its MACs.
std::vector<sock_filter> fanoutProgram() {
  Assembler to;
  for (uint32_t tags = 0; tags <= kTags; tags++) {
    const uint32_t network = 14 + 4 * tags;
    to.loadHalf(network - 2);
    const size_t v4 = to.jumpIfEqual(0x0800);
    const size_t v6 = to.jumpIfEqual(0x86dd);
    std::vector<size_t> tagged;
    if (tags < kTags) tagged = {to.jumpIfEqual(0x8100), to.jumpIfEqual(0x88a8), to.jumpIfEqual(0x9100)};
    std::vector<size_t> macs{to.jump()};

    to.landTrue(v4);
    macs.push_back(to.jumpUnlessOctets(4 * tags + 20));
    macs.push_back(to.jumpUnlessVersion(network, 4));
    to.loadOctet(network);
    to.put(BPF_ALU | BPF_AND | BPF_K, 15);
    macs.push_back(to.jumpUnlessAtLeast(5));
    to.loadWord(network + 12);
    to.store(0);
    to.loadWord(network + 16);
    to.returnPair();

    to.landTrue(v6);
    macs.push_back(to.jumpUnlessOctets(4 * tags + 40));
    macs.push_back(to.jumpUnlessVersion(network, 6));
    to.loadWide(network + 8);
    to.store(0);
    to.loadWide(network + 24);
    to.returnPair();

    // Anything else: the lower four octets of both MACs.
    for (const size_t jump : macs) to.land(jump);
    to.loadWord(2);
    to.store(0);
    to.loadWord(8);
    to.returnPair();
    for (const size_t jump : tagged) to.landTrue(jump);
  }
  return to.code;
}

}  // namespace flowspan
