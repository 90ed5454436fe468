// Flow semantics (DESIGN section 2): ends, time-outs, initiators, what is measured of TCP.
#include "harness.h"

using namespace flowspan;

namespace {

// One TCP connection from 10.0.0.1:40000 to 10.0.0.2:443.
struct Connection {
  Meter& m;
  void up(Tcp h, size_t payload = 0, uint64_t after = kMs) { m.packet(ethernet(0x0800, ip4({.protocol = 6, .id = id++}, tcp(h, octets(payload)))), after); }
  void down(Tcp h, size_t payload = 0, uint64_t after = kMs) {
    h.from = 443, h.to = 40000;
    m.packet(ethernet(0x0800, ip4({.from = 0x0a000002, .to = 0x0a000001, .protocol = 6, .ttl = 60, .id = id++}, tcp(h, octets(payload))), 2, 1), after);
  }
  uint16_t id = 1;
};

Bytes udpFrame(unsigned from = 1000, uint16_t id = 1) { return ethernet(0x0800, ip4({.id = id}, udp(from, 53, octets(20)))); }

}  // namespace

TEST("flow: a whole connection, with its measures worked out by hand") {
  Meter m;
  Connection c{m};
  c.up({.seq = 100, .bits = SYN});                                             // 1 ms
  c.down({.seq = 900, .ack = 101, .bits = SYN | ACK}, 0, 20 * kMs);            // server side 20 ms
  c.up({.seq = 101, .ack = 901}, 0, 5 * kMs);                                  // client side 5 ms
  c.up({.seq = 101, .ack = 901, .bits = ACK | PSH}, 100);
  c.up({.seq = 101, .ack = 901, .bits = ACK | PSH}, 100, 300 * kMs);           // sent again
  c.down({.seq = 901, .ack = 201, .window = 0}, 0, 30 * kMs);                  // zero window; Karn: no round trip
  c.down({.seq = 2361, .ack = 201}, 1460);                                     // a hole before it
  c.down({.seq = 901, .ack = 201}, 1460, kMs);                                 // filled after 1 ms: out of order
  c.up({.seq = 201, .ack = 5821});                                             // 2000 octets never seen
  c.up({.seq = 201, .ack = 5821, .bits = FIN | ACK});
  c.down({.seq = 5821, .ack = 202, .bits = FIN | ACK});
  c.up({.seq = 202, .ack = 5822});
  m.core.tick(m.now + 900 * kMs);
  m.sink.commit();
  CHECK_EQ(m.sink.rows.size(), 0u);  // lingers 1 s
  m.core.tick(m.now + 1300 * kMs);
  m.sink.commit();
  CHECK_EQ(m.sink.rows.size(), 1u);
  const auto& rows = m.finish();
  CHECK_EQ(rows.size(), 1u);
  const Row& r = rows[0];
  CHECK_EQ(r.flowEndReason, 3);
  CHECK_EQ(r.biflowDirection, 1);
  CHECK_EQ(packets(r), 7u);
  CHECK_EQ(reversePackets(r), 5u);
  CHECK_EQ(toNetwork(r.octetDeltaCount), 7u * 40 + 200);
  CHECK_EQ(toNetwork(r.reverseOctetDeltaCount), 5u * 40 + 2920);
  CHECK_EQ(port(r.tcpControlBits), unsigned{SYN | ACK | PSH | FIN});
  CHECK_EQ(port(r.reverseTcpControlBits), unsigned{SYN | ACK | FIN});
  CHECK_EQ(toNetwork(r.tcpSequenceNumber), 100u);
  CHECK_EQ(toNetwork(r.reverseTcpSequenceNumber), 900u);
  CHECK(present(r, presence::kRtt));
  CHECK(present(r, presence::kReverseRtt));
  CHECK_EQ(toNetwork(r.roundTripTimeMicroseconds), 1000u);  // of the FIN; of the handshake it was 20 ms
  CHECK_EQ(toNetwork(r.reverseRoundTripTimeMicroseconds), 2000u);  // of the 1460 octets after the hole
  CHECK_EQ(toNetwork(r.retransmittedPacketDeltaCount), 1u);
  CHECK_EQ(toNetwork(r.reverseRetransmittedPacketDeltaCount), 0u);
  CHECK_EQ(toNetwork(r.reverseOutOfOrderPacketDeltaCount), 1u);
  CHECK_EQ(toNetwork(r.reverseUnseenAcknowledgedOctetDeltaCount), 2000u);
  CHECK_EQ(toNetwork(r.unseenAcknowledgedOctetDeltaCount), 0u);
  CHECK_EQ(port(r.reverseZeroWindowPacketDeltaCount), 1u);
  CHECK_EQ(r.minimumTTL, 64);
  CHECK_EQ(r.reverseMinimumTTL, 60);
  CHECK_EQ(toNetwork(r.maximumIpTotalLength), 140u);
  CHECK_EQ(toNetwork(r.reverseMaximumIpTotalLength), 1500u);
  CHECK_EQ(r.sourceMacAddress[5], 1);
}

