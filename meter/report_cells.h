#pragma once
// ReportCells: where each series counts in a report. Series that a report tells apart by nothing but the day are a group; a cell
// is what a group has of one upstream, which is what can be charged at once.
//
// Numbers are given in the order of the series. Views: `series` must stay. Thread: one.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "meter/report.h"

namespace weir {

class ReportCells {
 public:
  ReportCells(const std::vector<UsageKey>& series, const std::vector<Dimension>& by);

  enum class Counted : unsigned char { pulled, refused, received, stored };  // `refused`: sent, and would not have been pulled
  struct Place {
    std::uint32_t cell;
    Counted as;
  };
  struct Cell {
    std::uint32_t group, upstream;
  };

  const std::vector<Place>& places() const noexcept { return places_; }  // by the number of a series
  const std::vector<Cell>& cells() const noexcept { return cells_; }
  const std::vector<std::string_view>& upstreams() const noexcept { return upstreams_; }
  std::size_t groups() const noexcept { return members_.size(); }
  // As `by`; the day's is empty.
  std::vector<std::string> keys(std::uint32_t group) const;

 private:
  std::string_view key(const UsageKey& series, Dimension dimension) const;

  const std::vector<UsageKey>& series_;
  const std::vector<Dimension>& by_;
  std::vector<Place> places_;
  std::vector<Cell> cells_;
  std::vector<std::string_view> upstreams_;
  std::vector<std::size_t> members_;  // by group: a series of it
};

}  // namespace weir
