#include "key_counts.h"

#include <algorithm>
#include <bit>

namespace flowspan {

namespace {

// Of a full table, this part gives its place up at once: looking all keys through for one place at a time would never end, and with much
// more, the keys that matter of a small table would go with those that do not.
constexpr uint32_t kEvictedPart = 16;
constexpr size_t kAhead = 8;

template <typename T>
void add(T& to, const T& from) {
  for (size_t i = 0; i < from.size(); i++) to[i] += from[i];
}
template <typename T>
void move(T& from, T& to) {
  add(to, from);
  from.fill(0);
}

bool isEstimate(const Estimates& sampled) { return sampled[1] > 0 || sampled[2] > 0 || sampled[3] > 0; }

}  // namespace

KeyCounts::KeyCounts(const KeyCountsPlan& plan)
    // Which windows count for a key is a bit each, beside the key.
    : plan_(plan),
      markWords_((plan.placesMax + 31) / 32),
      table_(plan.words, markWords_, plan.keysMax, plan.seed),
      sampled_(plan.places),
      rest_(plan.places) {
  widen(plan.places);
}

size_t KeyCounts::octets() const {
  size_t perKey = values_.size() * sizeof(Figures);
  for (const auto& sampled : sampled_) perKey += sampled.size() > 0 ? sizeof(Estimates) : 0;
  return table_.octets() + size_t{table_.slotsUsed()} * perKey + rest_.size() * sizeof(Rest) + sizeof(*this);
}

uint32_t KeyCounts::hashOf(const uint32_t* key) const {
  uint32_t hash = plan_.multipliers[plan_.words];
  for (uint32_t i = 0; i < plan_.words; i++) {
    hash = (hash ^ key[i]) * plan_.multipliers[i];
    hash ^= hash >> 15;
  }
  hash *= 0x2c1b3c6du;
  return hash ^ (hash >> 16);
}

void KeyCounts::addRows(const RowColumns& rows, const KeyColumn& column) {
  const uint64_t evictionsBefore = evictions_;
  findAll(rows, column);
  for (uint32_t row = 0; row < rows.count; row++) {
    const uint8_t flags = rows.flags[row];
    uint32_t slot = kNone;
    if ((flags & column.needs) == column.needs) {
      const uint32_t* key = column.keys + row * plan_.words;
      slot = slots_[row];
      // A row before it may have brought its key in, or driven it out.
      if (slot == kNone || evictions_ != evictionsBefore) slot = table_.find(key, hashes_[row]);
      if (slot == kNone) slot = admit(key, hashes_[row], distinctHash(key, plan_.words));
      table_.weight(slot) += rows.weights[row];
    }
    addShares(rows, row, slot, (flags & column.swaps) == 0 ? 0 : 1);
    if ((flags & row_flag::kSampled) != 0) addSampled(rows, row, slot);
  }
}

// Into `slots_`: that of each row that has a key, kNone where the table has none. What is looked at lies anywhere in megabytes: all of it is
// asked for before any of it is used. Looks that wait for each other would take most of the time there is.
void KeyCounts::findAll(const RowColumns& rows, const KeyColumn& column) {
  const uint32_t words = plan_.words, count = rows.count;
  for (uint32_t row = 0; row < count; row++) {
    hashes_[row] = hashOf(column.keys + row * words);
    table_.askForIndex(hashes_[row]);
  }
  for (uint32_t row = 0; row < count; row++) table_.askForRecord(hashes_[row]);
  uint32_t taken = 0;
  for (uint32_t row = 0; row < count; row++) {
    const bool hasKey = (rows.flags[row] & column.needs) == column.needs;
    uint32_t slot = hasKey ? table_.find(column.keys + row * words, hashes_[row]) : kNone;
    slots_[row] = slot;
    if (!hasKey) continue;
    if (slot == kNone) {
      slot = table_.freeSlot(taken++);
      table_.askForSlot(slot);
    }
    for (uint32_t share = rows.firstShare[row]; share < rows.firstShare[row + 1]; share++) askForFigures(rows.places[share], slot);
  }
}

// They may lie in two cache lines.
void KeyCounts::askForFigures(uint32_t place, uint32_t slot) {
  askForWriting(&values_[place][slot].front());
  askForWriting(&values_[place][slot].back());
}

void KeyCounts::mark(uint32_t slot, uint32_t place) {
  uint32_t& word = table_.marks(slot)[place / 32];
  const uint32_t bit = 1u << (place % 32);
  if ((word & bit) != 0) return;
  word |= bit;
  rest_[place].distinct.add(table_.distinctHashOf(slot));
}

// `swap`: 1 where the row's source is what `in` counts for.
void KeyCounts::addShares(const RowColumns& rows, uint32_t row, uint32_t slot, uint32_t swap) {
  const uint32_t back = 1 - swap;
  for (uint32_t share = rows.firstShare[row]; share < rows.firstShare[row + 1]; share++) {
    const uint32_t place = rows.places[share];
    if (slot != kNone) mark(slot, place);
    Figures& to = slot == kNone ? rest_[place].other : values_[place][slot];
    const Figures& figures = rows.figures[share];
    to[0] += figures[swap];
    to[1] += figures[back];
    to[2] += figures[2 + swap];
    to[3] += figures[2 + back];
    to[4] += figures[4];
  }
}

void KeyCounts::addSampled(const RowColumns& rows, uint32_t row, uint32_t slot) {
  for (uint32_t share = rows.firstShare[row]; share < rows.firstShare[row + 1]; share++) {
    const uint32_t place = rows.places[share];
    add(slot == kNone ? rest_[place].sampled : sampledAt(slot, place), rows.sampled[share]);
  }
}

void KeyCounts::addTaken(const KeyCounts& from, const TakenKeys& taken, uint32_t place) {
  for (uint32_t first = 0; first < taken.count; first += kRowsMax) {
    const uint32_t count = std::min(kRowsMax, taken.count - first);
    const uint32_t* slots = taken.slots.data() + first;
    for (uint32_t i = 0; i < count; i++) table_.askForIndex(hashes_[i] = from.table_.hashOf(slots[i]));
    for (uint32_t i = 0; i < count; i++) table_.askForRecord(hashes_[i]);
    for (uint32_t i = 0; i < count; i++) {
      const size_t key = first + i;
      uint32_t slot = table_.find(from.table_.key(slots[i]), hashes_[i]);
      if (slot == kNone) slot = admit(from.table_.key(slots[i]), hashes_[i], from.table_.distinctHashOf(slots[i]));
      table_.weight(slot) += taken.octets[key];
      mark(slot, place);
      add(values_[place][slot], taken.figures[key]);
      if (!isEstimate(taken.sampled[key])) continue;
      add(sampledAt(slot, place), taken.sampled[key]);
    }
  }
  Rest& rest = rest_[place];
  add(rest.other, taken.other);
  add(rest.sampled, taken.otherSampled);
  rest.distinct.merge(taken.distinct);
  rest.evicted |= taken.evicted;
}

void KeyCounts::take(uint32_t place, uint32_t to, TakenKeys& into) {
  into.reserve(table_.size());
  const uint32_t bit = 1u << (place % 32);
  const bool hasEstimates = sampled_[place].size() > 0;
  uint32_t count = 0;
  for (uint32_t slot = 0; slot < table_.slotsUsed(); slot++) {
    uint32_t* marks = table_.marks(slot);
    if ((marks[place / 32] & bit) == 0) continue;
    marks[place / 32] &= ~bit;
    if (to != kNone) marks[to / 32] |= 1u << (to % 32);
    Figures& figures = into.figures[count];
    figures.fill(0);
    move(values_[place][slot], figures);
    if (to != kNone) add(values_[to][slot], figures);
    Estimates& estimates = into.sampled[count];
    estimates.fill(0);
    if (hasEstimates) {
      move(sampled_[place][slot], estimates);
      if (to != kNone) add(sampledAt(slot, to), estimates);
    }
    into.octets[count] = figures[0] + figures[1];
    into.slots[count++] = slot;
  }
  into.count = count;
  Rest& rest = rest_[place];
  into.other = rest.other;
  into.otherSampled = rest.sampled;
  into.distinct = rest.distinct;
  into.evicted = rest.evicted;
  rest = Rest();
  if (to == kNone) return;
  Rest& target = rest_[to];
  add(target.other, into.other);
  add(target.sampled, into.otherSampled);
  target.distinct.merge(into.distinct);
  target.evicted |= into.evicted;
}

void KeyCounts::forgetAbsent() {
  for (uint32_t slot = 0; slot < table_.slotsUsed(); slot++) {
    if (!table_.isTaken(slot)) continue;
    const uint32_t* marks = table_.marks(slot);
    if (std::all_of(marks, marks + markWords_, [](uint32_t word) { return word == 0; })) table_.remove(slot);
  }
}

void KeyCounts::widen(uint32_t places) {
  while (values_.size() < places) values_.emplace_back(table_.slotsMax());
  sampled_.resize(places);
  rest_.resize(places);
}

uint32_t KeyCounts::admit(const uint32_t* key, uint32_t hash, uint32_t distinctHash) {
  if (table_.isFull()) evictLightest();
  return table_.insert(key, hash, distinctHash);
}

// Of a full table, the lightest keys make room for the next one and for those that follow it.
void KeyCounts::evictLightest() {
  const uint32_t count = std::max(1u, table_.slotsMax() / kEvictedPart);
  const double lightest = table_.lightest(count);
  // One more than there may be: whether a slot goes is added up, not branched on, since nothing foretells it.
  std::vector<uint32_t> slots(count + 1);
  uint32_t found = 0;
  const auto look = [&](uint32_t from, uint32_t to) {
    for (uint32_t slot = from; slot < to && found < count; slot++) {
      slots[found] = slot;
      found += table_.weight(slot) <= lightest ? 1 : 0;
    }
  };
  // From anywhere, since of many that weigh the same not all may have to go.
  const uint32_t first = table_.anySlot();
  look(first, table_.slotsUsed());
  look(0, first);
  // A few ahead, what `evict` will look at.
  const auto at = [&](size_t i) { return slots[std::min<size_t>(i, found - 1)]; };
  for (size_t i = 0; i < found; i++) {
    table_.askForSlot(at(i + 2 * kAhead));
    const uint32_t next = at(i + kAhead);
    table_.askForIndex(table_.hashOf(next));
    for (uint32_t marks = table_.marks(next)[0]; marks != 0; marks &= marks - 1) askForFigures(static_cast<uint32_t>(std::countr_zero(marks)), next);
    evict(slots[i]);
  }
  evictions_++;
}

// The slot's key gives its place up: what it had moves to `other`.
void KeyCounts::evict(uint32_t slot) {
  uint32_t* marks = table_.marks(slot);
  for (uint32_t word = 0; word < markWords_; word++) {
    for (; marks[word] != 0; marks[word] &= marks[word] - 1) {
      const uint32_t place = 32 * word + static_cast<uint32_t>(std::countr_zero(marks[word]));
      Rest& rest = rest_[place];
      rest.evicted = true;
      move(values_[place][slot], rest.other);
      if (sampled_[place].size() > 0) move(sampled_[place][slot], rest.sampled);
    }
  }
  // A slot without key is counted by no window: its marks are gone.
  table_.remove(slot);
  evictedKeys_++;
}

Estimates& KeyCounts::sampledAt(uint32_t slot, uint32_t place) {
  if (sampled_[place].size() == 0) sampled_[place] = ZeroedArray<Estimates>(table_.slotsMax());
  return sampled_[place][slot];
}

}  // namespace flowspan
