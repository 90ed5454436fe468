// Which offloads this program turned off at a port, in a small file: who was killed cannot turn them on again, the next start can
// at its end. Holds for one boot and one device: after a boot, and for a device that was plugged in, drivers begin with their defaults.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace flowspan {

class OffloadMemory {
 public:
  // Keeps nothing when `folder` is empty. A folder that cannot be written makes it forgetful, not fail.
  OffloadMemory(const std::string& folder, uint32_t interface);
  // Names of features, as the kernel has them.
  std::vector<std::string> recall() const;
  void keep(const std::vector<std::string>& features) const;
  void forget() const;

 private:
  std::string path_;
  std::string identity_;
};

}  // namespace flowspan
