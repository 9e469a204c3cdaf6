#include "tests/support/metrics.h"

#include <algorithm>
#include <cstdlib>
#include <optional>
#include <utility>

namespace weir::testing {

namespace {

// Takes a quoted label value off the front of `text`, whose first character is the quote.
std::optional<std::string> take_quoted(std::string_view& text) {
  std::string value;
  for (std::size_t i = 1; i < text.size(); ++i) {
    if (text[i] == '"') {
      text.remove_prefix(i + 1);
      return value;
    }
    if (text[i] == '\\' && i + 1 < text.size()) {
      ++i;
      value += text[i] == 'n' ? '\n' : text[i];
    } else {
      value += text[i];
    }
  }
  return std::nullopt;
}

// Takes {a="b",c="d"} off the front of `text`.
std::optional<Labels> take_labels(std::string_view& text) {
  Labels labels;
  if (!text.starts_with('{')) return labels;
  text.remove_prefix(1);
  while (!text.starts_with('}')) {
    auto equals = text.find('=');
    if (equals == text.npos || equals + 1 >= text.size() || text[equals + 1] != '"') return std::nullopt;
    std::string name(text.substr(0, equals));
    text.remove_prefix(equals + 1);
    auto value = take_quoted(text);
    if (!value) return std::nullopt;
    labels[name] = *value;
    if (text.starts_with(',')) text.remove_prefix(1);
  }
  text.remove_prefix(1);
  return labels;
}

std::optional<Metrics::Series> parse_line(std::string_view line) {
  auto end = line.find_first_of("{ ");
  if (line.empty() || line.front() == '#' || end == line.npos) return std::nullopt;
  Metrics::Series series{std::string(line.substr(0, end)), {}, 0};
  line.remove_prefix(end);
  auto labels = take_labels(line);
  if (!labels) return std::nullopt;
  series.labels = std::move(*labels);
  series.value = std::strtod(std::string(line).c_str(), nullptr);
  return series;
}

bool is_asked_for(const Metrics::Series& series, std::string_view name, const Labels& labels) {
  return series.name == name && std::ranges::all_of(labels, [&](const auto& label) {
           auto found = series.labels.find(label.first);
           return found != series.labels.end() && found->second == label.second;
         });
}

}  // namespace

Metrics Metrics::parse(std::string_view text) {
  Metrics metrics;
  while (!text.empty()) {
    auto end = text.find('\n');
    if (auto series = parse_line(text.substr(0, end))) metrics.series_.push_back(std::move(*series));
    text.remove_prefix(end == text.npos ? text.size() : end + 1);
  }
  return metrics;
}

double Metrics::value(std::string_view name, const Labels& labels) const {
  double sum = 0;
  for (const auto& series : series_) {
    if (is_asked_for(series, name, labels)) sum += series.value;
  }
  return sum;
}

bool Metrics::has(std::string_view name, const Labels& labels) const {
  return std::ranges::any_of(series_, [&](const Series& series) { return is_asked_for(series, name, labels); });
}

std::map<std::string, double> Metrics::by_text() const {
  std::map<std::string, double> texts;
  for (const auto& series : series_) {
    std::string labels;
    for (const auto& [name, value] : series.labels) {
      labels += (labels.empty() ? "" : ",") + name + "=\"" + value + "\"";
    }
    texts[labels.empty() ? series.name : series.name + "{" + labels + "}"] = series.value;
  }
  return texts;
}

}  // namespace weir::testing
