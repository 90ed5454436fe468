// What windows count under keys, held to plain sums; keys beyond the room of a table: who goes, how many at once, and that nothing is
// lost but its name.
#include "../rollup/key_counts.h"

#include <algorithm>
#include <array>
#include <map>
#include <random>
#include <set>
#include <tuple>
#include <vector>

#include "check.h"

using namespace flowspan;

namespace {

constexpr uint32_t kNone = KeyCounts::kNone;
constexpr uint8_t kHasKey = row_flag::kEnds;

struct Share {
  uint32_t place = 0;
  Figures figures{};
  Estimates sampled{};
};
struct TestRow {
  uint32_t key;
  uint8_t flags = kHasKey;
  std::vector<Share> shares;
};

TestRow light(uint32_t key, double octets) { return {key, kHasKey, {{0, {octets}}}}; }
std::vector<TestRow> each(uint32_t count, uint32_t from, double octets) {
  std::vector<TestRow> rows;
  for (uint32_t i = 0; i < count; i++) rows.push_back(light(from + i, octets));
  return rows;
}

KeyCountsPlan planFor(uint32_t keysMax, uint32_t places = 1, uint32_t placesMax = 1) {
  return {.words = 1, .keysMax = keysMax, .places = places, .placesMax = placesMax, .multipliers = {0x9e3779b1u, 0x85ebca6bu}, .seed = 7};
}

// Counts of one dimension, and batches of rows for it.
class Counts {
 public:
  explicit Counts(const KeyCountsPlan& plan) : counts(plan) {}

  KeyCounts counts;

  void add(const std::vector<TestRow>& rows) {
    batch_.clear();
    for (const TestRow& row : rows) {
      const uint32_t at = batch_.count++;
      keys_[at] = row.key;
      batch_.flags[at] = row.flags;
      batch_.weights[at] = 0;
      for (const Share& one : row.shares) {
        const uint32_t share = batch_.shares++;
        batch_.places[share] = one.place;
        batch_.figures[share] = one.figures;
        batch_.sampled[share] = one.sampled;
        batch_.weights[at] += one.figures[0] + one.figures[1];
      }
      batch_.firstShare[at + 1] = batch_.shares;
    }
    counts.addRows(batch_, {keys_.data(), kHasKey, row_flag::kReversed});
  }

 private:
  std::array<uint32_t, kRowsMax> keys_{};
  RowColumns batch_{8};
};

double sumOf(const TakenKeys& taken) {
  double sum = taken.other[0] + taken.other[1];
  for (uint32_t key = 0; key < taken.count; key++) sum += taken.octets[key];
  return sum;
}

// What one window must have counted.
struct Window {
  std::map<uint32_t, std::pair<Figures, Estimates>> keys;
  Figures other{};
  Estimates otherSampled{};
  bool operator==(const Window&) const = default;

  void add(const TestRow& row, const Share& share) {
    const bool hasKey = (row.flags & kHasKey) != 0;
    Figures& figures = hasKey ? keys[row.key].first : other;
    Estimates& sampled = hasKey ? keys[row.key].second : otherSampled;
    const uint32_t swap = (row.flags & row_flag::kReversed) != 0 ? 1 : 0;
    for (uint32_t i = 0; i < 4; i++) figures[i] += share.figures[i ^ swap];
    figures[4] += share.figures[4];
    if ((row.flags & row_flag::kSampled) == 0) return;
    for (uint32_t i = 0; i < kFiguresPerSample; i++) sampled[i] += share.sampled[i];
  }
  void add(const Window& from) {
    for (const auto& [key, volume] : from.keys) {
      for (uint32_t i = 0; i < kFiguresPerKey; i++) keys[key].first[i] += volume.first[i];
      for (uint32_t i = 0; i < kFiguresPerSample; i++) keys[key].second[i] += volume.second[i];
    }
    for (uint32_t i = 0; i < kFiguresPerKey; i++) other[i] += from.other[i];
    for (uint32_t i = 0; i < kFiguresPerSample; i++) otherSampled[i] += from.otherSampled[i];
  }
};

Window windowOf(const KeyCounts& counts, const TakenKeys& taken) {
  Window window{{}, taken.other, taken.otherSampled};
  for (uint32_t key = 0; key < taken.count; key++) {
    auto& [figures, sampled] = window.keys[*counts.table().key(taken.slots[key])];
    figures = taken.figures[key];
    sampled = taken.sampled[key];
  }
  return window;
}

}  // namespace

