#pragma once
// Counters: what happened, in numbers. One Counters a loop, so counting is an add to memory nobody else writes;
// Meter sums them when asked.

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace weir {

enum class Metric {
#define METRIC(identifier, name, type, labels, help) identifier,
#include "meter/counters.tbl"
#undef METRIC
};

// Thread: add() by its loop only, value() by any.
class Cell {
 public:
  void add(std::uint64_t amount) noexcept {
    value_.store(value_.load(std::memory_order_relaxed) + amount, std::memory_order_relaxed);
  }
  std::uint64_t value() const noexcept { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

// Upper bounds in milliseconds; the last bucket is everything slower.
inline constexpr std::array<unsigned, 12> kLatencyBuckets{1, 2, 5, 10, 25, 50, 100, 250, 500, 1000, 5000, 30000};

struct Histogram {
  std::array<Cell, kLatencyBuckets.size() + 1> buckets;
  Cell microseconds;
  void observe(std::uint64_t micros) noexcept;
};

// Thread: cell() and histogram() by its loop only. What they return stays valid as long as this.
class Counters {
 public:
  // `labels` are the values in the table's order, joined by commas; none contains a comma.
  Cell& cell(Metric metric, std::string_view labels = {});
  Histogram& histogram(Metric metric, std::string_view labels);

 private:
  friend class Meter;
  using Key = std::pair<Metric, std::string>;
  std::mutex mutex_;  // held to insert and by readers; the loop's own look-ups need it not
  std::map<Key, Cell, std::less<>> cells_;
  std::map<Key, Histogram, std::less<>> histograms_;
};

// A figure worked out when somebody asks.
struct Gauge {
  std::string name, help;
  std::function<double()> value;
  bool only_grows = false;  // it is a counter that somebody else keeps
};

// Figures that one label tells apart, worked out when somebody asks.
struct GaugeFamily {
  std::string name, help, label;
  std::function<std::vector<std::pair<std::string, double>>()> values;
};

// Thread: any, after the gauges are added.
class Meter {
 public:
  explicit Meter(unsigned loops);
  Counters& counters(unsigned loop) { return *counters_[loop]; }
  void add_gauge(Gauge gauge) { gauges_.push_back(std::move(gauge)); }
  void add_gauges(GaugeFamily family) { families_.push_back(std::move(family)); }

  std::uint64_t total(Metric metric, std::string_view labels = {}) const;
  // Prometheus text exposition format 0.0.4.
  std::string exposition() const;

 private:
  std::vector<std::unique_ptr<Counters>> counters_;
  std::vector<Gauge> gauges_;
  std::vector<GaugeFamily> families_;
};

}  // namespace weir
