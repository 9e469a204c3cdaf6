#include "meter/report_cells.h"

#include <array>
#include <unordered_map>

namespace weir {
namespace {

constexpr std::string_view kNothing = "-";

std::string_view shown_or_none(std::string_view text) { return text.empty() ? kNothing : text; }

// Gives what it sees numbers, from 0 on.
template <typename Key>
class Numbering {
 public:
  // `fresh`: it was not seen before.
  std::uint32_t of(const Key& key, bool& fresh) {
    const auto [place, first] = numbers_.try_emplace(key, static_cast<std::uint32_t>(numbers_.size()));
    fresh = first;
    return place->second;
  }

 private:
  std::unordered_map<Key, std::uint32_t> numbers_;
};

std::uint64_t pair_of(std::uint32_t a, std::uint32_t b) { return static_cast<std::uint64_t>(a) << 32 | b; }

ReportCells::Counted counted_as(const UsageKey& series) {
  switch (series.direction) {
    case Direction::sent: break;
    case Direction::received: return ReportCells::Counted::received;
    case Direction::stored: return ReportCells::Counted::stored;
  }
  return counts_as_pull(series.outcome) ? ReportCells::Counted::pulled : ReportCells::Counted::refused;
}

}  // namespace

ReportCells::ReportCells(const std::vector<UsageKey>& series, const std::vector<Dimension>& by) : series_(series), by_(by) {
  std::array<Numbering<std::string_view>, kDimensionNames.size()> values;
  std::array<Numbering<std::uint64_t>, kDimensionNames.size()> combined;  // of all dimensions before one, and its own
  Numbering<std::string_view> upstreams;
  Numbering<std::uint64_t> cells;
  places_.reserve(series.size());
  for (std::size_t i = 0; i < series.size(); ++i) {
    std::uint32_t group = 0;
    bool fresh = members_.empty();
    for (std::size_t at = 0; at < by.size(); ++at) {
      if (by[at] == Dimension::day) continue;
      bool fresh_value = false;
      const auto value = values[at].of(key(series[i], by[at]), fresh_value);
      group = combined[at].of(pair_of(group, value), fresh);
    }
    if (fresh) members_.push_back(i);
    bool fresh_upstream = false, fresh_cell = false;
    const auto upstream = upstreams.of(series[i].upstream, fresh_upstream);
    if (fresh_upstream) upstreams_.push_back(series[i].upstream);
    const auto cell = cells.of(pair_of(group, upstream), fresh_cell);
    if (fresh_cell) cells_.push_back({group, upstream});
    places_.push_back({cell, counted_as(series[i])});
  }
}

std::string_view ReportCells::key(const UsageKey& series, Dimension dimension) const {
  switch (dimension) {
    case Dimension::identity: return shown_or_none(series.identity);
    case Dimension::team: return shown_or_none(series.team);
    case Dimension::repository: return shown_or_none(series.repository);
    case Dimension::upstream: return shown_or_none(series.upstream);
    case Dimension::outcome: return series.direction == Direction::stored ? kNothing : outcome_name(series.outcome);
    case Dimension::day: break;
  }
  return {};
}

std::vector<std::string> ReportCells::keys(std::uint32_t group) const {
  std::vector<std::string> keys;
  keys.reserve(by_.size());
  for (const auto dimension : by_) keys.emplace_back(key(series_[members_[group]], dimension));
  return keys;
}

}  // namespace weir
