#include "meter/counters.h"

#include <charconv>

#include "base/text.h"

namespace weir {
namespace {

struct Row {
  Metric metric;
  std::string_view name, type, labels, help;
};

constexpr Row kRows[] = {
#define METRIC(identifier, name, type, labels, help) {Metric::identifier, name, type, labels, help},
#include "meter/counters.tbl"
#undef METRIC
};

std::string escape(std::string_view value) {
  std::string escaped;
  for (const char c : value) {
    if (c == '\\' || c == '"') escaped += '\\';
    if (c == '\n') escaped += "\\n";
    else escaped += c;
  }
  return escaped;
}

// {a="x",b="y"}; `extra` is appended as it is.
std::string label_text(std::string_view names, std::string_view values, std::string_view extra = {}) {
  std::string text;
  if (!names.empty()) {
    const auto name_list = split(names, ','), value_list = split(values, ',');
    for (std::size_t i = 0; i < name_list.size(); ++i) {
      if (!text.empty()) text += ',';
      text += std::string(name_list[i]) + "=\"" + escape(i < value_list.size() ? value_list[i] : "") + '"';
    }
  }
  if (!extra.empty()) {
    if (!text.empty()) text += ',';
    text += extra;
  }
  return text.empty() ? text : '{' + text + '}';
}

std::string show(double value) {
  char text[40];
  const auto end = std::to_chars(text, text + sizeof text, value).ptr;  // the shortest that reads back the same
  return std::string(text, end);
}

struct HistogramSum {
  std::array<std::uint64_t, kLatencyBuckets.size() + 1> buckets{};
  std::uint64_t microseconds = 0;
};

}  // namespace

void Histogram::observe(std::uint64_t micros) noexcept {
  std::size_t i = 0;
  while (i < kLatencyBuckets.size() && micros > kLatencyBuckets[i] * 1000ull) ++i;
  buckets[i].add(1);
  microseconds.add(micros);
}

namespace {
// Finds without the lock (only this thread inserts), inserts with it (others read).
template <typename Map>
typename Map::mapped_type& find_or_insert(Map& map, std::mutex& mutex, Metric metric, std::string_view labels) {
  const auto key = std::pair<Metric, std::string>(metric, labels);
  if (const auto found = map.find(key); found != map.end()) return found->second;
  std::lock_guard lock(mutex);
  return map.try_emplace(key).first->second;
}
}  // namespace

Cell& Counters::cell(Metric metric, std::string_view labels) { return find_or_insert(cells_, mutex_, metric, labels); }

Histogram& Counters::histogram(Metric metric, std::string_view labels) {
  return find_or_insert(histograms_, mutex_, metric, labels);
}

Meter::Meter(unsigned loops) {
  for (unsigned i = 0; i < loops; ++i) counters_.push_back(std::make_unique<Counters>());
}

std::uint64_t Meter::total(Metric metric, std::string_view labels) const {
  std::uint64_t sum = 0;
  for (const auto& counters : counters_) {
    std::lock_guard lock(counters->mutex_);
    const auto found = counters->cells_.find(std::pair<Metric, std::string>(metric, labels));
    if (found != counters->cells_.end()) sum += found->second.value();
  }
  return sum;
}

std::string Meter::exposition() const {
  std::map<Metric, std::map<std::string, std::uint64_t>> sums;
  std::map<Metric, std::map<std::string, HistogramSum>> histograms;
  for (const auto& counters : counters_) {
    std::lock_guard lock(counters->mutex_);
    for (const auto& [key, cell] : counters->cells_) sums[key.first][key.second] += cell.value();
    for (const auto& [key, histogram] : counters->histograms_) {
      auto& sum = histograms[key.first][key.second];
      for (std::size_t i = 0; i < sum.buckets.size(); ++i) sum.buckets[i] += histogram.buckets[i].value();
      sum.microseconds += histogram.microseconds.value();
    }
  }

  std::string text;
  for (const Row& row : kRows) {
    const std::string name(row.name);
    text += "# HELP " + name + ' ' + std::string(row.help) + "\n# TYPE " + name + ' ' + std::string(row.type) + '\n';
    // A counter without labels is always there, so that a rate over it starts at zero.
    if (row.labels.empty()) sums[row.metric].try_emplace("", 0);
    for (const auto& [labels, value] : sums[row.metric]) {
      text += name + label_text(row.labels, labels) + ' ' + std::to_string(value) + '\n';
    }
    for (const auto& [labels, sum] : histograms[row.metric]) {
      std::uint64_t count = 0;
      for (std::size_t i = 0; i < sum.buckets.size(); ++i) {
        count += sum.buckets[i];
        const auto bound = i < kLatencyBuckets.size() ? show(kLatencyBuckets[i] / 1000.0) : std::string("+Inf");
        text += name + "_bucket" + label_text(row.labels, labels, "le=\"" + bound + '"') + ' ' + std::to_string(count) + '\n';
      }
      text += name + "_sum" + label_text(row.labels, labels) + ' ' + show(static_cast<double>(sum.microseconds) / 1e6) + '\n';
      text += name + "_count" + label_text(row.labels, labels) + ' ' + std::to_string(count) + '\n';
    }
  }
  for (const auto& gauge : gauges_) {
    text += "# HELP " + gauge.name + ' ' + gauge.help + "\n# TYPE " + gauge.name + (gauge.only_grows ? " counter\n" : " gauge\n");
    text += gauge.name + ' ' + show(gauge.value()) + '\n';
  }
  for (const auto& family : families_) {
    text += "# HELP " + family.name + ' ' + family.help + "\n# TYPE " + family.name + " gauge\n";
    for (const auto& [value, figure] : family.values())
      text += family.name + label_text(family.label, value) + ' ' + show(figure) + '\n';
  }
  return text;
}

}  // namespace weir
