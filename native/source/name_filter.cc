#include "name_filter.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "../core/decoder.h"
#include "../core/observation.h"

namespace flowspan {

namespace {

constexpr uint32_t kEthernetOctets = 14, kTagOctets = 4, kIpv4OctetsMax = 60, kIpv6Octets = 40, kTcpOctetsMin = 20, kTcpOctetsMax = 60;
// Every load up to the end of a TCP header's fixed part lies within.
constexpr uint32_t kHeaderOctetsMax = kEthernetOctets + kTagOctets + kIpv4OctetsMax + kTcpOctetsMin;
static_assert(kHeaderOctetsMax >= kEthernetOctets + kIpv6Octets + 32 + 6, "also up to the message's type of a hello at its usual place");
constexpr uint32_t kKeptOctets = kEthernetOctets + 2 * kTagOctets + kIpv4OctetsMax + kTcpOctetsMax + Observation::kPayloadMax;
// Of a hello's record and handshake headers: as far as the message's type (RFC 8446 5.1, 4).
constexpr uint32_t kHelloHeadOctets = 6;
constexpr uint32_t kProtocol = 0, kPayloadAt = 1, kTargetPort = 2;  // places of the program's memory

// Instructions with names for where they jump to. Classic BPF only jumps ahead, by at most 255 on a condition.
class Program {
 public:
  using Label = size_t;
  Label label() {
    places_.push_back(0);
    return places_.size() - 1;
  }
  void here(Label label) { places_[label] = code_.size(); }
  void add(unsigned code, uint32_t k = 0) { code_.push_back({static_cast<uint16_t>(code), 0, 0, k}); }
  void ifSo(unsigned test, uint32_t k, Label target) { jump(BPF_JMP | test, k, target, Jump::whenSo); }
  void unless(unsigned test, uint32_t k, Label target) { jump(BPF_JMP | test, k, target, Jump::whenNot); }
  void go(Label target) { jump(BPF_JMP | BPF_JA, 0, target, Jump::always); }
  std::vector<sock_filter> linked() {
    for (const auto& [at, target, jump] : jumps_) {
      const size_t distance = places_[target] - at - 1;
      if (jump == Jump::always) code_[at].k = static_cast<uint32_t>(distance);
      else (jump == Jump::whenSo ? code_[at].jt : code_[at].jf) = static_cast<uint8_t>(distance);
    }
    return code_;
  }

