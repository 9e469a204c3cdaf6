#include "policy/expression.h"

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "base/text.h"

namespace weir {
namespace {

Error refused(std::string what) { return Error{Failure::invalid, Side::local, false, std::move(what)}; }

// Weights are sums and products; beyond the bound all are the same.
std::uint64_t at_most(std::uint64_t weight) { return std::min(weight, kMostExpressionWeight + 1); }

// The position behind a class that begins at `i`; nothing: it never ends.
std::optional<std::size_t> class_end(std::string_view text, std::size_t i) {
  ++i;
  if (i < text.size() && text[i] == '^') ++i;
  if (i < text.size() && text[i] == ']') ++i;
  for (; i < text.size(); ++i) {
    if (text[i] == '\\') ++i;
    else if (text.substr(i).starts_with("[:")) {
      const auto end = text.find(":]", i + 2);
      if (end != std::string_view::npos) i = end + 1;
    } else if (text[i] == ']') return i + 1;
  }
  return std::nullopt;
}

// `{n}`, `{n,}`, `{n,m}` at the start of text: how often at most, and how long it is.
struct Repeat {
  std::uint64_t times = 1;
  std::size_t length = 0;
};
Repeat repeat_at(std::string_view text) {
  const auto end = text.find('}');
  if (!text.starts_with('{') || end == std::string_view::npos) return {};
  const auto inside = text.substr(1, end - 1);
  const auto comma = inside.find(',');
  const auto least = parse_number(inside.substr(0, comma));
  const auto most = comma == std::string_view::npos || comma + 1 == inside.size() ? least : parse_number(inside.substr(comma + 1));
  if (!least || !most) return {};
  return {std::max<std::uint64_t>({1, *least, *most}), end + 1};
}

// Behind `(`: how long what says the kind of group is. Error: it is none that is taken.
Result<std::size_t> group_mark(std::string_view text) {
  if (text.starts_with('*')) return refused("(*...) is not taken");
  if (!text.starts_with('?')) return std::size_t{0};
  const auto end = text.find_first_of(":)");
  const auto flags = end == std::string_view::npos ? text : text.substr(1, end - 1);
  if (end == std::string_view::npos || !std::ranges::all_of(flags, [](char c) { return c == 'i' || c == '-'; }))
    return refused("of what begins with (? only (?:...), (?i) and (?i:...) are taken");
  return text[end] == ':' ? end + 1 : end;
}

}  // namespace

Status check_expression_size(std::string_view text) {
  if (text.empty()) return refused("an empty expression");
  if (text.size() > kMostExpression) return refused("an expression is at most " + std::to_string(kMostExpression) + " bytes");
  struct Group {
    std::uint64_t sum = 0, last = 0;  // of what is complete, and of what a repeat would repeat
  };
  std::vector<Group> open{Group{}};
  for (std::size_t i = 0; i < text.size();) {
    auto& group = open.back();
    const auto take = [&group](std::uint64_t weight) {
      group.sum = at_most(group.sum + group.last);
      group.last = weight;
    };
    if (const auto repeat = repeat_at(text.substr(i)); repeat.length > 0) {
      group.last = repeat.times > kMostExpressionWeight ? kMostExpressionWeight + 1 : at_most(group.last * repeat.times);
      i += repeat.length;
    } else if (text[i] == '(') {
      const auto mark = group_mark(text.substr(i + 1));
      if (!mark) return mark.error();
      i += 1 + *mark;
      open.emplace_back();
    } else if (text[i] == ')' && open.size() > 1) {
      const auto weight = at_most(group.sum + group.last);
      open.pop_back();
      auto& outer = open.back();
      outer.sum = at_most(outer.sum + outer.last);
      outer.last = weight;
      ++i;
    } else if (text[i] == '[') {
      const auto end = class_end(text, i);
      if (!end) return refused("a [ without its ]");
      take(1);
      i = *end;
    } else if (text[i] == '\\') {
      if (text.substr(i).starts_with("\\Q")) return refused("\\Q is not taken");
      take(1);
      i += 2;
    } else {
      take(1);
      ++i;
    }
  }
  std::uint64_t weight = 0;
  for (const auto& group : open) weight = at_most(weight + group.sum + group.last);
  if (weight > kMostExpressionWeight)
    return refused("repeated, the expression grows beyond " + std::to_string(kMostExpressionWeight) + " characters");
  return ok_status();
}

}  // namespace weir
