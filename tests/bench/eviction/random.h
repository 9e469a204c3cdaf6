#pragma once
// Random numbers that are the same on every machine: the standard library's engines are, its distributions are not.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numbers>
#include <random>
#include <vector>

namespace bench {

class Random {
 public:
  explicit Random(std::uint64_t seed) : engine_(seed) {}

  // At least 0 and below 1.
  double unit() { return static_cast<double>(engine_() >> 11) * 0x1p-53; }
  // At least 0 and below `end`.
  std::uint32_t below(std::uint32_t end) { return static_cast<std::uint32_t>(unit() * end); }
  // From `first` to `last`, both included.
  std::uint32_t between(std::uint32_t first, std::uint32_t last) { return first + below(last - first + 1); }
  bool chance(double probability) { return unit() < probability; }
  // Half are below `median`; e^sigma above and below it lie two thirds.
  double log_normal(double median, double sigma) {
    const double radius = std::sqrt(-2 * std::log(1 - unit()));
    return median * std::exp(sigma * radius * std::cos(2 * std::numbers::pi * unit()));
  }
  // The time until the next of events that come at random, `mean` apart.
  double gap(double mean) { return -mean * std::log(1 - unit()); }

 private:
  std::mt19937_64 engine_;
};

// Ranks 0, 1, 2, ... with probabilities as 1, 1/2^s, 1/3^s, ...
class Zipf {
 public:
  Zipf(std::size_t count, double exponent) : sums_(count) {
    double sum = 0;
    for (std::size_t rank = 0; rank < count; ++rank) sums_[rank] = sum += std::pow(static_cast<double>(rank + 1), -exponent);
  }
  std::size_t operator()(Random& random) const {
    const auto found = std::upper_bound(sums_.begin(), sums_.end(), random.unit() * sums_.back());
    return std::min<std::size_t>(static_cast<std::size_t>(found - sums_.begin()), sums_.size() - 1);
  }

 private:
  std::vector<double> sums_;
};

}  // namespace bench
