// Keys to slots: whatever comes and goes, and the bounds of a table.
#include "../rollup/key_table.h"

#include <array>
#include <map>
#include <random>
#include <set>
#include <vector>

#include "check.h"

using namespace flowspan;

namespace {

constexpr uint32_t kSpread = 0x9e3779b1u;
std::array<uint32_t, 2> wordsOf(uint32_t key) { return {key, ~key}; }

}  // namespace

TEST("key table: inserts and removals find what a map finds, with every hash colliding or none") {
  for (const uint32_t mask : {0u, 3u, ~0u}) {
    for (uint32_t seed = 0; seed < 100; seed++) {
      std::mt19937 random(seed);
      KeyTable table(2, 1, 32, seed);
      std::map<uint32_t, uint32_t> model;
      const auto hashOf = [&](uint32_t key) { return (key * kSpread) & mask; };
      for (int step = 0; step < 300; step++) {
        const uint32_t key = random() % 41;
        const auto words = wordsOf(key);
        const uint32_t slot = table.find(words.data(), hashOf(key));
        const auto known = model.find(key);
        CHECK_EQ(slot, known == model.end() ? KeyTable::kNone : known->second);
        if (slot != KeyTable::kNone && random() % 2 == 0) {
          table.remove(slot);
          model.erase(key);
        } else if (slot == KeyTable::kNone && !table.isFull()) {
          const uint32_t expected = table.freeSlot(0);
          model[key] = table.insert(words.data(), hashOf(key), 0);
          CHECK_EQ(model[key], expected);
        }
        CHECK_EQ(table.size(), model.size());
      }
      std::set<uint32_t> slots;
      for (const auto& [key, slot] : model) {
        CHECK_EQ(table.find(wordsOf(key).data(), hashOf(key)), slot);
        CHECK(table.isTaken(slot));
        slots.insert(slot);
      }
      CHECK_EQ(slots.size(), model.size());
      uint32_t taken = 0;
      for (uint32_t slot = 0; slot < table.slotsUsed(); slot++) taken += table.isTaken(slot) ? 1 : 0;
      CHECK_EQ(taken, model.size());
    }
  }
}

TEST("key table: fills to its bound, keeps what it holds, and knows which slots come next") {
  constexpr uint32_t kKeys = 5000;
  KeyTable table(1, 0, kKeys, 2);
  std::vector<uint32_t> slots;
  for (uint32_t key = 0; key < kKeys; key++) {
    // Those that come next, whatever of it was in use before; behind the end, any that there is.
    CHECK_EQ(table.freeSlot(0), key);
    CHECK(table.freeSlot(3) < kKeys);
    slots.push_back(table.insert(&key, key * kSpread, 0));
  }
  CHECK(table.isFull());
  for (uint32_t key = 0; key < kKeys; key++) CHECK_EQ(table.find(&key, key * kSpread), slots[key]);
  table.remove(slots[7]);
  table.remove(slots[9]);
  CHECK_EQ(table.freeSlot(0), slots[9]);
  CHECK_EQ(table.freeSlot(1), slots[7]);
  CHECK(table.freeSlot(2) < kKeys);
}

TEST("key table: about so many keys as asked for do not exceed the lightest weight, of few keys exactly") {
  constexpr std::array<std::array<uint32_t, 2>, 3> kCases = {{{100, 7}, {2, 1}, {20000, 1250}}};
  for (const auto& [keys, wanted] : kCases) {
    KeyTable table(1, 0, keys, 3);
    for (uint32_t key = 0; key < keys; key++) table.weight(table.insert(&key, key * kSpread, 0)) = key;
    const double light = table.lightest(wanted) + 1;
    if (keys <= 256) CHECK_EQ(light, static_cast<double>(wanted));
    // A sample of 256: 16 of them, give or take four standard errors of 4.
    else CHECK(light > 0 && light < 2.0 * wanted);
  }
}

TEST("key table: what the owner keeps beside a key is zero again for the next key there") {
  KeyTable table(1, 1, 1, 4);
  const uint32_t key = 7, other = 8;
  const uint32_t slot = table.insert(&key, 7, 70);
  table.weight(slot) = 5;
  *table.marks(slot) = ~0u;
  table.remove(slot);
  CHECK(!table.isTaken(slot));
  CHECK_EQ(table.insert(&other, 8, 80), slot);
  CHECK_EQ(*table.marks(slot), 0u);
  CHECK_EQ(table.weight(slot), 0.0);
  CHECK_EQ(table.hashOf(slot), 8u);
  CHECK_EQ(table.distinctHashOf(slot), 80u);
}
