// Keyed hash of a flow key and of small records: multiply-and-fold of word pairs with secret words, two rounds. Nobody
// who does not know the secret can aim packets at one bucket. Not a cryptographic hash. Pure; any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace flowspan {

inline uint64_t foldMultiply(uint64_t a, uint64_t b) {
  const unsigned __int128 product = static_cast<unsigned __int128>(a) * b;
  return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
}

// SplitMix64: spreads a seed into secrets, and serves as the meter's random source for sampling.
class SplitMix {
 public:
  explicit SplitMix(uint64_t seed) : state_(seed) {}
  uint64_t next() {
    uint64_t z = (state_ += 0x9e3779b97f4a7c15ull);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
    return z ^ (z >> 31);
  }

 private:
  uint64_t state_;
};

class KeyedHash {
 public:
  explicit KeyedHash(uint64_t seed) {
    SplitMix random(seed);
    for (uint64_t& word : secret_) word = random.next() | 1;
  }

  // A flow key: its address pair as one word, and its last two words. The last one changes the hash after the first round, so
  // that packets under several VLANs share that.
  uint64_t ofKey(uint64_t addresses, uint64_t ports, uint64_t link) const { return second(foldMultiply(addresses ^ secret_[0], ports ^ secret_[1]) ^ link); }
  uint64_t ofSixWords(const uint64_t* w) const { return ofKey(mixFour(w[0], w[1], w[2], w[3]), w[4], w[5]); }
  // One round: independent products, so that the multiplier is kept busy.
  uint64_t mixFour(uint64_t a, uint64_t b, uint64_t c, uint64_t d) const {
    return foldMultiply(a ^ secret_[2], b ^ secret_[3]) ^ foldMultiply(c ^ secret_[4], d ^ secret_[5]);
  }
  uint64_t ofTwoWords(uint64_t a, uint64_t b) const { return foldMultiply(foldMultiply(a ^ secret_[0], b ^ secret_[1]) ^ secret_[2], secret_[3]); }
  uint64_t join(uint64_t hash, uint64_t a, uint64_t b) const { return foldMultiply(a ^ secret_[4] ^ hash, b ^ secret_[5]); }

 private:
  uint64_t second(uint64_t h) const { return foldMultiply(h ^ secret_[6], secret_[7]); }

  std::array<uint64_t, 8> secret_{};
};

}  // namespace flowspan
