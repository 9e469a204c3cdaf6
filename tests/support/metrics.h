// Counters in the Prometheus text format, as a test asks about them.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace weir::testing {

using Labels = std::map<std::string, std::string>;

class Metrics {
 public:
  struct Series {
    std::string name;
    Labels labels;
    double value = 0;
  };

  // Lines that are no series are skipped.
  static Metrics parse(std::string_view text);

  // The sum of all series of that name that have all these labels; 0 when there is none, as of a counter that nothing
  // has counted yet.
  double value(std::string_view name, const Labels& labels = {}) const;

  bool has(std::string_view name, const Labels& labels = {}) const;

  const std::vector<Series>& series() const { return series_; }

  // name{label="value",...} -> value, labels in the order of their names.
  std::map<std::string, double> by_text() const;

 private:
  std::vector<Series> series_;
};

}  // namespace weir::testing
