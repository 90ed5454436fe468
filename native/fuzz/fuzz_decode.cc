// Any frame on any link type, any tunnels: decoding reads nothing past what was captured and every packet is accounted for.
#include "fuzz_input.h"
#include "fuzz_ledger.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace flowspan;
  FuzzInput in{data, data + size};
  CoreOptions options;
  options.cacheFlows = 16;
  const uint8_t choice = in.octet();
  options.tunnels = (choice & 8) != 0 ? ~0u : 0;
  options.duplicates = DuplicateMode::off;
  FuzzSink sink;
  FuzzObservations observations;
  options.observations = FuzzObservations::kPlan;
  MeterCore core(options, sink, &observations);
  uint64_t ns = 1'000'000'000;
  while (in.left() > 3) {
    size_t octets = in.octet();
    const uint32_t more = in.octet();
    const uint8_t* frame = in.take(octets);
    // A copy of exact size, so that the sanitizer sees a read past it.
    std::unique_ptr<uint8_t[]> exact(new uint8_t[octets]);
    std::memcpy(exact.get(), frame, octets);
    const PacketView view{exact.get(), ns, static_cast<uint32_t>(octets), static_cast<uint32_t>(octets) + (more & 0x3f) * 24, 1,
                          static_cast<uint16_t>((more & 0x40) != 0 ? 0x8100 : 0), static_cast<LinkType>(choice & 7), static_cast<uint16_t>(more * 37)};
    core.process(&view, 1);
    ns += 1'000'000;
  }
  requireBalance(core);
  sink.room = ~0u;
  if (!core.finish(ns)) fuzzFault("finish");
  requireBalance(core);
  return 0;
}