TEST("key counts: whatever is added to whichever windows, taken and put into longer ones, is what plain sums give") {
  for (uint32_t seed = 0; seed < 60; seed++) {
    std::mt19937 random(seed);
    // More than a word of marks, wider halfway.
    uint32_t places = 30;
    constexpr uint32_t kPlacesMax = 40;
    Counts minute(planFor(2000, places, kPlacesMax)), hour(planFor(2000));
    std::vector<Window> windows(kPlacesMax);
    Window all;
    TakenKeys taken;
    const bool isSampled = seed % 2 == 1;
    for (int batch = 0; batch < 12; batch++) {
      std::vector<TestRow> rows(random() % (kRowsMax + 1));
      for (TestRow& row : rows) {
        row = {static_cast<uint32_t>(random() % 500), static_cast<uint8_t>((random() % 8 != 0 ? kHasKey : 0) | (random() % 2 != 0 ? row_flag::kReversed : 0)), {}};
        if (isSampled && random() % 3 == 0) row.flags |= row_flag::kSampled;
        const uint32_t first = 1 + static_cast<uint32_t>(random()) % (places - 1);
        const uint32_t last = std::min(places, first + 1 + (random() % 6 == 0 ? 5 : 0));
        for (uint32_t place = first; place < last; place++) {
          Share share{place, {}, {}};
          for (double& figure : share.figures) figure = random() % 1000;
          for (double& estimate : share.sampled) estimate = random() % 1000;
          row.shares.push_back(share);
          windows[place].add(row, share);
        }
      }
      minute.add(rows);
      if (batch == 6) minute.counts.widen(places = kPlacesMax);
      // One window is over: it becomes a part of the minute's, at place 0.
      const uint32_t over = 1 + static_cast<uint32_t>(random()) % (places - 1);
      minute.counts.take(over, 0, taken);
      CHECK(windowOf(minute.counts, taken) == windows[over]);
      CHECK(!taken.evicted);
      windows[0].add(windows[over]);
      windows[over] = Window();
    }
    minute.counts.take(0, kNone, taken);
    CHECK(windowOf(minute.counts, taken) == windows[0]);
    hour.counts.addTaken(minute.counts, taken, 0);
    all.add(windows[0]);
    // What is in no window has no place any more, all else still has.
    minute.counts.forgetAbsent();
    std::set<uint32_t> left;
    for (uint32_t place = 1; place < places; place++) {
      for (const auto& [key, volume] : windows[place].keys) left.insert(key);
    }
    CHECK_EQ(minute.counts.table().size(), left.size());
    for (uint32_t place = 1; place < places; place++) {
      minute.counts.take(place, kNone, taken);
      CHECK(windowOf(minute.counts, taken) == windows[place]);
      hour.counts.addTaken(minute.counts, taken, 0);
      all.add(windows[place]);
    }
    hour.counts.take(0, kNone, taken);
    CHECK(windowOf(hour.counts, taken) == all);
    DistinctRegisters expected;
    for (const auto& [key, volume] : all.keys) expected.add(distinctHash(&key, 1));
    CHECK(taken.distinct.ranks() == expected.ranks());
  }
}

TEST("key counts: one new key in many rows takes one place") {
  Counts target(planFor(100));
  target.add(each(99, 0, 1000));
  target.add(std::vector<TestRow>(kRowsMax, light(500, 10)));
  CHECK_EQ(target.counts.evictedKeys(), 0u);
  TakenKeys taken;
  target.counts.take(0, kNone, taken);
  CHECK_EQ(taken.count, 100u);
  CHECK_EQ(windowOf(target.counts, taken).keys[500].first[0], 10.0 * kRowsMax);
  CHECK_EQ(taken.other[0], 0.0);
}

TEST("key counts: a batch of light keys, more than a small table holds, costs it few of its heavy ones") {
  Counts target(planFor(100));
  target.add(each(100, 0, 1000));
  for (uint32_t batch = 0; batch < 50; batch++) target.add(each(kRowsMax, 1000 + batch * kRowsMax, 10));
  TakenKeys taken;
  target.counts.take(0, kNone, taken);
  const Window window = windowOf(target.counts, taken);
  // A sixteenth went for the first light key; from then on the light ones are lighter.
  CHECK_EQ(std::count_if(window.keys.begin(), window.keys.end(), [](const auto& one) { return one.first < 100; }), 94);
  CHECK(taken.evicted);
  CHECK_EQ(sumOf(taken), 100 * 1000 + 50.0 * kRowsMax * 10);
}

