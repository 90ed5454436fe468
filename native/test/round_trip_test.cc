// Round trips (round_trip.h): both sides get their turn, and no answer is lost to a record's end.
#include "harness.h"

using namespace flowspan;

namespace {

constexpr uint64_t kMinute = 60'000 * kMs;

// A client and a server that acknowledge all they have, after a handshake of 20 ms to the server and 5 ms to the client.
struct Exchange {
  Meter& m;
  uint32_t client = 101, server = 901;

  explicit Exchange(Meter& meter) : m(meter) {
    send(true, {.seq = 100, .bits = SYN}, 0, kMs);
    send(false, {.seq = 900, .ack = 101, .bits = SYN | ACK}, 0, 20 * kMs);
    up(0, 5 * kMs);
  }
  void up(size_t payload, uint64_t after) {
    send(true, {.seq = client, .ack = server}, payload, after);
    client += static_cast<uint32_t>(payload);
  }
  void down(size_t payload, uint64_t after) {
    send(false, {.seq = server, .ack = client}, payload, after);
    server += static_cast<uint32_t>(payload);
  }

 private:
  void send(bool fromClient, Tcp h, size_t payload, uint64_t after) {
    if (!fromClient) std::swap(h.from, h.to);
    const uint32_t a = 0x0a000001, b = 0x0a000002;
    const Bytes packet = ip4({.from = fromClient ? a : b, .to = fromClient ? b : a, .protocol = 6, .id = id_++}, tcp(h, octets(payload)));
    m.packet(ethernet(0x0800, packet), after);
  }
  uint16_t id_ = 1;
};

uint32_t forward(const Row& r) { return toNetwork(r.roundTripTimeMicroseconds); }
uint32_t reverse(const Row& r) { return toNetwork(r.reverseRoundTripTimeMicroseconds); }

}  // namespace

TEST("round trip: both sides are measured where every segment carries data") {
  Meter m;
  Exchange e{m};
  for (unsigned i = 0; i < 20; i++) {
    e.up(100, 3 * kMs);
    e.down(100, 2 * kMs);
  }
  const Row& r = m.finish()[0];
  CHECK_EQ(forward(r), 2000u);
  CHECK_EQ(reverse(r), 3000u);
}

TEST("round trip: whoever was answered without data begins anew at once") {
  Meter m;
  Exchange e{m};
  e.down(1000, 30 * kMs);  // takes up the handshake's answer, and is a probe itself
  e.up(0, 4 * kMs);
  e.down(1000, 30 * kMs);
  e.up(0, 1 * kMs);
  CHECK_EQ(reverse(m.finish()[0]), 1000u);
}

TEST("round trip: whoever has data while the peer’s answer waits is next once that is taken up") {
  Meter m;
  Exchange e{m};
  for (unsigned i = 0; i < 4; i++) {
    e.down(1000, 30 * kMs);
    e.up(0, 4 * kMs);
  }
  e.up(100, 30 * kMs);  // no probe yet: the server's answer is not taken up
  e.down(1000, 1 * kMs);
  e.up(100, 30 * kMs);
  e.down(0, 2 * kMs);
  const Row& r = m.finish()[0];
  CHECK_EQ(forward(r), 2000u);
  CHECK_EQ(reverse(r), 4000u);
}

TEST("round trip: an answer that its prober never takes up is in the row") {
  Meter m;
  Exchange e{m};
  e.up(100, 30 * kMs);
  e.down(0, 7 * kMs);
  CHECK_EQ(forward(m.finish()[0]), 7000u);
}

TEST("round trip: an answer belongs to the record in which it came") {
  Meter m;
  m.now += kMinute - 1'000 * kMs;
  Exchange e{m};
  e.up(100, 50 * kMs);
  e.down(0, 3 * kMs);
  e.down(0, 1'000 * kMs);
  e.up(100, 50 * kMs);
  e.down(0, 9 * kMs);
  const auto& rows = m.finish();
  CHECK_EQ(rows.size(), 2u);
  CHECK_EQ(forward(rows[0]), 3000u);
  CHECK_EQ(forward(rows[1]), 9000u);
}
