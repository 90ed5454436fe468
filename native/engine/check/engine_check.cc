// Drives the engine the way the addon does, from several ends at once, also under TSan and ASan: `flowspan-engine-check
// [CAPTURE]`, with traffic of its own when none is given. Exits with 1 when the ledger does not balance or a run gives other
// flows than the first.
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <thread>

#include <unistd.h>

#include <cstring>
#include <map>
#include <string>
#include <vector>

#include "../../source/clocks.h"
#include "../engine.h"

namespace {

using namespace flowspan;

uint64_t figure(EngineFigures& figures, MeterCounter which) { return counter(figures.counters, which); }

void check(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "flowspan-engine-check: %s\n", what);
  std::exit(1);
}

void checkLedger(EngineFigures& f) {
  using C = MeterCounter;
  check(figure(f, C::receivedPackets) == figure(f, C::undecodablePackets) + figure(f, C::decodedPackets), "received packets");
  check(figure(f, C::receivedOctets) == figure(f, C::undecodableOctets) + figure(f, C::decodedOctets), "received octets");
  const uint64_t asked = figure(f, C::meteredPackets) + figure(f, C::sampledOutPackets);
  check(figure(f, C::decodedPackets) == figure(f, C::duplicatePackets) + asked, "decoded packets");
  uint64_t observed = 0, selected = 0;
  for (const SelectorFigures& one : f.selectors) {
    observed += one.count.observed;
    selected += one.count.selected;
  }
  check(observed == asked && selected == figure(f, C::meteredPackets), "packets by selector");
  check(figure(f, C::meteredPackets) == figure(f, C::handedOverPackets) + figure(f, C::cachedPackets), "metered packets");
  check(figure(f, C::meteredOctets) == figure(f, C::handedOverOctets) + figure(f, C::cachedOctets), "metered octets");
}

// 20 000 UDP packets of 1 000 flows, both directions, as a classic pcap file in the host's byte order.
std::string makeCapture() {
  char path[] = "/tmp/flowspan-engine-check-XXXXXX";
  const int fd = mkstemp(path);
  check(fd >= 0, "no temporary file");
  std::vector<uint8_t> octets;
  const auto put = [&](auto value) {
    octets.insert(octets.end(), reinterpret_cast<uint8_t*>(&value), reinterpret_cast<uint8_t*>(&value) + sizeof value);
  };
  for (const uint32_t word : {0xa1b2c3d4u, 0x00040002u, 0u, 0u, 65535u, 1u}) put(word);
  for (uint32_t i = 0; i < 20'000; i++) {
    const uint32_t flow = i * 7919u % 1'000u;
    const bool back = (i / 1'000u) % 2 != 0;
    uint8_t frame[60] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x08, 0x00, 0x45, 0, 0, 46, 0, 0, 0, 0, 64, 17};
    const uint8_t near[4] = {10, 0, static_cast<uint8_t>(flow >> 8), static_cast<uint8_t>(flow)};
    const uint8_t far[4] = {192, 0, 2, 1};
    std::memcpy(frame + 26, back ? far : near, 4);
    std::memcpy(frame + 30, back ? near : far, 4);
    frame[back ? 35 : 37] = 53;
    frame[back ? 36 : 34] = 0x40;
    frame[39] = 26;
    frame[44] = back ? 0x81 : 0x01;  // from port 53: an answer
    put(1'700'000'000u + i / 1'000u);
    put(i % 1'000u * 1'000u);
    put(uint32_t{sizeof frame});
    put(uint32_t{sizeof frame});
    octets.insert(octets.end(), frame, frame + sizeof frame);
  }
  check(write(fd, octets.data(), octets.size()) == static_cast<ssize_t>(octets.size()), "the temporary file cannot be written");
  close(fd);
  return path;
}