TEST("flow: round trips of the handshake on both sides") {
  Meter m;
  Connection c{m};
  c.up({.seq = 100, .bits = SYN});
  c.down({.seq = 900, .ack = 101, .bits = SYN | ACK}, 0, 20 * kMs);
  c.up({.seq = 101, .ack = 901}, 0, 5 * kMs);
  const Row& r = m.finish()[0];
  CHECK_EQ(toNetwork(r.roundTripTimeMicroseconds), 20000u);
  CHECK_EQ(toNetwork(r.reverseRoundTripTimeMicroseconds), 5000u);
}

TEST("flow: acknowledgements that overtake their data are no loss of the mirror") {
  Meter m;
  Connection c{m};
  c.up({.seq = 100, .ack = 1}, 100);
  c.down({.seq = 1, .ack = 300});
  c.up({.seq = 200, .ack = 1}, 100);  // seen 1 ms after its acknowledgement
  const Row& r = m.finish()[0];
  CHECK_EQ(toNetwork(r.unseenAcknowledgedOctetDeltaCount), 0u);
  CHECK_EQ(toNetwork(r.retransmittedPacketDeltaCount), 0u);
}

TEST("flow: a SYN that its answer overtook was not sent again") {
  Meter m;
  Connection c{m};
  c.down({.seq = 900, .ack = 101, .bits = SYN | ACK});
  c.up({.seq = 100, .bits = SYN});
  const Row& r = m.finish()[0];
  CHECK_EQ(r.biflowDirection, 1);
  CHECK_EQ(toNetwork(r.retransmittedPacketDeltaCount), 0u);
}

TEST("flow: a hole that nothing fills was lost before the box") {
  Meter m;
  Connection c{m};
  c.down({.seq = 1, .ack = 1}, 1000);
  c.down({.seq = 2001, .ack = 1}, 1000);  // 1000 octets missing
  c.down({.seq = 3001, .ack = 1}, 1000);
  c.up({.seq = 1, .ack = 4001});  // the receiver has them all
  c.down({.seq = 4001, .ack = 1}, 1000, 50 * kMs);
  const Row& r = m.finish()[0];
  CHECK_EQ(toNetwork(r.unseenAcknowledgedOctetDeltaCount), 1000u);
  CHECK_EQ(toNetwork(r.retransmittedPacketDeltaCount), 0u);
}

TEST("flow: a hole that a segment sent again fills was lost on the way, not by the mirror") {
  Meter m;
  Connection c{m};
  c.down({.seq = 1, .ack = 1}, 1000);
  c.down({.seq = 2001, .ack = 1}, 1000);
  c.up({.seq = 1, .ack = 1001});
  c.down({.seq = 1001, .ack = 1}, 1000, 40 * kMs);
  c.up({.seq = 1, .ack = 3001});
  const Row& r = m.finish()[0];
  CHECK_EQ(toNetwork(r.unseenAcknowledgedOctetDeltaCount), 0u);
  CHECK_EQ(toNetwork(r.retransmittedPacketDeltaCount), 1u);
}

