// Features by name (ETHTOOL_GFEATURES, Linux 2.6.39), because what merges packets has grown in number: GRO and LRO have old
// commands of their own, rx-gro-hw and the rest do not.
#include "offloads.h"

#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "failure.h"
#include "interface_facts.h"

namespace flowspan {

namespace {

struct Merging {
  const char* feature;  // as the kernel names it (net/ethtool/common.c)
  const char* shown;
};
// rx-gro-list and rx-udp-gro-forwarding let GRO merge what it would leave alone: UDP, and packets for others.
constexpr std::array<Merging, 5> kMerging{{{"rx-gro", "GRO"},
                                           {"rx-lro", "LRO"},
                                           {"rx-gro-hw", "rx-gro-hw"},
                                           {"rx-gro-list", "rx-gro-list"},
                                           {"rx-udp-gro-forwarding", "rx-udp-gro-forwarding"}}};
constexpr uint32_t kFeaturesMax = 256;
constexpr uint32_t kWordsMax = kFeaturesMax / 32;

// One ethtool request; 0 or errno.
int ethtool(const std::string& name, void* request) {
  const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return errno;
  ifreq frame{};
  name.copy(frame.ifr_name, IFNAMSIZ - 1);
  frame.ifr_data = static_cast<char*>(request);
  const int error = ioctl(fd, SIOCETHTOOL, &frame) == 0 ? 0 : errno;
  close(fd);
  return error;
}

// The kernel's structures with the flexible array at their end made one of fixed size: C++ cannot compose them.
struct FeatureCount {  // ethtool_sset_info
  uint32_t cmd;
  uint32_t reserved;
  uint64_t sets;
  uint32_t count;
};
struct FeatureNames {  // ethtool_gstrings
  uint32_t cmd;
  uint32_t set;
  uint32_t count;
  char names[kFeaturesMax][ETH_GSTRING_LEN];
};
struct FeatureStates {  // ethtool_gfeatures
  uint32_t cmd;
  uint32_t size;
  ethtool_get_features_block words[kWordsMax];
};
struct FeatureWishes {  // ethtool_sfeatures
  uint32_t cmd;
  uint32_t size;
  ethtool_set_features_block words[kWordsMax];
};

// What merges packets at an interface: index of the feature, and whether it is on. Nothing when the driver does not tell.
struct State {
  const Merging* merging;
  uint32_t bit;
  bool on;
  bool fixed;
};

std::optional<std::vector<State>> readStates(const std::string& name, uint32_t& words) {
  FeatureCount count{ETHTOOL_GSSET_INFO, 0, 1ull << ETH_SS_FEATURES, 0};
  if (ethtool(name, &count) != 0 || count.sets == 0 || count.count > kFeaturesMax) return std::nullopt;
  FeatureNames names{};
  names.cmd = ETHTOOL_GSTRINGS;
  names.set = ETH_SS_FEATURES;
  names.count = count.count;
  if (ethtool(name, &names) != 0) return std::nullopt;
  words = (count.count + 31) / 32;
  FeatureStates states{};
  states.cmd = ETHTOOL_GFEATURES;
  states.size = words;
  if (ethtool(name, &states) != 0) return std::nullopt;
  std::vector<State> found;
  for (uint32_t bit = 0; bit < count.count; bit++) {
    for (const Merging& one : kMerging) {
      if (std::strncmp(names.names[bit], one.feature, ETH_GSTRING_LEN) != 0) continue;
      const auto& word = states.words[bit / 32];
      const uint32_t mask = 1u << bit % 32;
      const bool changeable = (word.available & mask) != 0 && (word.never_changed & mask) == 0;
      found.push_back({&one, bit, (word.active & mask) != 0, !changeable});
    }
  }
  return found;
}

int setFeatures(const std::string& name, uint32_t words, const std::vector<uint32_t>& bits, bool on) {
  FeatureWishes wishes{};
  wishes.cmd = ETHTOOL_SFEATURES;
  wishes.size = words;
  for (const uint32_t bit : bits) {
    wishes.words[bit / 32].valid |= 1u << bit % 32;
    if (on) wishes.words[bit / 32].requested |= 1u << bit % 32;
  }
  return ethtool(name, &wishes);
}

}  // namespace

std::optional<std::vector<std::string>> mergingOffloads(const std::string& name) {
  uint32_t words = 0;
  const auto states = readStates(name, words);
  if (!states) return std::nullopt;
  std::vector<std::string> on;
  for (const Merging& one : kMerging) {
    if (std::ranges::any_of(*states, [&](const State& state) { return state.merging == &one && state.on; })) on.emplace_back(one.shown);
  }
  return on;
}

void Offloads::turnOff() {
  const std::string name = interfaceName(interface_);
  uint32_t words = 0;
  const auto states = readStates(name, words);
  words_ = "off";
  if (!states) return;
  const std::vector<std::string> before = recalled_ ? std::vector<std::string>{} : memory_.recall();
  recalled_ = true;
  std::vector<uint32_t> bits = turnedOff_;
  std::vector<std::string> features;
  bool anyOn = false;
  for (const State& state : *states) {
    if (state.fixed) continue;
    anyOn = anyOn || state.on;
    const bool known = std::ranges::find(bits, state.bit) != bits.end();
    const bool ours = known || state.on || std::ranges::find(before, state.merging->feature) != before.end();
    if (ours && !known) bits.push_back(state.bit);
    if (ours) features.emplace_back(state.merging->feature);
  }
  int error = 0;
  if (bits.size() > turnedOff_.size() && !refused_) memory_.keep(features);  // before: whoever is killed now has kept it
  if (anyOn) error = setFeatures(name, words, bits, false);
  if (error == 0) {
    turnedOff_ = bits;
  } else {
    refused_ = true;
    if (turnedOff_.empty()) memory_.forget();
  }
  std::string stay;
  for (const std::string& one : mergingOffloads(name).value_or(std::vector<std::string>{})) stay += (stay.empty() ? "" : ", ") + one;
  if (!stay.empty()) {
    words_ = stay + (error == 0 ? " on and not to be turned off" : " on and stays so: " + systemWords(error)) +
             (error == EPERM ? " (CAP_NET_ADMIN is missing)" : "");
  } else if (!turnedOff_.empty()) {
    words_ = "off (were on)";
  }
}

void Offloads::restore() {
  const std::string name = interfaceName(interface_);
  uint32_t words = 0;
  if (!turnedOff_.empty() && !name.empty() && readStates(name, words)) setFeatures(name, words, turnedOff_, true);
  if (!turnedOff_.empty()) memory_.forget();
  turnedOff_.clear();
}

}  // namespace flowspan
