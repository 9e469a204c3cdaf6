#include "policy/glob.h"

#include "base/check.h"
#include "oci/pattern.h"

namespace weir {

GlobShape GlobShape::of(std::string_view pattern) {
  MUST(pattern.size() <= kMostBytes);
  GlobShape shape;
  const auto first = pattern.find('*'), last = pattern.rfind('*');
  if (first == std::string_view::npos) return shape;
  shape.before_ = static_cast<std::uint16_t>(first);
  shape.after_ = static_cast<std::uint16_t>(pattern.size() - last - 1);
  shape.kind_ = first == last ? Kind::within : last == first + 1 ? Kind::across : Kind::general;
  return shape;
}

bool GlobShape::matches(std::string_view pattern, std::string_view name) const {
  if (kind_ == Kind::exact) return name == pattern;
  if (!name.starts_with(pattern.substr(0, before_)) || !name.ends_with(pattern.substr(pattern.size() - after_))) return false;
  if (kind_ == Kind::general) return matches_glob(pattern, name);
  if (name.size() < std::size_t{before_} + after_) return false;
  return kind_ == Kind::across || name.substr(before_, name.size() - before_ - after_).find('/') == std::string_view::npos;
}

std::vector<std::string_view> literals_of(std::string_view pattern) {
  std::vector<std::string_view> pieces;
  for (std::size_t begin = 0; begin < pattern.size();) {
    const auto end = std::min(pattern.find('*', begin), pattern.size());
    if (end > begin) pieces.push_back(pattern.substr(begin, end - begin));
    begin = end + 1;
  }
  return pieces;
}

}  // namespace weir
