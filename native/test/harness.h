// A MeterCore with a sink that keeps rows, fed frame by frame; after every step the ledger's equations (src/flow/ledger.ts)
// are checked, and the counters against the audit of what the cache really holds.
#pragma once

#include <cstring>
#include <string>

#include "../core/byte_order.h"
#include "../core/meter_core.h"
#include "check.h"
#include "frame.h"

namespace flowspan {

inline constexpr uint64_t kMs = 1'000'000, kS = 1'000'000'000;
// A minute boundary of the row clock, so that tests start with a whole window ahead.
inline constexpr uint64_t kStart = 28'000'000ull * 60 * kS;

class KeepingSink : public BlockSink {
 public:
  std::vector<Row> rows;
  size_t room = ~size_t{0};
  size_t flushes = 0;

  Row* next(uint64_t) override {
    commit();
    if (taken_ >= room) return nullptr;
    taken_++;
    lent_ = true;
    std::memset(static_cast<void*>(&slot_), 0xee, sizeof slot_);  // slots come uncleared
    return &slot_;
  }
  bool hasRoom() const override { return taken_ < room; }
  void flush(uint64_t) override {
    commit();
    flushes++;
  }
  void commit() {
    if (lent_) rows.push_back(slot_);
    lent_ = false;
  }
  void allow(size_t more) { room = taken_ + more; }

 private:
  Row slot_;
  bool lent_ = false;
  size_t taken_ = 0;
};

class KeepingObservations : public ObservationSink {
 public:
  std::vector<Observation> all;
  size_t room = ~size_t{0};

  Observation* next() override { return all.size() < room ? &slot_ : nullptr; }
  void commit() override { all.push_back(slot_); }

 private:
  Observation slot_;
};

class Meter {
 public:
  KeepingSink sink;
  KeepingObservations observations;
  MeterCore core;
  uint64_t now = kStart;
  LinkType link = LinkType::ethernet;

  explicit Meter(CoreOptions options = defaults()) : core(options, sink, &observations) {}
  static CoreOptions defaults() {
    CoreOptions options;
    options.cacheFlows = 4096;
    options.seed = 7;
    return options;
  }

  void packet(const Bytes& frame, uint64_t afterNs = kMs, uint32_t captured = ~0u, uint32_t wire = 0, uint16_t tpid = 0, uint16_t tci = 0) {
    now += afterNs;
    // An exact copy on the heap, so that a sanitizer sees every read past it.
    const auto length = static_cast<uint32_t>(frame.size() < captured ? frame.size() : captured);
    std::unique_ptr<uint8_t[]> data(new uint8_t[length]);
    std::memcpy(data.get(), frame.data(), length);
    const PacketView view{data.get(), now, length, wire != 0 ? wire : static_cast<uint32_t>(frame.size()), interfaceIndex, tpid, link, tci};
    core.process(&view, 1);
    balance();
  }
  uint32_t interfaceIndex = 3;

  uint64_t counter(MeterCounter c) const { return core.counters()[static_cast<unsigned>(c)]; }
  uint64_t annotation(DecodeAnnotation a) const { return core.annotations()[static_cast<unsigned>(a)]; }

  void balance() const {
    const auto c = [&](MeterCounter which) { return counter(which); };
    using M = MeterCounter;
    CHECK_EQ(c(M::receivedPackets), c(M::undecodablePackets) + c(M::decodedPackets));
    CHECK_EQ(c(M::receivedOctets), c(M::undecodableOctets) + c(M::decodedOctets));
    CHECK_EQ(c(M::decodedPackets), c(M::duplicatePackets) + c(M::sampledOutPackets) + c(M::meteredPackets));
    CHECK_EQ(c(M::decodedOctets), c(M::duplicateOctets) + c(M::sampledOutOctets) + c(M::meteredOctets));
    const MeterCore::Audit held = core.audit();
    CHECK_EQ(c(M::meteredPackets), c(M::handedOverPackets) + held.packets);
    CHECK_EQ(c(M::meteredOctets), c(M::handedOverOctets) + held.octets);
    CHECK_EQ(c(M::meteredIpOctets), c(M::handedOverIpOctets) + held.ipOctets);
    CHECK_EQ(c(M::cachedPackets), held.packets);
    CHECK_EQ(c(M::cachedFlows), held.flows);
  }

  // Ends the run; the rows' own sums must be what was handed over.
  const std::vector<Row>& finish() {
    CHECK(core.finish(now));
    sink.commit();
    balance();
    uint64_t packets = 0, octets = 0, ip = 0, flows = 0;
    for (const Row& r : sink.rows) {
      packets += toNetwork(r.packetDeltaCount) + toNetwork(r.reversePacketDeltaCount);
      octets += toNetwork(r.layer2OctetDeltaCount) + toNetwork(r.reverseLayer2OctetDeltaCount);
      ip += toNetwork(r.octetDeltaCount) + toNetwork(r.reverseOctetDeltaCount);
      flows += toNetwork(r.deltaFlowCount);
      CHECK(toNetwork(r.flowEnd) >= toNetwork(r.flowStart));
      CHECK(toNetwork(r.forwardFlowEnd) >= toNetwork(r.forwardFlowStart));
      CHECK(toNetwork(r.reverseFlowEnd) >= toNetwork(r.reverseFlowStart));
    }
    CHECK_EQ(packets, counter(MeterCounter::meteredPackets));
    CHECK_EQ(octets, counter(MeterCounter::meteredOctets));
    CHECK_EQ(ip, counter(MeterCounter::meteredIpOctets));
    CHECK_EQ(flows, counter(MeterCounter::handedOverFlows));
    CHECK_EQ(sink.rows.size(), counter(MeterCounter::handedOverRecords));
    return sink.rows;
  }
};

inline bool present(const Row& row, uint64_t bit) { return (toNetwork(row.presence) & bit) != 0; }
inline uint64_t packets(const Row& row) { return toNetwork(row.packetDeltaCount); }
inline uint64_t reversePackets(const Row& row) { return toNetwork(row.reversePacketDeltaCount); }
inline unsigned port(uint16_t field) { return toNetwork(field); }
inline uint32_t address4(const uint8_t* address) { return load32(address); }
// Of an IPv4-mapped address (RFC 4291 section 2.5.5.2); 0 for any other.
inline uint32_t mapped4(const uint8_t* address) {
  static const uint8_t prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  return std::memcmp(address, prefix, sizeof prefix) == 0 ? load32(address + 12) : 0;
}

}  // namespace flowspan
