// A program of packets, ticks, steps of the clock, room given and taken, changes of sampling and time-outs against a tiny
// cache: the equations hold after every step, and a meter that takes no short ways hands over the same rows.
#include <cstring>

#include "fuzz_input.h"
#include "fuzz_ledger.h"

namespace {

// One selector changes: that of the others, or of one of two pools, which come and go. A number stands for what it says.
void setSampling(flowspan::SamplingPlan& plan, uint8_t what, uint8_t with) {
  using namespace flowspan;
  const SelectorPlan selector{static_cast<SamplingKind>(with & 3), 1u + (with >> 4), static_cast<uint16_t>(with | (what & 3) << 8)};
  if ((what & 3) == 0) plan.others = selector;
  if ((what & 4) != 0 && plan.pools.size() < 2) plan.pools.push_back({{.protocols = {17}, .ports = {{0, 1}}}, selector});
  if ((what & 8) != 0 && !plan.pools.empty()) plan.pools.pop_back();
  if ((what & 3) != 0 && !plan.pools.empty()) plan.pools[(what & 3) % plan.pools.size()] = {{.prefixes = {{.bits = static_cast<uint8_t>(with % 33)}}}, selector};
  plan.kernelInterval = 1u << ((what >> 4) & 1);
}

// Ethernet, IPv4, TCP, and more than the shortest hello.
constexpr uint32_t kHelloFrame = 14 + 20 + 20 + 80;

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace flowspan;
  FuzzInput in{data, data + size};
  CoreOptions options;
  const uint8_t choice = in.octet();
  options.cacheFlows = 1 + (choice & 15);
  options.duplicates = static_cast<DuplicateMode>((choice >> 4) % 3);
  options.vlanInKey = (choice & 0x80) != 0;
  CoreOptions withoutShortWays = options;
  withoutShortWays.shortWays = false;
  FuzzSink sink, generalSink;
  sink.room = generalSink.room = in.octet();
  // Only one of the two is observed, which must not show.
  FuzzObservations observations;
  options.observations = FuzzObservations::kPlan;
  MeterCore core(options, sink, &observations), general(withoutShortWays, generalSink);
  uint64_t ns = 100'000'000'000;
  while (in.left() > 1) {
    const uint8_t what = in.octet(), with = in.octet();
    switch (what & 7) {
      case 0:
        core.tick(ns += uint64_t(with) * 200'000'000);
        general.tick(ns);
        break;
      case 1: sink.room = generalSink.room = with; break;
      case 2:
        setSampling(options.sampling, what >> 3, with);
        core.setSampling(options.sampling);
        general.setSampling(options.sampling);
        break;
      case 3:
        for (MeterCore* each : {&core, &general}) each->setTimeouts(uint64_t(with) * 500'000'000, uint64_t(what >> 3) * 500'000'000);
        break;
      case 4: ns -= uint64_t(with) * 10'000'000; break;
      default: {
        uint8_t frame[kHelloFrame] = {};
        const bool isHello = (what & 24) == 24;
        storeNetwork<uint16_t>(frame + 12, (what & 8) != 0 && !isHello ? 0x0806 : 0x0800);
        frame[14] = 0x45;
        storeNetwork<uint16_t>(frame + 16, 44);
        frame[19] = with >> 3;
        frame[23] = (what & 16) != 0 && !isHello ? 17 : 6;
        const bool back = (with & 1) != 0;
        frame[back ? 33 : 29] = with >> 4;
        frame[back ? 29 : 33] = 200;
        frame[back ? 35 : 37] = (with & 2) != 0 ? 53 : 80;
        frame[back ? 37 : 35] = with >> 2 & 3;
        frame[41] = in.octet();
        frame[45] = in.octet();
        frame[46] = 0x50;
        frame[47] = in.octet();
        // A connection is opened without data, or no hello would be at its beginning.
        if (frame[23] == 6 && (frame[47] & 2) != 0) storeNetwork<uint16_t>(frame + 16, 40);
        uint32_t octets = 58;
        if (isHello) {
          octets = kHelloFrame;
          storeNetwork<uint16_t>(frame + 16, kHelloFrame - 14);
          // Its record may be longer than the segment.
          const uint8_t head[] = {22, 3, 1, 0, static_cast<uint8_t>(with << 1), 1};
          std::memcpy(frame + 54, head, sizeof head);
        }
        const PacketView view{frame, ns += uint64_t(what >> 5) * 3'000'000, octets, octets, 1, 0, LinkType::ethernet, 0};
        core.process(&view, 1);
        general.process(&view, 1);
      }
    }
    requireBalance(core);
  }
  sink.room = generalSink.room = ~0u;
  if (!core.finish(ns) || !general.finish(ns)) fuzzFault("finish");
  requireBalance(core);
  if (sink.sum() != generalSink.sum()) fuzzFault("rows differ from those of the general way");
  return 0;
}
