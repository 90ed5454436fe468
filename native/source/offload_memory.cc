#include "offload_memory.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <sstream>

namespace flowspan {

OffloadMemory::OffloadMemory(const std::string& folder, uint32_t interface) {
  struct stat network{};
  std::string boot;
  std::ifstream("/proc/sys/kernel/random/boot_id") >> boot;
  // Numbers of interfaces are those of a network namespace.
  if (folder.empty() || boot.empty() || stat("/proc/self/ns/net", &network) != 0) return;
  const std::string number = std::to_string(interface);
  path_ = folder + "/offloads-" + number;
  identity_ = boot + " " + std::to_string(network.st_ino) + " " + number;
}

std::vector<std::string> OffloadMemory::recall() const {
  std::vector<std::string> features;
  if (path_.empty()) return features;
  std::ifstream file(path_);
  std::string identity, line;
  if (!std::getline(file, identity) || identity != identity_ || !std::getline(file, line)) return features;
  std::istringstream words(line);
  for (std::string feature; words >> feature;) features.push_back(feature);
  return features;
}

// Written beside and renamed: a kill leaves the old or the new.
void OffloadMemory::keep(const std::vector<std::string>& features) const {
  if (path_.empty()) return;
  const std::string beside = path_ + ".new";
  {
    std::ofstream file(beside, std::ios::trunc);
    file << identity_ << '\n';
    for (const std::string& feature : features) file << feature << ' ';
    file << '\n';
    if (!file.flush()) return;
  }
  std::rename(beside.c_str(), path_.c_str());
}

void OffloadMemory::forget() const {
  if (!path_.empty()) unlink(path_.c_str());
}

}  // namespace flowspan
