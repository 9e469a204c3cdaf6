#include "oci/members.h"

#include <algorithm>
#include <functional>

#include "base/check.h"

namespace weir {
namespace {

constexpr std::size_t kMostOthers = 64;

constexpr char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

// The characters beyond ASCII that become an ASCII letter when case is folded (long s, Kelvin sign), or when it is changed
// one character at a time (I with a dot, i without one). In UTF-8.
struct Letter {
  std::string_view bytes;
  char folded;
};
constexpr Letter kLetters[] = {{"\u017F", 's'}, {"\u212A", 'k'}, {"\u0130", 'i'}, {"\u0131", 'i'}};

// The first character of `name`, folded, and taken off; NUL for one that folds to nothing in ASCII.
char take_folded(std::string_view& name) {
  for (const auto& letter : kLetters) {
    if (!name.starts_with(letter.bytes)) continue;
    name.remove_prefix(letter.bytes.size());
    return letter.folded;
  }
  const char c = name.front();
  name.remove_prefix(1);
  return static_cast<unsigned char>(c) < 0x80 ? lower(c) : '\0';
}

}  // namespace

bool equal_folded(std::string_view name, std::string_view plain) {
  for (const char c : plain) {
    if (name.empty() || take_folded(name) != lower(c)) return false;
  }
  return name.empty();
}

void Members::begin() {
  MUST(known_.size() <= 32);
  seen_ = 0;
  others_.clear();
}

std::optional<unsigned> Members::next(std::string_view name) {
  for (unsigned i = 0; i < known_.size(); ++i) {
    if (name == known_[i]) {
      const auto bit = std::uint32_t{1} << i;
      ambiguous_ = ambiguous_ || (seen_ & bit);
      seen_ |= bit;
      return i;
    }
    if (equal_folded(name, known_[i])) {
      ambiguous_ = true;
      return std::nullopt;
    }
  }
  if (repeats_ == Repeats::of_known_names || ambiguous_) return std::nullopt;
  const auto hash = std::hash<std::string_view>{}(name);
  if (others_.size() >= kMostOthers || std::ranges::find(others_, hash) != others_.end()) ambiguous_ = true;
  else others_.push_back(hash);
  return std::nullopt;
}

}  // namespace weir
