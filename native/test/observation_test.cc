// Which packets are shown to whoever reads names out of them, how much of each, and that flows are the same with it as without.
#include <algorithm>

#include "harness.h"

using namespace flowspan;

namespace {

constexpr uint32_t kAll = 15;
constexpr unsigned kIpv4 = 0x0800, kIpv6 = 0x86dd;

CoreOptions observing(uint32_t kinds = kAll) {
  CoreOptions options = Meter::defaults();
  options.observations = {.kinds = kinds, .perSecond = 1000};
  return options;
}

Bytes dns(bool answer, size_t more = 20) { return be16(7) + be16(answer ? 0x8180 : 0x0100) + zeros(8) + octets(more); }
Bytes hello(size_t more = 100) { return Bytes{22, 3, 1} + be16(static_cast<unsigned>(more)) + Bytes{1, 0, 0, 0} + octets(more); }
Bytes datagram(unsigned from, unsigned to, const Bytes& payload, uint16_t id = 1) {
  return ethernet(kIpv4, ip4({.id = id}, udp(from, to, payload)));
}

class Connection {
 public:
  explicit Connection(bool six = false) : six_(six) {}
  Bytes initiator(unsigned bits, const Bytes& payload = {}) { return frame(0, bits, payload); }
  Bytes responder(unsigned bits, const Bytes& payload = {}) { return frame(1, bits, payload); }
  void open(Meter& meter) {
    meter.packet(initiator(SYN));
    meter.packet(responder(SYN | ACK));
    meter.packet(initiator(ACK));
  }
  // Without a link header.
  Bytes packet(unsigned side, unsigned bits, const Bytes& payload) {
    const Bytes segment = tcp({.from = side == 0 ? 40000u : 443u, .to = side == 0 ? 443u : 40000u, .seq = next_[side], .ack = next_[side ^ 1], .bits = bits},
                              payload);
    next_[side] += static_cast<uint32_t>(payload.size()) + ((bits & SYN) != 0);
    const auto from = static_cast<uint8_t>(side + 1), to = static_cast<uint8_t>(2 - side);
    return six_ ? ip6({.from = from, .to = to, .next = 6}, segment)
                : ip4({.from = 0x0a000000u + from, .to = 0x0a000000u + to, .protocol = 6, .id = ++id_}, segment);
  }

 private:
  Bytes frame(unsigned side, unsigned bits, const Bytes& payload) { return ethernet(six_ ? kIpv6 : kIpv4, packet(side, bits, payload)); }
  bool six_;
  uint16_t id_ = 0;
  uint32_t next_[2] = {1000, 5000};
};

bool payloadIs(const Observation& seen, const Bytes& payload) {
  return seen.octets == payload.size() && std::equal(payload.begin(), payload.end(), seen.payload);
}

}  // namespace

TEST("observation: every DNS answer of a socket is shown, questions are not") {
  Meter meter(observing());
  for (uint16_t id = 1; id <= 3; id++) {
    meter.packet(datagram(33000, 53, dns(false), id));
    const Bytes answer = dns(true, 20 + id);
    meter.packet(datagram(53, 33000, answer, static_cast<uint16_t>(100 + id)));
    CHECK_EQ(meter.observations.all.size(), size_t{id});
    CHECK(payloadIs(meter.observations.all.back(), answer));
  }
  const Observation& seen = meter.observations.all.front();
  CHECK(seen.kind == ObservationKind::dns);
  CHECK_EQ(seen.ipVersion, 4);
  CHECK_EQ(address4(seen.source), 0x0a000001u);
  CHECK_EQ(address4(seen.destination), 0x0a000002u);
  CHECK_EQ(seen.sourcePort, 53);
  CHECK_EQ(seen.destinationPort, 33000);
  CHECK_EQ(seen.ns, kStart + 2 * kMs);
  CHECK_EQ(seen.sourceMac[5], 1);
  CHECK_EQ(meter.counter(MeterCounter::observedDns), 3u);
}

