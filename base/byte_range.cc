#include "base/byte_range.h"

#include <algorithm>

#include "base/text.h"

namespace weir {
namespace {

constexpr std::size_t kMostRanges = 64;

// One of `5-9`, `5-`, `-5`. False: not well-formed. Nothing in `range`: nothing of the bytes is meant.
bool resolve_one(std::string_view text, std::uint64_t size, std::optional<ByteRange>& range) {
  const auto dash = text.find('-');
  if (dash == std::string_view::npos) return false;
  const auto first_text = text.substr(0, dash), last_text = text.substr(dash + 1);
  if (first_text.empty()) {
    const auto suffix = parse_number(last_text);
    if (!suffix) return false;
    if (*suffix > 0 && size > 0) range = ByteRange{size - std::min(*suffix, size), size - 1};
    return true;
  }
  const auto first = parse_number(first_text);
  const auto last = last_text.empty() ? std::optional<std::uint64_t>(UINT64_MAX) : parse_number(last_text);
  if (!first || !last || *last < *first) return false;
  if (*first < size) range = ByteRange{*first, std::min(*last, size - 1)};
  return true;
}

}  // namespace

RangeAnswer resolve_range(std::optional<std::string_view> header, std::uint64_t size) {
  const RangeAnswer whole;
  if (!header || header->size() < 6 || !equal_ignoring_case(header->substr(0, 6), "bytes=")) return whole;
  RangeAnswer answer{RangeAnswer::Kind::partial, {}};
  std::size_t asked = 0;
  std::uint64_t total = 0;
  bool excess = false;
  for (const auto piece : split(header->substr(6), ',')) {
    const auto text = trim(piece);
    if (text.empty()) continue;
    std::optional<ByteRange> range;
    if (++asked > kMostRanges || !resolve_one(text, size, range)) return whole;
    if (!range) continue;
    excess = excess || range->length() > size - total;
    total += excess ? 0 : range->length();
    answer.ranges.push_back(*range);
  }
  if (asked == 0) return whole;
  if (answer.ranges.empty()) return {RangeAnswer::Kind::unsatisfiable, {}};
  // Overlaps that ask for more than everything are an old way to make a server work for nothing.
  if (answer.ranges.size() > 1 && excess) return whole;
  return answer;
}

std::string content_range(const ByteRange& range, std::uint64_t size) {
  return "bytes " + std::to_string(range.first) + '-' + std::to_string(range.last) + '/' + std::to_string(size);
}

std::optional<ContentRange> parse_content_range(std::string_view header) {
  if (header.size() < 6 || !equal_ignoring_case(header.substr(0, 6), "bytes ")) return std::nullopt;
  header = trim(header.substr(6));
  const auto dash = header.find('-'), slash = header.find('/');
  if (dash == std::string_view::npos || slash == std::string_view::npos || dash > slash) return std::nullopt;
  const auto first = parse_number(header.substr(0, dash));
  const auto last = parse_number(header.substr(dash + 1, slash - dash - 1));
  const auto size_text = header.substr(slash + 1);
  const auto size = parse_number(size_text);
  if (!first || !last || *last < *first || (!size && size_text != "*") || (size && *last >= *size)) return std::nullopt;
  return ContentRange{{*first, *last}, size};
}

}  // namespace weir
