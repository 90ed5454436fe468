// The equations of the ledger (src/flow/ledger.ts) as a fuzzer wants them: a fault aborts. The canary claims a packet that
// never was, so that a run which cannot fail is noticed.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <vector>

#include "../core/byte_order.h"
#include "../core/meter_core.h"

namespace flowspan {

inline void fuzzFault(const char* what) {
  std::fprintf(stderr, "ledger: %s\n", what);
  std::abort();
}

inline void requireBalance(const MeterCore& core) {
  const CounterArray& c = core.counters();
  const auto at = [&](MeterCounter which) { return c[static_cast<unsigned>(which)]; };
  using M = MeterCounter;
#ifdef FLOWSPAN_FUZZ_CANARY
  const uint64_t claimed = at(M::receivedPackets) > 3 ? 1 : 0;
#else
  const uint64_t claimed = 0;
#endif
  const MeterCore::Audit held = core.audit();
  if (at(M::receivedPackets) + claimed != at(M::undecodablePackets) + at(M::decodedPackets)) fuzzFault("received");
  if (at(M::receivedOctets) != at(M::undecodableOctets) + at(M::decodedOctets)) fuzzFault("received octets");
  if (at(M::decodedPackets) != at(M::duplicatePackets) + at(M::sampledOutPackets) + at(M::meteredPackets)) fuzzFault("decoded");
  if (at(M::meteredPackets) != at(M::handedOverPackets) + held.packets) fuzzFault("metered");
  if (at(M::meteredOctets) != at(M::handedOverOctets) + held.octets) fuzzFault("metered octets");
  if (at(M::meteredIpOctets) != at(M::handedOverIpOctets) + held.ipOctets) fuzzFault("metered IP octets");
  if (at(M::cachedFlows) != held.flows) fuzzFault("cached flows");
}

// Every kind, as often as it comes; a place in three is missing.
class FuzzObservations : public ObservationSink {
 public:
  static constexpr ObservationPlan kPlan{.kinds = 15, .perSecond = 1'000'000};
  Observation* next() override { return ++asked_ % 3 == 0 ? nullptr : &slot_; }
  void commit() override {
    if (slot_.octets > Observation::kPayloadMax) fuzzFault("an observation longer than its place");
  }

 private:
  Observation slot_;
  unsigned asked_ = 0;
};

class FuzzSink : public BlockSink {
 public:
  uint32_t room = 1000;
  Row* next(uint64_t) override {
    check();
    if (room == 0) return nullptr;
    room--;
    lent_ = true;
    return &row_;
  }
  bool hasRoom() const override { return room > 0; }
  void flush(uint64_t) override { check(); }
  // Of all rows in their order.
  uint64_t sum() {
    check();
    return sum_;
  }

 private:
  void check() {
    if (lent_ && toNetwork(row_.flowEnd) < toNetwork(row_.flowStart)) fuzzFault("negative duration");
    if (lent_) {
      const auto* octets = reinterpret_cast<const uint8_t*>(&row_);
      for (size_t i = 0; i < sizeof row_; i++) sum_ = (sum_ ^ octets[i]) * 0x100000001b3ull;  // FNV-1a
    }
    lent_ = false;
  }
  uint64_t sum_ = 0;
  Row row_;
  bool lent_ = false;
};

}  // namespace flowspan