TEST("observation: DHCP both ways and mDNS answers are shown; a kind that is off is not") {
  const Bytes dhcp = Bytes{1, 1, 6, 0} + zeros(240), mdns = be16(0) + be16(0x8400) + zeros(8) + octets(30);
  const auto all = [&](Meter& meter) {
    meter.packet(datagram(68, 67, dhcp));
    meter.packet(datagram(67, 68, dhcp, 2));
    meter.packet(datagram(5353, 5353, mdns, 3));
    meter.packet(datagram(5353, 5353, mdns, 4));
    meter.packet(datagram(5353, 5353, be16(0) + be16(0) + zeros(30), 5));  // a question
    meter.packet(datagram(53, 4000, dns(true), 6));
    meter.packet(datagram(500, 68, dhcp, 7));
  };
  Meter every(observing());
  all(every);
  CHECK_EQ(every.counter(MeterCounter::observedDhcp), 2u);
  CHECK_EQ(every.counter(MeterCounter::observedMdns), 2u);
  CHECK_EQ(every.counter(MeterCounter::observedDns), 1u);
  for (unsigned kind = 0; kind < 3; kind++) {
    Meter one(observing(1u << kind));
    all(one);
    for (const Observation& seen : one.observations.all) CHECK_EQ(static_cast<unsigned>(seen.kind), kind);
    CHECK(!one.observations.all.empty());
  }
  Meter none(observing(0));
  all(none);
  CHECK(none.observations.all.empty());
}

TEST("observation: a hello is what the initiator sends first, whatever way the packet takes") {
  for (const bool shortWays : {true, false}) {
    for (const bool six : {false, true}) {
      CoreOptions options = observing();
      options.shortWays = shortWays;
      Meter meter(options);
      Connection connection(six);
      connection.open(meter);
      CHECK(meter.observations.all.empty());
      const Bytes first = hello();
      meter.packet(connection.initiator(ACK | PSH, first));
      CHECK_EQ(meter.observations.all.size(), size_t{1});
      const Observation& seen = meter.observations.all.at(0);
      CHECK(payloadIs(seen, first));
      CHECK(seen.kind == ObservationKind::tls);
      CHECK_EQ(seen.ipVersion, six ? 6 : 4);
      CHECK_EQ(seen.sourcePort, 40000);
      CHECK_EQ(seen.destinationPort, 443);
      CHECK_EQ(seen.source[six ? 15 : 3], 1);
      // Later ones, also the peer's, are data.
      meter.packet(connection.responder(ACK, hello(300)));
      meter.packet(connection.initiator(ACK, hello(600)));
      meter.packet(connection.initiator(ACK, hello(900)));
      CHECK_EQ(meter.observations.all.size(), size_t{1});
    }
  }
}

TEST("observation: what begins like no hello, is too short for one, or belongs to a connection joined midway is not shown") {
  Meter meter(observing());
  for (const Bytes& first : {octets(200), Bytes{22, 3, 1, 0, 5, 2} + octets(100), Bytes{23, 3, 3, 0, 5, 1} + octets(100), hello(10)}) {
    Connection connection;
    connection.open(meter);
    meter.packet(connection.initiator(ACK, first));
    meter.now += 100 * kS;
    meter.core.tick(meter.now);
  }
  Connection midway;
  meter.packet(midway.responder(ACK, octets(20)));
  meter.packet(midway.initiator(ACK));
  meter.packet(midway.initiator(ACK, hello()));
  CHECK(meter.observations.all.empty());
}

TEST("observation: a hello behind a minute's end is still the first") {
  Meter meter(observing());
  Connection connection;
  meter.now = kStart + 60 * kS - 4 * kMs;
  connection.open(meter);
  meter.packet(connection.initiator(ACK, hello()), 2 * kS);
  CHECK_EQ(meter.observations.all.size(), size_t{1});
}