TEST("flow: a SYN with numbers of its own opens no hole") {
  Meter m;
  Connection c{m};
  c.up({.seq = 100, .bits = SYN});
  c.up({.seq = 100'000'000, .bits = SYN}, 0, kS);
  const auto& rows = m.finish();
  for (const Row& r : rows) CHECK_EQ(toNetwork(r.unseenAcknowledgedOctetDeltaCount), 0u);
}

TEST("flow: a reset ends it, and a new SYN begins another at once") {
  Meter m;
  Connection c{m};
  c.up({.seq = 1, .bits = SYN});
  c.down({.seq = 0, .ack = 2, .bits = RST | ACK});
  c.up({.seq = 77, .bits = SYN});
  const auto& rows = m.finish();
  CHECK_EQ(rows.size(), 2u);
  CHECK_EQ(rows[0].flowEndReason, 3);
  CHECK_EQ(reversePackets(rows[0]), 1u);
  CHECK_EQ(rows[1].flowEndReason, 4);
  CHECK_EQ(toNetwork(rows[1].tcpSequenceNumber), 77u);
}

TEST("flow: the sender of the SYN is the initiator even when its answer is seen first") {
  Meter m;
  Connection c{m};
  c.down({.seq = 900, .ack = 101, .bits = SYN | ACK});
  c.up({.seq = 100, .bits = SYN});
  const Row& r = m.finish()[0];
  CHECK_EQ(r.biflowDirection, 1);
  CHECK_EQ(port(r.sourceTransportPort), 40000u);
  Meter late;
  Connection d{late};
  d.down({.seq = 900, .ack = 101});
  d.up({.seq = 101, .ack = 900});
  const Row& q = late.finish()[0];
  CHECK_EQ(q.biflowDirection, 0);
  CHECK_EQ(port(q.sourceTransportPort), 443u);
}

TEST("flow: idle for longer than the time-out begins another, exactly that long does not") {
  for (const uint64_t over : {0u, 1u}) {
    Meter m;
    m.packet(udpFrame());
    m.packet(udpFrame(), 15 * kS + over);
    const auto& rows = m.finish();
    CHECK_EQ(rows.size(), 1u + over);
    if (over != 0) CHECK_EQ(rows[0].flowEndReason, 1);
  }
}

TEST("flow: is not idle while one of its sides sends, however long the other is silent") {
  CoreOptions o = Meter::defaults();
  o.activeTimeoutNs = 600 * kS;
  Meter m(o);
  Connection c{m};
  c.up({.seq = 1, .ack = 1}, 100);
  for (unsigned i = 0; i < 4; i++) c.down({.seq = 1 + i * 50, .ack = 101}, 50, 14 * kS);
  c.up({.seq = 101, .ack = 201}, 100, 14 * kS);
  c.up({.seq = 201, .ack = 201}, 100, 16 * kS);
  const auto& rows = m.finish();
  CHECK_EQ(rows.size(), 2u);
  CHECK_EQ(packets(rows[0]) + reversePackets(rows[0]), 6u);
}

TEST("flow: idle time-outs by protocol") {
  CoreOptions o = Meter::defaults();
  o.idleTimeoutMsByProtocol[17] = 2000;
  Meter m(o);
  m.packet(udpFrame());
  m.packet(ethernet(0x0800, ip4({.protocol = 6}, tcp({}))));
  m.packet(udpFrame(), 3 * kS);
  m.packet(ethernet(0x0800, ip4({.protocol = 6}, tcp({}))));
  CHECK_EQ(m.finish().size(), 3u);
}

