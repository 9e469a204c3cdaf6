#pragma once
// The lines of a rule file as words with their places; no meaning yet.
//
// Words stand between blanks. A word that begins with `#` begins a comment; a `#` inside a word belongs to it. Lines end in LF
// or CRLF. A mark of UTF-8 at the start of the file is skipped.

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace weir {

inline constexpr std::size_t kMostRuleLine = 8192;  // bytes

// A view into the text that was scanned.
struct RuleWord {
  std::string_view text;
  unsigned column = 0;  // in bytes, from 1
};

struct RuleLine {
  unsigned number = 0;          // from 1
  std::vector<RuleWord> words;  // at least one
  unsigned end = 0;             // the column behind the last word
  std::string mistake;          // what is wrong with the line as such, at `end`; then it has no words
};

// Visits each line until it is told to stop (false). Lines with neither a word nor a mistake are left out.
void scan_rule_lines(std::string_view text, const std::function<bool(const RuleLine&)>& visit);

}  // namespace weir