namespace {

// A record of a handshake of which a segment carries but the first octets.
Bytes helloOf(size_t octetsOfRecord, size_t there) {
  const Bytes whole = hello(octetsOfRecord - 9);
  Bytes record = Bytes{22, 3, 1} + be16(static_cast<unsigned>(octetsOfRecord - 5)) + Bytes(whole.begin() + 5, whole.end());
  record.resize(there);
  return record;
}

}  // namespace

TEST("observation: what follows a hello that its segment cut is shown with its place, whatever way the packet takes") {
  for (const bool shortWays : {true, false}) {
    CoreOptions options = observing();
    options.shortWays = shortWays;
    Meter meter(options);
    Connection connection;
    connection.open(meter);
    const Bytes first = helloOf(1750, 1448), rest = octets(302), more = octets(700);
    meter.packet(connection.initiator(ACK, first));
    meter.packet(connection.responder(ACK));
    meter.packet(connection.initiator(ACK | PSH, rest));
    CHECK_EQ(meter.observations.all.size(), size_t{2});
    CHECK_EQ(meter.observations.all.at(0).streamOffset, 0u);
    const Observation& seen = meter.observations.all.at(1);
    CHECK(payloadIs(seen, rest));
    CHECK(seen.kind == ObservationKind::tls);
    CHECK_EQ(seen.streamOffset, 1448u);
    CHECK_EQ(seen.sourcePort, 40000);
    // What is sent behind it is data, before and after an answer.
    meter.packet(connection.initiator(ACK | PSH, more));
    meter.packet(connection.responder(ACK | PSH, more));
    meter.packet(connection.initiator(ACK | PSH, more));
    CHECK_EQ(meter.observations.all.size(), size_t{2});
    CHECK_EQ(meter.counter(MeterCounter::observedTls), 2u);
  }
}

TEST("observation: a hello in many segments is followed until its sender has pushed, its peer answers or it is too long for one") {
  enum class End { push, answer, length };
  for (const End end : {End::push, End::answer, End::length}) {
    Meter meter(observing());
    Connection connection;
    connection.open(meter);
    meter.packet(connection.initiator(ACK, helloOf(16000, 536)));
    for (int i = 0; i < 3; i++) meter.packet(connection.initiator(ACK, octets(536)));
    CHECK_EQ(meter.observations.all.size(), size_t{4});
    CHECK_EQ(meter.observations.all.back().streamOffset, 3u * 536);
    size_t shown = 4;
    if (end == End::push) {
      meter.packet(connection.initiator(ACK | PSH, octets(20)));  // too short to be a hello
      shown = 5;
    } else if (end == End::answer) {
      meter.packet(connection.responder(ACK, octets(90)));
    } else {
      for (int i = 0; i < 10; i++) meter.packet(connection.initiator(ACK, octets(536)));
      shown = 8;  // 8 * 536 octets are more than 4096
    }
    for (int i = 0; i < 3; i++) meter.packet(connection.initiator(ACK, octets(100)));
    CHECK_EQ(meter.observations.all.size(), shown);
  }
}

TEST("observation: behind a whole hello, one that was left out, and while hellos are not observed, nothing is followed") {
  Meter whole(observing());
  Connection first;
  first.open(whole);
  whole.packet(first.initiator(ACK, helloOf(600, 600)));
  whole.packet(first.initiator(ACK, octets(300)));
  CHECK_EQ(whole.observations.all.size(), size_t{1});

  Meter full(observing());
  full.observations.room = 0;
  Connection second;
  second.open(full);
  full.packet(second.initiator(ACK, helloOf(1750, 1448)));
  full.observations.room = 10;
  full.packet(second.initiator(ACK | PSH, octets(302)));
  CHECK(full.observations.all.empty());

  Meter off(observing());
  Connection third;
  third.open(off);
  off.packet(third.initiator(ACK, helloOf(1750, 1448)));
  off.core.setObservations({});
  off.packet(third.initiator(ACK, octets(302)));
  CHECK_EQ(off.observations.all.size(), size_t{1});
}

