// What sampled rows vary by: the bound that stands in for the sum of squares, which rows do not hold.
#include "../rollup/estimates.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>
#include <vector>

#include "check.h"

using namespace flowspan;

namespace {

struct Bound {
  double truth;
  double most;
};

// Of packets with these IP lengths, in frames that are padded to 60 octets.
Bound boundOf(const std::vector<uint32_t>& ips) {
  double truth = 0;
  DrawnPackets drawn{static_cast<double>(ips.size()), 0, 0, 0, 0};
  for (const uint32_t ip : ips) {
    const double frame = std::max(60u, ip + 14);
    truth += frame * frame;
    drawn.octets += frame;
    drawn.ipOctets += ip;
  }
  drawn.shortest = *std::min_element(ips.begin(), ips.end());
  drawn.longest = *std::max_element(ips.begin(), ips.end());
  return {truth, squaresMost(drawn)};
}

}  // namespace

TEST("estimates: the bound is never below the sum of squares, padded frames included") {
  std::mt19937 random(1);
  for (int run = 0; run < 2000; run++) {
    std::vector<uint32_t> ips(1 + random() % 60);
    for (uint32_t& ip : ips) ip = 20 + random() % (run % 2 == 0 ? 80 : 8981);
    const Bound bound = boundOf(ips);
    CHECK(bound.most >= bound.truth * (1 - 1e-12));
  }
}

TEST("estimates: it is the sum itself for up to three packets, and for full and empty segments") {
  const std::vector<std::vector<uint32_t>> kCases = {{40}, {52, 1500}, {60, 700, 1500}, {52, 1500, 52, 1500, 1500, 52, 1500}};
  for (const auto& ips : kCases) {
    const Bound bound = boundOf(ips);
    const bool isPadded = std::any_of(ips.begin(), ips.end(), [](uint32_t ip) { return ip < 46; });
    CHECK(std::fabs(bound.most / bound.truth - 1) < (isPadded ? 0.02 : 1e-9));
  }
}

TEST("estimates: rows without IP lengths are bounded by their sum") {
  CHECK_EQ(squaresMost({1, 60, 0, 0, 0}), 3600.0);
  CHECK(squaresMost({3, 180, 0, 0, 0}) >= 3 * 3600.0);
}

TEST("estimates: variances are N (N − 1) times what was drawn; every packet counted varies by nothing") {
  const DrawnPackets drawn{2, 200, 172, 86, 86};
  const Variance byPacket = varianceOf(drawn, {4, false}), byFlow = varianceOf(drawn, {4, true}), all = varianceOf(drawn, {1, false});
  CHECK_EQ(byPacket.packets, 24.0);
  CHECK_EQ(byPacket.octets, 12.0 * 20000);
  CHECK_EQ(byFlow.packets, 48.0);
  CHECK_EQ(byFlow.octets, 12.0 * 40000);
  CHECK_EQ(all.octets + all.packets, 0.0);
  CHECK_EQ(varianceOf(DrawnPackets{0, 0, 0, 0, 0}, {4, false}).octets, 0.0);
}
