// GRO, LRO, rx-gro-hw and their kin merge packets before the ring sees them and falsify counts. Off while metering, restored when this ends.
// A killed process cannot restore them: the interface set-up of the box does it at boot.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace flowspan {

// Which of `GRO`, `LRO`, `rx-gro-hw`, `rx-gro-list`, `rx-udp-gro-forwarding` are on now; changes nothing and needs no right.
// Nothing when the driver does not answer.
std::optional<std::vector<std::string>> mergingOffloads(const std::string& name);

class Offloads {
 public:
  explicit Offloads(uint32_t interface) : interface_(interface) {}
  ~Offloads() { restore(); }
  Offloads(const Offloads&) = delete;
  Offloads& operator=(const Offloads&) = delete;

  void turnOff();
  void restore();
  // `off`, `off (were on)`, or why they could not be turned off.
  const std::string& words() const { return words_; }

 private:
  uint32_t interface_;
  std::vector<uint32_t> turnedOff_;  // numbers of features
  std::string words_ = "not managed";
};

}  // namespace flowspan