TEST("observation: a minute's end between a hello and its rest takes the place that numbers count from: the rest is not shown") {
  Meter meter(observing());
  Connection connection;
  meter.now = kStart + 60 * kS - 5 * kMs;
  connection.open(meter);
  meter.packet(connection.initiator(ACK, helloOf(1750, 1448)));
  meter.packet(connection.initiator(ACK | PSH, octets(302)), 2 * kS);
  meter.packet(connection.initiator(ACK | PSH, octets(302)));
  CHECK_EQ(meter.observations.all.size(), size_t{1});
}

TEST("observation: within tunnels that are opened, tags and links without MACs it is the inner packet's") {
  CoreOptions options = observing();
  options.tunnels = 1u << static_cast<unsigned>(TunnelType::vxlan);
  Meter meter(options);
  const Bytes answer = dns(true);
  const Bytes inner = datagram(53, 33000, answer);
  meter.packet(ethernet(kIpv4, ip4({.from = 0xc0a80001, .to = 0xc0a80002}, udp(5555, 4789, Bytes{8, 0, 0, 0, 0, 0, 9, 0} + inner))));
  CHECK_EQ(meter.observations.all.size(), size_t{1});
  CHECK_EQ(address4(meter.observations.all.at(0).source), 0x0a000001u);
  CHECK(payloadIs(meter.observations.all.at(0), answer));
  meter.packet(tagged(0x8100, 7, kIpv4, ip4({.id = 9}, udp(53, 33001, answer))));
  CHECK_EQ(meter.observations.all.at(1).vlan, 0x8007);
  meter.packet(tagged(0x88a8, 7, 0x8100, be16(8) + be16(kIpv4) + ip4({.id = 10}, udp(53, 33002, answer))));
  CHECK(payloadIs(meter.observations.all.at(2), answer));
  meter.link = LinkType::rawIp;
  meter.packet(ip4({.id = 11}, udp(53, 33003, answer)));
  CHECK(payloadIs(meter.observations.all.at(3), answer));
  CHECK_EQ(meter.observations.all.at(3).sourceMac[5], 0);
}

TEST("observation: of a frame that was cut, or of a long one, only what is there and has room") {
  Meter meter(observing());
  const Bytes answer = dns(true, 300);
  meter.packet(datagram(53, 33000, answer), kMs, 14 + 20 + 8 + 100);
  CHECK_EQ(meter.observations.all.at(0).octets, 100);
  CHECK_EQ(meter.observations.all.at(0).wholeOctets, 312u);
  meter.packet(datagram(53, 33000, dns(true, 4000), 2));
  CHECK_EQ(meter.observations.all.at(1).octets, Observation::kPayloadMax);
  // Padding behind the datagram is not its own, and cut before the header of an answer there is nothing.
  meter.packet(datagram(53, 33000, dns(true, 4), 3) + zeros(40));
  CHECK_EQ(meter.observations.all.at(2).octets, 16);
  meter.packet(datagram(53, 33000, answer, 4), kMs, 14 + 20 + 8 + 6);
  CHECK_EQ(meter.observations.all.size(), size_t{3});
}

TEST("observation: a first fragment is shown, later ones are not") {
  Meter meter(observing());
  const Bytes answer = dns(true, 100);
  meter.packet(ethernet(kIpv4, ip4({.id = 5, .fragment = 0x2000}, udp(53, 33000, answer))));
  meter.packet(ethernet(kIpv4, ip4({.id = 5, .fragment = 15}, be16(7) + be16(0x8180) + octets(100))));
  // Before its first, it is held and metered later.
  meter.packet(ethernet(kIpv4, ip4({.id = 6, .fragment = 15}, be16(7) + be16(0x8180) + octets(100))));
  meter.packet(ethernet(kIpv4, ip4({.id = 6, .fragment = 0x2000}, udp(53, 33000, answer))));
  CHECK_EQ(meter.observations.all.size(), size_t{2});
}

