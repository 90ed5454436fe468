// NativeOptions of src/meter/addon.ts as the engine takes them. Bounds here only keep the native side safe; the settings
// schema is stricter and explains itself to the operator.
#include <algorithm>
#include <cmath>
#include <iterator>

#include "../source/failure.h"
#include "arguments.h"

namespace flowspan {

namespace {

constexpr uint64_t kNsPerMs = 1'000'000;
constexpr double kTimeMsMax = 86'400'000;
constexpr double kBufferOctetsMax = 8.0 * (1ull << 30);

constexpr const char* kTunnelNames[kTunnelTypeCount] = {"none",   "gre",  "nvgre",  "erspan2",   "erspan3", "vxlan",
                                                        "geneve", "gtpu", "ipInIp", "sixInFour", "teredo",  "l2tpv3"};

void readSource(const Arguments& source, EngineOptions& to) {
  const size_t kind = source.choice("kind", {"ring", "file", "feed"});
  to.ring = kind == 0;
  to.feed = kind == 2;
  to.filter = source.text("filter", "");
  to.snapLength = static_cast<uint32_t>(source.number("snapLength", 64, 262'144, to.ring || to.feed ? 256 : 262'144));
  if (to.ring || to.feed) {
    to.interfaces = source.texts("interfaces");
    if (to.interfaces.empty() || to.interfaces.size() > 16) source.refuse("interfaces", "1 to 16 interface names");
    for (const std::string& name : to.interfaces) {
      if (name.empty() || name.size() > 15) source.refuse("interfaces", "names of 1 to 15 characters");
    }
    to.ringBytes = static_cast<uint64_t>(source.number("ringBytes", 1u << 20, 1024.0 * (1u << 20), 32u << 20));
    to.promiscuous = source.flag("promiscuous", true);
    to.manageOffloads = source.flag("manageOffloads", true);
    to.earlyDrop = source.flag("earlyDrop", false);
    to.memoryFolder = source.text("memoryFolder", "");
    return;
  }
  to.path = source.text("path");
  if (to.path.empty()) source.refuse("path", "the path of a capture");
  to.realtime = source.has("pace") && source.choice("pace", {"asFast", "realtime"}) == 1;
  to.loop = source.flag("loop", false);
  if (to.loop && !to.realtime) source.refuse("loop", "false unless pace is realtime");
}

void readIdleTimeouts(const Arguments& options, CoreOptions& core) {
  if (!options.has("idleTimeoutByProtocolMs")) return;
  const Arguments list = options.object("idleTimeoutByProtocolMs");
  const Napi::Array keys = list.value().GetPropertyNames();
  for (uint32_t i = 0; i < keys.Length(); i++) {
    const std::string key = keys.Get(i).ToString().Utf8Value();
    size_t used = 0;
    unsigned long protocol = 256;
    try {
      protocol = std::stoul(key, &used);
    } catch (const std::exception&) {
      used = 0;  // not a number: refused below like a number that is too large
    }
    if (used != key.size() || protocol > 255) {
      throw Failure("EINVAL", "idleTimeoutByProtocolMs has the key \"" + key + "\", allowed are protocol numbers from 0 to 255");
    }
    core.idleTimeoutMsByProtocol[protocol] = static_cast<uint32_t>(list.number(key.c_str(), 1, kTimeMsMax));
  }
}

uint32_t readTunnels(const Arguments& options) {
  uint32_t bits = 0;
  for (const std::string& name : options.texts("tunnels")) {
    uint32_t bit = 0;
    for (unsigned type = 1; type < kTunnelTypeCount; type++) {
      if (name == kTunnelNames[type]) bit = 1u << type;
    }
    if (bit == 0) options.refuse("tunnels", "a list of names from tunnelTypes");
    bits |= bit;
  }
  return bits;
}

}  // namespace

ObservationPlan readObservations(const Arguments& observations) {
  static constexpr const char* kKinds[kObservationKindCount] = {"dns", "dhcp", "mdns", "tls"};
  ObservationPlan plan;
  for (const std::string& name : observations.texts("kinds")) {
    const auto* const kind = std::ranges::find(kKinds, name);
    if (kind == std::end(kKinds)) observations.refuse("kinds", "a list of names from observationKinds");
    plan.kinds |= 1u << (kind - kKinds);
  }
  plan.perSecond = static_cast<uint32_t>(observations.number("perSecond", 1, 1'000'000));
  return plan;
}

EngineOptions engineOptions(const Napi::Value& value) {
  const Arguments options(value, "");
  EngineOptions to;
  readSource(options.object("source"), to);
  CoreOptions& core = to.core;
  core.cacheFlows = static_cast<uint32_t>(options.number("cacheFlows", 64, 1u << 26));
  core.activeTimeoutNs = static_cast<uint64_t>(options.number("activeTimeoutMs", 1, kTimeMsMax)) * kNsPerMs;
  core.idleTimeoutNs = static_cast<uint64_t>(options.number("idleTimeoutMs", 1, kTimeMsMax)) * kNsPerMs;
  core.lingerNs = static_cast<uint64_t>(options.number("lingerMs", 0, kTimeMsMax)) * kNsPerMs;
  readIdleTimeouts(options, core);
  core.vlanInKey = options.flag("vlanInKey");
  core.duplicates = static_cast<DuplicateMode>(options.choice("duplicates", {"off", "report", "remove"}));
  core.duplicateWindowNs = static_cast<uint64_t>(options.number("duplicateWindowMs", 1, 60'000)) * kNsPerMs;
  core.tunnels = readTunnels(options);
  readSampling(options.object("sampling"), {.vlanInKey = core.vlanInKey, .ring = to.ring}, core.sampling);
  if (options.has("observations")) core.observations = readObservations(options.object("observations"));
  core.seed = options.unsignedBig("seed");

  to.threads = static_cast<uint32_t>(options.number("threads", 1, 64));
  if (to.feed && to.threads != 1) options.refuse("threads", "1 when frames are fed");
  to.rowsPerBlock = static_cast<uint32_t>(options.number("rowsPerBlock", 1, 65'536));
  to.blocks = static_cast<uint32_t>(options.number("blocks", 2, 65'536));
  if (to.blocks < 2 * to.threads) options.refuse("blocks", "at least two for each thread");
  if (static_cast<double>(to.blocks) * (to.rowsPerBlock * static_cast<double>(kRowBytes) + 64) > kBufferOctetsMax) {
    options.refuse("blocks", "at most 8 GiB of rows in all");
  }
  to.blockMaxAgeNs = static_cast<uint64_t>(options.number("blockMaxAgeMs", 1, kTimeMsMax)) * kNsPerMs;
  if (options.has("testWallOffsetNs")) to.testWallOffsetNs = options.signedBig("testWallOffsetNs");
  // The threads share the flows between them: the cache is that of the whole meter.
  core.cacheFlows = std::max(64u, core.cacheFlows / to.threads);
  core.observations.perSecond = std::max(1u, core.observations.perSecond / to.threads);
  return to;
}

}  // namespace flowspan
