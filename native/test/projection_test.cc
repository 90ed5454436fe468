// The projection against octets written by hand and against a plain interpreter of the same plans; bad tables are refused.
#include <random>
#include <stdexcept>

#include "harness.h"

using namespace flowspan;

namespace {

// No class has a plan but those named.
std::vector<int32_t> header(std::initializer_list<std::pair<int, std::pair<int, int>>> classes, int plans) {
  std::vector<int32_t> words(kRowKindCount * 2 * 3, -1);
  for (size_t c = 0; c < kRowKindCount * 2; c++) words[c * 3] = 0;
  for (const auto& [c, of] : classes) {
    words[static_cast<size_t>(c) * 3] = of.second >= 0 ? 2 : 1;
    words[static_cast<size_t>(c) * 3 + 1] = of.first;
    words[static_cast<size_t>(c) * 3 + 2] = of.second;
  }
  words.push_back(plans);
  return words;
}
void append(std::vector<int32_t>& words, std::initializer_list<int32_t> more) { words.insert(words.end(), more); }

bool refused(const std::vector<int32_t>& words) {
  try {
    const Projection projection(words.data(), words.size());
    return false;
  } catch (const std::invalid_argument&) {
    return true;
  }
}

}  // namespace

TEST("projection: known octets, sets split by template, limit kept") {
  auto words = header({{0, {0, -1}}, {3, {1, -1}}}, 2);
  // flowStart in ms, octetDeltaCount, the four octets of an IPv4 address, four zeros
  append(words, {256, 24, 4, 2, 8, 0, 8, 0, 56, 8, 8, 0, 136, 16, 4, 5, 0, 20, 4});
  append(words, {257, 12, 2, 1, 16, 0, 4, 4, 16, 4, 8});
  const Projection projection(words.data(), words.size());
  std::vector<Row> rows(4);
  std::memset(static_cast<void*>(rows.data()), 0, rows.size() * sizeof(Row));
  rows[0].flowStart = rows[1].flowStart = toNetwork(uint64_t{1'700'000'000'123'456'789});
  rows[0].octetDeltaCount = toNetwork(uint64_t{0x0102030405060708});
  storeNetwork(rows[0].sourceAddress, 0xc0a80001u);
  rows[2].family = 1, rows[2].presence = toNetwork(presence::kReverse);
  rows[2].flowEnd = toNetwork(uint64_t{1'500'000'000});
  rows[3].family = 2;  // no plan
  std::vector<uint8_t> out(200, 0xaa);
  const auto result = projection.run(reinterpret_cast<const uint8_t*>(rows.data()), 4, out.data(), 200, 1'000'000'000);
  CHECK_EQ(result.rows, 4u);
  CHECK_EQ(result.records, 3u);
  CHECK_EQ(result.octets, 4u + 48 + 4 + 12);
  CHECK_EQ(load16(&out[0]), 256u);
  CHECK_EQ(load16(&out[2]), 52u);
  CHECK_EQ(load64(&out[4]), 1'700'000'001'123ull);
  CHECK_EQ(load64(&out[12]), 0x0102030405060708ull);
  CHECK_EQ(load32(&out[20]), 0xc0a80001u);
  CHECK_EQ(load32(&out[24]), 0u);
  CHECK_EQ(load16(&out[52]), 257u);
  CHECK_EQ(load32(&out[56]), 2u);
  CHECK_EQ(load32(&out[60]), 2u + 2'208'988'800u);
  CHECK_EQ(load32(&out[64]), 0x80000000u);
  CHECK_EQ(out[68], 0xaa);
  const auto cut = projection.run(reinterpret_cast<const uint8_t*>(rows.data()), 4, out.data(), 51, 0);
  CHECK_EQ(cut.rows, 1u);
  CHECK_EQ(cut.octets, 28u);
  CHECK_EQ(projection.run(reinterpret_cast<const uint8_t*>(rows.data()), 4, out.data(), 27, 0).octets, 0u);
}

TEST("projection: wide moves write what exact ones would, and nothing behind the limit") {
  std::mt19937 random(1);
  const auto below = [&](uint32_t n) { return static_cast<uint32_t>(random() % n); };
  for (int round = 0; round < 300; round++) {
    auto words = header({{0, {0, -1}}}, 1);
    struct Step {
      uint32_t kind, source, octets;
    };
    std::vector<Step> steps;
    uint32_t total = 0;
    for (uint32_t n = 1 + below(12); n > 0; n--) {
      const uint32_t octets = 1 + below(80);
      steps.push_back({below(5) == 0 ? 5u : 0u, below(kRowBytes - octets + 1), octets});
      total += octets;
    }
    append(words, {300, static_cast<int32_t>(total), static_cast<int32_t>(steps.size())});
    uint32_t target = 0;
    for (const Step& s : steps) {
      append(words, {static_cast<int32_t>(s.kind), static_cast<int32_t>(s.source), static_cast<int32_t>(target), static_cast<int32_t>(s.octets)});
      target += s.octets;
    }
    const Projection projection(words.data(), words.size());
    std::vector<uint8_t> rows(5 * kRowBytes);
    for (uint8_t& octet : rows) octet = static_cast<uint8_t>(random());
    for (int r = 0; r < 5; r++) rows[static_cast<size_t>(r) * kRowBytes + offsetof(Row, family)] = 0, rows[static_cast<size_t>(r) * kRowBytes + 7] = 0;
    const uint32_t limit = 4 + 5 * total - below(2);
    std::vector<uint8_t> out(limit);  // exactly: a sanitizer sees one octet more
    const auto result = projection.run(rows.data(), 5, out.data(), limit, 0);
    CHECK_EQ(result.octets, 4 + result.records * total);
    for (uint32_t r = 0; r < result.records; r++) {
      uint32_t at = 4 + r * total;
      for (const Step& s : steps) {
        for (uint32_t i = 0; i < s.octets; i++) CHECK_EQ(out[at + i], s.kind == 5 ? 0 : rows[r * kRowBytes + s.source + i]);
        at += s.octets;
      }
    }
  }
}

TEST("projection: tables that read or write outside are refused") {
  const auto with = [](std::initializer_list<int32_t> plan) {
    auto words = header({{0, {0, -1}}}, 1);
    append(words, plan);
    return words;
  };
  CHECK(!refused(with({256, 8, 1, 0, 376, 0, 8})));
  CHECK(refused(with({256, 8, 1, 0, 377, 0, 8})));   // past the row
  CHECK(refused(with({256, 8, 1, 0, 0, 1, 8})));     // past the record
  CHECK(refused(with({256, 8, 1, 2, 380, 0, 8})));   // a time past the row
  CHECK(refused(with({256, 8, 1, 9, 0, 0, 8})));     // no such step
  CHECK(refused(with({256, 8, 1, 0, -1, 0, 8})));
  CHECK(refused(with({256, 8, 2, 0, 0, 0, 8})));     // cut short
  CHECK(refused(header({{0, {1, -1}}}, 0)));         // no such plan
  CHECK(refused({}));
}
