// GRO and LRO merge packets before the ring sees them and falsify counts. Off while metering, restored when this ends.
// A killed process cannot restore them: the interface set-up of the box does it at boot.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace flowspan {

// Which of `GRO` and `LRO` are on now; changes nothing and needs no right. Nothing when the driver answers neither question.
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
  bool hadGro_ = false;
  bool hadLro_ = false;
  std::string words_ = "not managed";
};

}  // namespace flowspan
