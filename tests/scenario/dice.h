// Choices at random that a seed repeats, and the figures that a test is given from outside.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <random>

namespace weir::testing {

// One thread's.
class Dice {
 public:
  explicit Dice(unsigned seed) : engine_(seed) {}
  // 0 .. below - 1
  std::uint64_t roll(std::uint64_t below) { return std::uniform_int_distribution<std::uint64_t>(0, below - 1)(engine_); }
  bool one_in(unsigned count) { return roll(count) == 0; }

  template <typename Iterator>
  void shuffle(Iterator begin, Iterator end) {
    std::shuffle(begin, end, engine_);
  }

 private:
  std::mt19937_64 engine_;
};

inline unsigned from_environment(const char* name, unsigned otherwise) {
  const char* text = std::getenv(name);
  return text ? static_cast<unsigned>(std::strtoul(text, nullptr, 10)) : otherwise;
}

}  // namespace weir::testing
