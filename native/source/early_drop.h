// Drops mirrored frames at the port's tc ingress hook, which comes right after the taps: the ring has them already, and the
// kernel's stack has no work with them (IP, ARP, sockets of the box). A filter of two instructions of classic BPF on a clsact
// queueing discipline; both are taken away when this ends. What a killed process left is recognised by the filter's place and program.
//
// Never on a port with an IP address, which somebody reaches the box by: looked at now and again.
#pragma once

#include <cstdint>
#include <string>

namespace flowspan {

// Whether our filter is on an interface now; needs no right.
bool hasEarlyDrop(uint32_t interface);
// Takes off what a process that was killed left there. Returns 0, also where nothing was, or errno: then it may still be there.
int removeEarlyDrop(uint32_t interface);

class EarlyDrop {
 public:
  explicit EarlyDrop(uint32_t interface) : interface_(interface) {}
  ~EarlyDrop();
  EarlyDrop(const EarlyDrop&) = delete;
  EarlyDrop& operator=(const EarlyDrop&) = delete;

  // Puts the filter there, or takes it off where the port has got an address meanwhile.
  void attend();
  // `on`, or why not.
  const std::string& words() const { return words_; }

 private:
  std::string install();

  uint32_t interface_;
  bool on_ = false;
  std::string words_ = "not tried yet";
};

}  // namespace flowspan
