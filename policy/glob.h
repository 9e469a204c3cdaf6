#pragma once
// Glob: one pattern with `*` and `**` made ready to be compared often. It means what matches_glob() of oci/pattern.h says.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace weir {

// What there is to know of a pattern before a name comes; the pattern itself is kept elsewhere.
class GlobShape {
 public:
  // Of at most 512 bytes, else MUST fails.
  static GlobShape of(std::string_view pattern);
  // `pattern`: the one it is the shape of.
  bool matches(std::string_view pattern, std::string_view name) const;
  // There is no star in it.
  bool exact() const noexcept { return kind_ == Kind::exact; }

  static constexpr std::size_t kMostBytes = 512;

 private:
  enum class Kind : std::uint8_t { exact, within, across, general };  // within, across: one `*`, one `**`
  std::uint16_t before_ = 0, after_ = 0;  // bytes before the first star, and behind the last
  Kind kind_ = Kind::exact;
};

// What stands between the stars of a pattern; every name that matches holds each of them. Views into it.
std::vector<std::string_view> literals_of(std::string_view pattern);

class Glob {
 public:
  explicit Glob(std::string text) : text_(std::move(text)), shape_(GlobShape::of(text_)) {}
  bool matches(std::string_view name) const { return shape_.matches(text_, name); }
  static constexpr std::size_t kMostBytes = GlobShape::kMostBytes;

 private:
  std::string text_;
  GlobShape shape_;
};

}  // namespace weir