// To the end, with statistics, snapshots and changes in between. Returns the rows.
uint64_t meterWhole(const EngineOptions& options, bool disturb) {
  Engine engine(options);
  engine.start();
  uint64_t rows = 0;
  uint64_t turns = 0;
  std::vector<uint8_t> room(16'384);
  uint64_t observations = 0;
  const auto observe = [&] {
    const size_t octets = engine.takeObservations(room.data(), room.size());
    for (size_t at = 0; at < octets; observations++) {
      uint16_t payload = 0;
      std::memcpy(&payload, room.data() + at + observation_head::kOctets, sizeof payload);
      check(payload == 18 && room[at + observation_head::kBytes + 2] == 0x81, "an observation is not the answer that was sent");
      at += (observation_head::kBytes + payload + 7u) / 8 * 8;
    }
    return octets > 0;
  };
  while (!engine.drained()) {
    observe();
    const int32_t block = engine.waitBlock(5'000'000);
    if (block >= 0) {
      rows += *reinterpret_cast<const uint32_t*>(engine.buffer()->block(static_cast<uint32_t>(block)) + block_header::kRowCount);
      check(engine.release(static_cast<uint32_t>(block)), "a polled block could not be released");
    }
    if (!disturb) continue;
    if (++turns % 3 == 0) {
      EngineFigures figures = engine.figures();
      checkLedger(figures);
    }
    if (turns % 7 == 0) engine.snapshot(10);
    if (turns % 11 == 0) engine.setTimeouts(options.core.activeTimeoutNs, options.core.idleTimeoutNs);
  }
  while (observe()) {
  }
  EngineFigures figures = engine.figures();
  checkLedger(figures);
  check(figure(figures, MeterCounter::observedDns) == observations, "observations taken and observations counted differ");
  check(options.core.observations.kinds == 0 || observations > 0, "nothing was observed");
  check(figure(figures, MeterCounter::cachedPackets) == 0, "flows are left in the cache");
  check(figure(figures, MeterCounter::handedOverRecords) == rows, "rows polled and rows handed over differ");
  return rows;
}

// Rates and pools that come and go, also as they were before.
SamplingPlan planOf(uint64_t turn) {
  SamplingPlan plan;
  plan.others.kind = static_cast<SamplingKind>(turn % 4);
  plan.others.interval = plan.others.kind == SamplingKind::none ? 1 : 2 + static_cast<uint32_t>(turn % 5);
  for (uint64_t i = 0; i < turn % 3; i++) {
    SamplingPlan::Pool& pool = plan.pools.emplace_back();
    pool.match.prefixes = {AddressPrefix{.address = {10, 0, static_cast<uint8_t>(i)}, .bits = 24}};
    pool.selector.kind = static_cast<SamplingKind>((turn + i) % 4);
    pool.selector.interval = pool.selector.kind == SamplingKind::none ? 1 : 3;
  }
  return plan;
}

// To the end, while the sampling changes all the time: a number means one thing, every packet is accounted for under one selector.
void meterWhileSamplingChanges(const EngineOptions& options) {
  Engine engine(options);
  engine.start();
  std::map<uint16_t, SelectorFact> meant;
  uint64_t rows = 0, turns = 0;
  const auto look = [&] {
    EngineFigures figures = engine.figures();
    checkLedger(figures);
    for (const SelectorFigures& one : figures.selectors) {
      check(meant.try_emplace(one.count.selectorId, one.fact).first->second == one.fact, "a selectorId means two things");
    }
  };
  while (!engine.drained()) {
    const int32_t block = engine.waitBlock(5'000'000);
    if (block >= 0) {
      rows += *reinterpret_cast<const uint32_t*>(engine.buffer()->block(static_cast<uint32_t>(block)) + block_header::kRowCount);
      engine.release(static_cast<uint32_t>(block));
    }
    if (++turns % 2 == 0) engine.setSampling(planOf(turns / 2));
    if (turns % 3 == 0) look();
    if (turns % 5 == 0) engine.snapshot(10);
  }
  look();
  EngineFigures figures = engine.figures();
  check(figure(figures, MeterCounter::handedOverRecords) == rows, "rows polled and rows handed over differ");
  check(figure(figures, MeterCounter::cachedPackets) == 0, "flows are left in the cache");
  check(meant.size() > 2, "no change of sampling was taken up");
}

// A replay that is stopped, or closed, at an odd moment, while the sampling changes.
void meterForAWhile(EngineOptions options, bool orderly, uint64_t forNs) {
  options.realtime = true;
  options.loop = true;
  Engine engine(options);
  engine.start();
  const uint64_t endNs = monotonicNs() + forNs;
  for (uint64_t turn = 0; monotonicNs() < endNs; turn++) {
    engine.setSampling(planOf(turn));
    const int32_t block = engine.poll();
    if (block >= 0) engine.release(static_cast<uint32_t>(block));
    EngineFigures figures = engine.figures();
    checkLedger(figures);
    engine.snapshot(3);
  }
  if (orderly) {
    engine.stop();
    engine.setSampling(planOf(3));  // asked for too late, and harmless
    while (!engine.drained()) {
      const int32_t block = engine.waitBlock(5'000'000);
      if (block >= 0) engine.release(static_cast<uint32_t>(block));
    }
  }
  engine.close();
  EngineFigures figures = engine.figures();
  checkLedger(figures);
}

}  // namespace

int main(int argc, char** argv) {
  const std::string made = argc > 1 ? "" : makeCapture();
  EngineOptions options;
  options.path = argc > 1 ? argv[1] : made;
  options.rowsPerBlock = 4;
  options.blocks = 8;
  options.blockMaxAgeNs = 10'000'000;
  options.core.cacheFlows = 4096;
  if (!made.empty()) options.core.observations = {.kinds = 1, .perSecond = 1'000};
  const uint64_t rows = meterWhole(options, false);
  check(rows > 0, "no rows");
  check(meterWhole(options, true) == rows, "statistics changed the flows");
  meterWhileSamplingChanges(options);
  for (uint32_t threads = 2; threads <= 4; threads++) {
    options.threads = threads;
    check(meterWhole(options, true) == rows, "several threads gave other flows");
    meterWhileSamplingChanges(options);
    meterForAWhile(options, true, 150'000'000);
    meterForAWhile(options, false, 150'000'000);
  }
  if (!made.empty()) unlink(made.c_str());
  std::printf("%llu rows, every run the same\n", static_cast<unsigned long long>(rows));
  return 0;
}