TEST("flow: cut on the minute, initiator kept, silence after a cut makes no row") {
  Meter m;
  Connection c{m};
  c.up({.seq = 1, .bits = SYN}, 0, 50 * kS);
  c.down({.seq = 1, .ack = 2, .bits = SYN | ACK}, 0, 9 * kS);
  c.down({.seq = 2, .ack = 2}, 10, 2 * kS);  // 61 s: the next minute, only the responder speaks
  CHECK_EQ(m.counter(MeterCounter::handedOverRecords), 1u);
  m.core.tick(m.now + 30 * kS);
  m.core.tick(m.now + 60 * kS);
  const auto& rows = m.finish();
  CHECK_EQ(rows.size(), 2u);
  CHECK_EQ(rows[0].flowEndReason, 2);
  CHECK_EQ(toNetwork(rows[0].flowEnd), kStart + 59 * kS);
  CHECK_EQ(rows[1].flowEndReason, 1);
  CHECK_EQ(port(rows[1].sourceTransportPort), 40000u);
  CHECK_EQ(rows[1].biflowDirection, 1);
  CHECK_EQ(packets(rows[1]), 0u);
  CHECK_EQ(reversePackets(rows[1]), 1u);
  CHECK_EQ(toNetwork(rows[1].flowStart), kStart + 61 * kS);
  CHECK_EQ(m.counter(MeterCounter::cachedFlows), 0u);
}

TEST("flow: the clock alone closes what is due") {
  Meter m;
  m.packet(udpFrame());
  m.core.tick(m.now + 10 * kS);
  CHECK_EQ(m.counter(MeterCounter::cachedFlows), 1u);
  m.core.tick(m.now + 16 * kS);
  CHECK_EQ(m.counter(MeterCounter::cachedFlows), 0u);
  CHECK_EQ(m.counter(MeterCounter::flowsEndedIdle), 1u);
  m.finish();
}

TEST("flow: time that steps back gives no negative duration") {
  Meter m;
  m.packet(udpFrame(), 59 * kS);
  m.packet(udpFrame(1000, 2), 2 * kS);
  m.now -= 30 * kS;
  m.packet(udpFrame(1000, 3), 0);
  m.now -= 3600 * kS;
  m.packet(udpFrame(1000, 4), 0);
  m.finish();
}

TEST("flow: whole and one-way times of a two-way flow") {
  Meter m;
  m.packet(udpFrame(), kS);
  m.packet(ethernet(0x0800, ip4({.from = 0x0a000002, .to = 0x0a000001}, udp(53, 1000))), kS);
  m.packet(udpFrame(1000, 2), kS);
  const Row& r = m.finish()[0];
  CHECK_EQ(toNetwork(r.flowStart), kStart + kS);
  CHECK_EQ(toNetwork(r.flowEnd), kStart + 3 * kS);
  CHECK_EQ(toNetwork(r.reverseFlowStart), kStart + 2 * kS);
  CHECK_EQ(toNetwork(r.reverseFlowEnd), kStart + 2 * kS);
  CHECK_EQ(toNetwork(r.forwardFlowEnd), kStart + 3 * kS);
}

TEST("flow: interfaces form one observation point, unless set otherwise") {
  for (const bool inKey : {false, true}) {
    CoreOptions o = Meter::defaults();
    o.interfaceInKey = inKey;
    Meter m(o);
    m.packet(udpFrame());
    m.interfaceIndex = 9;
    m.packet(udpFrame(1000, 2));
    const auto& rows = m.finish();
    CHECK_EQ(rows.size(), inKey ? 2u : 1u);
    CHECK_EQ(toNetwork(rows[0].ingressInterface), 3u);
  }
}

TEST("flow: code points and classes of service") {
  Meter m;
  for (const uint8_t tos : {0xb8, 0x00, 0xb9}) m.packet(ethernet(0x0800, ip4({.tos = tos, .id = tos}, udp(1000, 53))));
  const Row& r = m.finish()[0];
  CHECK_EQ(r.ipClassOfService, 0xb8);
  CHECK_EQ(toNetwork(r.diffServCodePointSet), 1ull << 46 | 1);
}

TEST("flow: a snapshot shows the largest, as the rows they would be") {
  Meter m;
  for (unsigned flow = 0; flow < 20; flow++) {
    for (unsigned i = 0; i <= flow; i++) m.packet(udpFrame(1000 + flow, static_cast<uint16_t>(i)));
  }
  Row rows[3];
  CHECK_EQ(m.core.snapshot(rows, 3), 3u);
  CHECK_EQ(packets(rows[0]), 20u);
  CHECK_EQ(packets(rows[2]), 18u);
  CHECK_EQ(m.finish().size(), 20u);
}