TEST("observation: more than the rate in a second, and more than there is room for, is counted and left out") {
  CoreOptions options = observing();
  options.observations.perSecond = 10;
  Meter meter(options);
  for (uint16_t i = 0; i < 50; i++) meter.packet(datagram(53, 33000, dns(true), i), 1000);
  CHECK_EQ(meter.counter(MeterCounter::observedDns), 10u);
  CHECK_EQ(meter.counter(MeterCounter::observationsOverRate), 40u);
  // Other kinds have a share of their own.
  Connection connection;
  connection.open(meter);
  meter.packet(connection.initiator(ACK, hello()));
  CHECK_EQ(meter.counter(MeterCounter::observedTls), 1u);
  meter.packet(datagram(53, 33000, dns(true), 100), 5 * kS);
  CHECK_EQ(meter.counter(MeterCounter::observedDns), 11u);
  // Time that stepped back does not silence it.
  meter.now -= 4000 * kS;
  meter.packet(datagram(53, 33000, dns(true), 101));
  CHECK_EQ(meter.counter(MeterCounter::observedDns), 12u);
  meter.observations.room = 0;
  meter.packet(datagram(53, 33000, dns(true), 102), kS);
  CHECK_EQ(meter.counter(MeterCounter::observedDns), 12u);
  CHECK_EQ(meter.counter(MeterCounter::observationsQueueFull), 1u);
}

TEST("observation: duplicates that are removed and packets that are not selected are not shown") {
  CoreOptions options = observing();
  options.duplicates = DuplicateMode::remove;
  Meter meter(options);
  meter.packet(datagram(53, 33000, dns(true)));
  meter.packet(datagram(53, 33000, dns(true)));
  CHECK_EQ(meter.observations.all.size(), size_t{1});
  options.sampling.others.kind = SamplingKind::countBased;
  options.sampling.others.interval = 4;
  Meter sampled(options);
  for (uint16_t i = 0; i < 40; i++) sampled.packet(datagram(53, 33000, dns(true), i));
  CHECK_EQ(sampled.observations.all.size(), size_t{10});
}

TEST("observation: switched on and off while metering") {
  Meter meter(observing(0));
  meter.packet(datagram(53, 33000, dns(true), 1));
  meter.core.setObservations({.kinds = kAll, .perSecond = 100});
  meter.packet(datagram(53, 33001, dns(true), 2));
  CHECK_EQ(meter.observations.all.size(), size_t{1});
  meter.core.setObservations({.kinds = 0});
  meter.packet(datagram(53, 33001, dns(true), 3));
  CHECK_EQ(meter.observations.all.size(), size_t{1});
}

TEST("observation: flows are the same with it as without") {
  std::vector<Row> rows[2];
  for (const bool on : {false, true}) {
    Meter meter(observing(on ? kAll : 0));
    for (uint16_t i = 0; i < 200; i++) {
      meter.packet(datagram(i % 2 == 0 ? 53 : 33000, i % 2 == 0 ? 33000 : 53, dns(i % 2 == 0, i), i), 700 * kMs);
      meter.packet(datagram(5353, 5353, dns(true, i), i), kMs);
    }
    Connection connection;
    connection.open(meter);
    meter.packet(connection.initiator(ACK, hello()));
    for (int i = 0; i < 20; i++) meter.packet(connection.responder(ACK, octets(500)));
    rows[on] = meter.finish();
  }
  CHECK_EQ(rows[0].size(), rows[1].size());
  CHECK(std::memcmp(rows[0].data(), rows[1].data(), rows[0].size() * sizeof(Row)) == 0);
}
