#include "taken_keys.h"

#include <algorithm>
#include <functional>

namespace flowspan {

TopKeys topOf(TakenKeys& taken, uint32_t topK) {
  const uint32_t count = taken.count;
  TopKeys top{{}, taken.other, taken.otherSampled};
  // The K-th largest divides top from other; keys that equal it fill what room is left.
  double least = -1;
  uint32_t room = topK;
  if (count > topK) {
    std::copy_n(taken.octets.begin(), count, taken.ranked.begin());
    const auto last = taken.ranked.begin() + topK - 1;
    std::nth_element(taken.ranked.begin(), last, taken.ranked.begin() + count, std::greater<>());
    least = *last;
    room -= static_cast<uint32_t>(std::count_if(taken.octets.begin(), taken.octets.begin() + count, [&](double octets) { return octets > least; }));
  }
  for (uint32_t key = 0; key < count; key++) {
    const bool isEqual = taken.octets[key] == least && room > 0;
    if (isEqual) room--;
    if (isEqual || taken.octets[key] > least) {
      top.keys.push_back(key);
      continue;
    }
    for (uint32_t i = 0; i < kFiguresPerKey; i++) top.other[i] += taken.figures[key][i];
    for (uint32_t i = 0; i < kFiguresPerSample; i++) top.otherSampled[i] += taken.sampled[key][i];
  }
  return top;
}

}  // namespace flowspan
