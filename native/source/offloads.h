// GRO, LRO, rx-gro-hw and their kin merge packets before the ring sees them and falsify counts. Off while metering, restored when this ends.
// What a killed process turned off is turned on again when the next one ends.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "offload_memory.h"

namespace flowspan {

// Which of `GRO`, `LRO`, `rx-gro-hw`, `rx-gro-list`, `rx-udp-gro-forwarding` are on now; changes nothing and needs no right.
// Nothing when the driver does not answer.
std::optional<std::vector<std::string>> mergingOffloads(const std::string& name);

class Offloads {
 public:
  // `memoryFolder`: where it is kept what was turned off, in case this process is killed; empty for nowhere.
  Offloads(uint32_t interface, const std::string& memoryFolder) : interface_(interface), memory_(memoryFolder, interface) {}
  ~Offloads() { restore(); }
  Offloads(const Offloads&) = delete;
  Offloads& operator=(const Offloads&) = delete;

  // Again now and then: a driver that was reset, or somebody, may have turned them on; who did gets them back like the others.
  void turnOff();
  void restore();
  // `off`, `off (were on)`, or why they could not be turned off.
  const std::string& words() const { return words_; }

 private:
  uint32_t interface_;
  OffloadMemory memory_;
  bool recalled_ = false;
  bool refused_ = false;
  std::vector<uint32_t> turnedOff_;  // numbers of features
  std::string words_ = "not managed";
};

}  // namespace flowspan