 private:
  enum class Jump : uint8_t { always, whenSo, whenNot };
  struct Pending {
    size_t at;
    Label target;
    Jump jump;
  };
  void jump(unsigned code, uint32_t k, Label target, Jump jump) {
    jumps_.push_back({code_.size(), target, jump});
    add(code, k);
  }
  std::vector<sock_filter> code_;
  std::vector<size_t> places_;
  std::vector<Pending> jumps_;
};

constexpr unsigned kEquals = BPF_JEQ | BPF_K, kAtLeast = BPF_JGE | BPF_K, kMoreThan = BPF_JGT | BPF_K, kAnyOf = BPF_JSET | BPF_K;
constexpr unsigned kOctet = BPF_LD | BPF_B | BPF_IND, kTwoOctets = BPF_LD | BPF_H | BPF_IND;  // from X on
constexpr unsigned kLength = BPF_LD | BPF_W | BPF_LEN;

constexpr uint32_t kLaterFragment = 0x1fff;  // bits of the offset: what stands where ports would be is none

// X becomes where the IP header begins.
void findIp(Program& to, LinkType link, Program::Label four, Program::Label six, Program::Label cut) {
  if (link == LinkType::rawIp) {
    to.add(BPF_LDX | BPF_W | BPF_IMM, 0);
    to.add(BPF_LD | BPF_B | BPF_ABS, 0);
    to.add(BPF_ALU | BPF_RSH | BPF_K, 4);
    to.ifSo(kEquals, 4, four);
    to.ifSo(kEquals, 6, six);
    return to.go(cut);
  }
  const auto tagged = to.label(), typed = to.label();
  to.add(BPF_LDX | BPF_W | BPF_IMM, kEthernetOctets);
  to.add(BPF_LD | BPF_H | BPF_ABS, 12);
  to.ifSo(kEquals, 0x8100, tagged);
  to.unless(kEquals, 0x88a8, typed);
  to.here(tagged);
  to.add(BPF_LDX | BPF_W | BPF_IMM, kEthernetOctets + kTagOctets);
  to.add(BPF_LD | BPF_H | BPF_ABS, 16);
  to.here(typed);
  to.ifSo(kEquals, 0x0800, four);
  to.ifSo(kEquals, 0x86dd, six);
  to.go(cut);
}

void addToX(Program& to) {
  to.add(BPF_ALU | BPF_ADD | BPF_X);
  to.add(BPF_MISC | BPF_TAX);
}

constexpr unsigned kOctetAt = BPF_LD | BPF_B | BPF_ABS, kTwoOctetsAt = BPF_LD | BPF_H | BPF_ABS;
constexpr uint32_t kHelloRecord = 0x1603, kClientHello = 1;  // a record of a handshake, of version 3.x; its first message
// What is left of a hello for its second segment has 200 to 700 octets; nothing marks it but where it goes. Longer ones are uploads.
constexpr uint32_t kHelloPort = 443, kRestOctetsMax = 1024;
constexpr uint32_t kWatchedPorts[] = {53, 67, 68, 5353};

// Of a segment to the port that is loaded.
void mayBeRest(Program& to, Program::Label whole, Program::Label cut) {
  to.unless(kEquals, kHelloPort, cut);
  to.add(kLength);
  to.ifSo(kMoreThan, kRestOctetsMax, cut);
  to.go(whole);
}

// The transport header at a place that is known, as in nearly every packet: the kernel turns loads from fixed places into a few
// instructions, those relative to X into calls. TCP without options and with time stamps; the rest goes on to `general`.
void atFixedPlace(Program& to, uint32_t protocolAt, uint32_t transportAt, Program::Label whole, Program::Label cut, Program::Label general) {
  const auto datagram = to.label();
  to.add(kOctetAt, protocolAt);
  to.ifSo(kEquals, kUdp, datagram);
  to.unless(kEquals, kTcp, cut);
  to.add(kOctetAt, transportAt + 12);
  to.add(BPF_ALU | BPF_AND | BPF_K, 0xf0);
  const auto plain = to.label(), stamped = to.label(), rest = to.label();
  to.ifSo(kEquals, 0x50, plain);
  to.unless(kEquals, 0x80, general);
  to.here(stamped);
  for (const auto& [label, octets] : {std::pair{stamped, 32u}, std::pair{plain, 20u}}) {
    if (label == plain) to.here(plain);
    to.add(kTwoOctetsAt, transportAt + octets);
    to.unless(kEquals, kHelloRecord, rest);
    to.add(kOctetAt, transportAt + octets + 5);
    to.ifSo(kEquals, kClientHello, whole);
    to.go(rest);
  }
  to.here(rest);
  to.add(kTwoOctetsAt, transportAt + 2);
  mayBeRest(to, whole, cut);
  to.here(datagram);
  to.add(kTwoOctetsAt, transportAt);
  for (const uint32_t port : kWatchedPorts) to.ifSo(kEquals, port, whole);
  to.go(cut);
}

// Untagged Ethernet with IPv4 without options, or IPv6.
void commonFrames(Program& to, Program::Label whole, Program::Label cut, Program::Label general) {
  const auto six = to.label();
  to.add(kTwoOctetsAt, 12);
  to.ifSo(kEquals, 0x86dd, six);
  to.unless(kEquals, 0x0800, general);
  to.add(kOctetAt, kEthernetOctets);
  to.unless(kEquals, 0x45, general);
  to.add(kTwoOctetsAt, kEthernetOctets + 6);
  to.ifSo(kAnyOf, kLaterFragment, cut);
  atFixedPlace(to, kEthernetOctets + 9, kEthernetOctets + 20, whole, cut, general);
  to.here(six);
  atFixedPlace(to, kEthernetOctets + 6, kEthernetOctets + kIpv6Octets, whole, cut, general);
}

}  // namespace

std::vector<sock_filter> nameTail(LinkType link, uint32_t snapLength) {
  Program to;
  const auto cut = to.label(), whole = to.label(), four = to.label(), six = to.label(), transport = to.label(), datagram = to.label();
  to.add(kLength);
  to.unless(kAtLeast, std::max(snapLength + 1, kHeaderOctetsMax), cut);
  const auto general = to.label(), rest = to.label();
  if (link == LinkType::ethernet) commonFrames(to, whole, cut, general);
  to.here(general);
  findIp(to, link, four, six, cut);

  to.here(four);
  to.add(kTwoOctets, 6);
  to.ifSo(kAnyOf, kLaterFragment, cut);
  to.add(kOctet, 9);
  to.add(BPF_ST, kProtocol);
  to.add(kOctet, 0);
  to.add(BPF_ALU | BPF_AND | BPF_K, 0x0f);
  to.add(BPF_ALU | BPF_LSH | BPF_K, 2);
  addToX(to);
  to.go(transport);

  to.here(six);
  to.add(kOctet, 6);
  to.add(BPF_ST, kProtocol);
  to.add(BPF_LD | BPF_W | BPF_IMM, kIpv6Octets);
  addToX(to);

  to.here(transport);
  to.add(BPF_LD | BPF_W | BPF_MEM, kProtocol);
  to.ifSo(kEquals, kUdp, datagram);
  to.unless(kEquals, kTcp, cut);
  to.add(kTwoOctets, 2);
  to.add(BPF_ST, kTargetPort);
  to.add(kOctet, 12);
  to.add(BPF_ALU | BPF_AND | BPF_K, 0xf0);
  to.add(BPF_ALU | BPF_RSH | BPF_K, 2);
  addToX(to);
  to.add(BPF_STX, kPayloadAt);
  to.add(BPF_LD | BPF_W | BPF_IMM, kHelloHeadOctets);
  addToX(to);
  to.add(kLength);
  to.unless(BPF_JGE | BPF_X, 0, cut);
  to.add(BPF_LDX | BPF_W | BPF_MEM, kPayloadAt);
  to.add(kTwoOctets, 0);
  to.unless(kEquals, kHelloRecord, rest);
  to.add(kOctet, 5);
  to.ifSo(kEquals, kClientHello, whole);
  to.here(rest);
  to.add(BPF_LD | BPF_W | BPF_MEM, kTargetPort);
  mayBeRest(to, whole, cut);

  to.here(datagram);
  to.add(kTwoOctets, 0);
  for (const uint32_t port : kWatchedPorts) to.ifSo(kEquals, port, whole);

  to.here(cut);
  to.add(BPF_RET | BPF_K, snapLength);
  to.here(whole);
  to.add(BPF_RET | BPF_K, std::max(snapLength, kKeptOctets));
  return to.linked();
}

}  // namespace flowspan
