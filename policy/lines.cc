#include "policy/lines.h"

namespace weir {
namespace {

bool blank(char c) { return c == ' ' || c == '\t'; }
bool control(unsigned char c) { return (c < 0x20 && c != '\t') || c == 0x7f; }

RuleLine mistaken(unsigned number, std::size_t column, std::string what) {
  return {number, {}, static_cast<unsigned>(column), std::move(what)};
}

RuleLine scan_rule_line(std::string_view text, unsigned number) {
  if (text.size() > kMostRuleLine)
    return mistaken(number, kMostRuleLine + 1, "the line is longer than " + std::to_string(kMostRuleLine) + " bytes");
  RuleLine line;
  line.number = number;
  std::size_t i = 0;
  for (;;) {
    while (i < text.size() && blank(text[i])) ++i;
    if (i == text.size() || text[i] == '#') return line;
    const auto begin = i;
    for (; i < text.size() && !blank(text[i]); ++i) {
      if (control(static_cast<unsigned char>(text[i]))) return mistaken(number, i + 1, "a control character");
    }
    line.words.push_back({text.substr(begin, i - begin), static_cast<unsigned>(begin + 1)});
    line.end = static_cast<unsigned>(i + 1);
  }
}

}  // namespace

void scan_rule_lines(std::string_view text, const std::function<bool(const RuleLine&)>& visit) {
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  for (unsigned number = 1; !text.empty(); ++number) {
    const auto end = text.find('\n');
    auto one = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (one.ends_with('\r')) one.remove_suffix(1);
    const auto line = scan_rule_line(one, number);
    if ((!line.words.empty() || !line.mistake.empty()) && !visit(line)) return;
  }
}

}  // namespace weir