TEST("key counts: work is bounded: no more evictions than one for each sixteenth of the table that comes in") {
  for (const uint32_t keysMax : {1u, 2u, 3u, 15u, 16u, 100u, 1000u}) {
    Counts target(planFor(keysMax));
    for (uint32_t batch = 0; batch < 20; batch++) target.add(each(kRowsMax, batch * kRowsMax, 10));
    const uint32_t atOnce = std::max(1u, keysMax / 16);
    // Of keys that weigh the same exactly as many go as shall.
    CHECK_EQ(target.counts.evictions(), uint64_t{20 * kRowsMax - keysMax + atOnce - 1} / atOnce);
    CHECK(target.counts.table().size() <= keysMax);
  }
}

TEST("key counts: whatever comes in whatever order: keys and other add up, and what was moved to other is said") {
  for (uint32_t seed = 0; seed < 200; seed++) {
    std::mt19937 random(seed);
    const uint32_t keysMax = 1 + random() % 200;
    Counts target(planFor(keysMax, 40, 40)), hour(planFor(keysMax));
    std::array<double, 40> sums{};
    std::array<double, 40> sampled{};
    for (uint32_t batches = random() % 8; batches > 0; batches--) {
      std::vector<TestRow> rows(1 + random() % kRowsMax);
      for (TestRow& row : rows) {
        row = light(random() % 301, random() % 5001);
        row.flags |= random() % 4 == 0 ? row_flag::kSampled : 0;
        row.shares[0].place = random() % 40;
        row.shares[0].sampled[2] = random() % 100;
        sums[row.shares[0].place] += row.shares[0].figures[0];
        if ((row.flags & row_flag::kSampled) != 0) sampled[row.shares[0].place] += row.shares[0].sampled[2];
      }
      target.add(rows);
    }
    double all = 0;
    bool evicted = false;
    TakenKeys taken;
    for (uint32_t place = 0; place < 40; place++) {
      target.counts.take(place, kNone, taken);
      CHECK_EQ(sumOf(taken), sums[place]);
      double estimates = taken.otherSampled[2];
      for (uint32_t key = 0; key < taken.count; key++) estimates += taken.sampled[key][2];
      CHECK_EQ(estimates, sampled[place]);
      CHECK(taken.count <= keysMax);
      evicted |= taken.evicted;
      all += sums[place];
      hour.counts.addTaken(target.counts, taken, 0);
    }
    CHECK_EQ(evicted, target.counts.evictedKeys() > 0);
    hour.counts.take(0, kNone, taken);
    CHECK_EQ(sumOf(taken), all);
    CHECK_EQ(taken.evicted, evicted || hour.counts.evictedKeys() > 0);
  }
}

TEST("key counts: the top is what a sort gives, and the rest is other") {
  for (uint32_t seed = 0; seed < 200; seed++) {
    std::mt19937 random(seed);
    const uint32_t keys = random() % 60;
    TakenKeys taken;
    taken.reserve(keys);
    taken.count = keys;
    taken.other = {1, 2, 3, 4, 5};
    taken.otherSampled = {1, 2, 3, 4};
    std::vector<double> sorted;
    double sum = 3;
    for (uint32_t key = 0; key < keys; key++) {
      taken.slots[key] = key;
      Figures& figures = taken.figures[key];
      for (double& figure : figures) figure = random() % 4;
      taken.sampled[key].fill(1);
      taken.octets[key] = figures[0] + figures[1];
      sorted.push_back(taken.octets[key]);
      sum += taken.octets[key];
    }
    std::sort(sorted.rbegin(), sorted.rend());
    const uint32_t topK = 1 + random() % 70;
    const TopKeys top = topOf(taken, topK);
    CHECK_EQ(top.keys.size(), std::min(keys, topK));
    std::vector<double> found;
    for (const uint32_t key : top.keys) {
      found.push_back(taken.octets[key]);
      sum -= taken.octets[key];
    }
    std::sort(found.rbegin(), found.rend());
    CHECK(std::equal(found.begin(), found.end(), sorted.begin()));
    CHECK_EQ(top.other[0] + top.other[1], sum);
    CHECK_EQ(top.otherSampled[3], 4.0 + keys - static_cast<double>(top.keys.size()));
  }
}
