// NativeSampling of src/meter/addon.ts as the core takes it: kinds, pools and what they match, the first stage in the kernel.
#include <arpa/inet.h>

#include <bit>

#include "../source/failure.h"
#include "arguments.h"

namespace flowspan {

namespace {

constexpr double kIntervalMax = 1u << 30;
constexpr double kKernelIntervalMax = 65'536;

void readSelector(const Arguments& from, SelectorPlan& to) {
  to.kind = static_cast<SamplingKind>(from.choice("kind", {"none", "count", "random", "flowHash"}));
  to.interval = static_cast<uint32_t>(from.number("interval", 1, kIntervalMax));
  if (to.kind == SamplingKind::none) to.interval = 1;
  to.selectorId = static_cast<uint16_t>(from.number("selectorId", 0, 65'535, 0));
}

AddressPrefix prefixOf(const Arguments& match, const std::string& text) {
  AddressPrefix prefix;
  const size_t slash = text.find('/');
  const std::string address = text.substr(0, slash), bits = slash == std::string::npos ? "" : text.substr(slash + 1);
  prefix.six = address.find(':') != std::string::npos;
  const int parsed = inet_pton(prefix.six ? AF_INET6 : AF_INET, address.c_str(), prefix.address.data());
  const bool digits = !bits.empty() && bits.size() <= 3 && bits.find_first_not_of("0123456789") == std::string::npos;
  if (parsed != 1 || !digits || std::stoul(bits) > (prefix.six ? 128 : 32)) {
    match.refuse("prefixes", "a list of at most 32 prefixes such as 10.20.0.0/16 or 2001:db8::/48");
  }
  prefix.bits = static_cast<uint8_t>(std::stoul(bits));
  return prefix;
}

PoolMatch matchOf(const Arguments& from, bool vlanInKey) {
  PoolMatch match;
  if (from.has("vlans")) {
    if (!vlanInKey) from.refuse("vlans", "nothing while vlanInKey is false: a flow would be in several pools");
    match.vlans = from.numbers<uint16_t>("vlans", kPoolVlansMax, 4094);
  }
  if (from.has("protocols")) match.protocols = from.numbers<uint8_t>("protocols", kPoolProtocolsMax, 255);
  if (from.has("prefixes")) {
    const std::vector<std::string> texts = from.texts("prefixes");
    if (texts.size() > kPoolPrefixesMax) from.refuse("prefixes", "a list of at most 32 prefixes such as 10.20.0.0/16 or 2001:db8::/48");
    for (const std::string& text : texts) match.prefixes.push_back(prefixOf(from, text));
  }
  if (from.has("ports")) {
    for (const Arguments& range : from.objects("ports", kPoolPortsMax)) {
      const auto first = static_cast<uint16_t>(range.number("0", 0, 65'535));
      match.ports.push_back({first, static_cast<uint16_t>(range.number("1", first, 65'535))});
    }
  }
  return match;
}

}  // namespace

void readSampling(const Arguments& sampling, SamplingAbilities can, SamplingPlan& plan) {
  readSelector(sampling, plan.others);
  if (sampling.has("pools")) {
    plan.pools.clear();
    for (const Arguments& from : sampling.objects("pools", kPoolsMax)) {
      SamplingPlan::Pool& pool = plan.pools.emplace_back();
      readSelector(from, pool.selector);
      pool.match = matchOf(from.object("match"), can.vlanInKey);
    }
  } else {
    // What they stand for may be another thing after this change, by the stage in the kernel: they are looked up again.
    for (SamplingPlan::Pool& pool : plan.pools) pool.selector.selectorId = 0;
  }
  if (sampling.has("kernelInterval")) {
    const auto interval = static_cast<uint32_t>(sampling.number("kernelInterval", 1, kKernelIntervalMax));
    if (!std::has_single_bit(interval)) sampling.refuse("kernelInterval", "a power of two from 1 to 65536");
    if (interval != 1 && !can.ring) sampling.refuse("kernelInterval", "1: only the ring has a first stage in the kernel");
    plan.kernelInterval = interval;
  }
}

}  // namespace flowspan
