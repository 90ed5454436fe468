// Fragments of a few datagrams in any order and at any distance, IPv4 and IPv6: table and hold stay bounded, nothing is lost,
// whatever is sampled.
#include "fuzz_input.h"
#include "fuzz_ledger.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace flowspan;
  FuzzInput in{data, data + size};
  CoreOptions options;
  options.cacheFlows = 8;
  options.duplicates = DuplicateMode::off;
  options.sampling.others = {static_cast<SamplingKind>(size & 3), 2, 1};
  FuzzSink sink;
  MeterCore core(options, sink);
  uint64_t ns = 1'000'000'000;
  while (in.left() > 3) {
    const uint8_t choice = in.octet(), id = in.octet(), offset = in.octet();
    uint8_t frame[14 + 40 + 8 + 24] = {};
    const bool six = (choice & 1) != 0;
    uint32_t octets;
    const uint8_t protocol = (choice & 2) != 0 ? 17 : (choice & 4) != 0 ? 6 : six ? 58 : 1;
    const bool more = (choice & 8) != 0;
    if (six) {
      storeNetwork<uint16_t>(frame + 12, 0x86dd);
      frame[14] = 0x60;
      storeNetwork<uint16_t>(frame + 18, 32);
      frame[20] = 44;
      frame[54] = protocol;
      storeNetwork<uint16_t>(frame + 56, static_cast<uint16_t>((offset & 7) << 3 | more));
      frame[61] = id & 15;
      frame[62] = 128, frame[63] = 0, frame[67] = id >> 4;
      octets = sizeof frame;
    } else {
      storeNetwork<uint16_t>(frame + 12, 0x0800);
      frame[14] = 0x45;
      storeNetwork<uint16_t>(frame + 16, 44);
      frame[19] = id & 15;
      storeNetwork<uint16_t>(frame + 20, static_cast<uint16_t>((offset & 7) | (more ? 0x2000 : 0)));
      frame[23] = protocol;
      frame[29] = choice >> 7;
      frame[34] = 8, frame[35] = id >> 4;
      octets = 58;
    }
    ns += uint64_t(offset) << ((choice >> 4 & 7) * 3 + 8);
    const PacketView view{frame, ns, octets, octets, 1, 0, LinkType::ethernet, 0};
    core.process(&view, 1);
    if ((offset & 0x80) != 0) core.tick(ns);
  }
  requireBalance(core);
  sink.room = ~0u;
  if (!core.finish(ns)) fuzzFault("finish");
  requireBalance(core);
  return 0;
}
