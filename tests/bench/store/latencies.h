#pragma once
// Latencies: how long many things took, in 9 KiB however many they were.

#include <array>
#include <bit>
#include <chrono>
#include <cstdint>

namespace bench {

class Latencies {
 public:
  void add(std::chrono::nanoseconds took) {
    const auto place = place_of(static_cast<std::uint64_t>(took.count()));
    ++counts_[place];
    ++count_;
  }
  void add(const Latencies& other) {
    for (std::size_t place = 0; place < counts_.size(); ++place) counts_[place] += other.counts_[place];
    count_ += other.count_;
  }

  std::uint64_t count() const noexcept { return count_; }
  // What such a part of them did not exceed, at most a sixteenth too high.
  double microseconds(double part) const {
    const auto wanted = part * static_cast<double>(count_);
    std::uint64_t seen = 0;
    for (std::size_t place = 0; place < counts_.size(); ++place) {
      seen += counts_[place];
      if (seen > 0 && static_cast<double>(seen) >= wanted) return static_cast<double>(end_of(place)) / 1000;
    }
    return 0;
  }

 private:
  // Sixteen places to each doubling.
  static std::size_t place_of(std::uint64_t value) {
    if (value < 16) return value;
    const auto doublings = static_cast<unsigned>(std::bit_width(value)) - 5;
    return 16 * (doublings + 1) + ((value >> doublings) & 15);
  }
  static std::uint64_t end_of(std::size_t place) {
    if (place < 16) return place + 1;
    return (16 + place % 16 + 1) << (place / 16 - 1);
  }

  std::array<std::uint64_t, 16 * 61> counts_{};
  std::uint64_t count_ = 0;
};

}  // namespace bench
