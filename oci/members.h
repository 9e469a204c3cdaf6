#pragma once
// Members: the member names of JSON objects of one kind, checked for names that another parser reads differently.
//
// Go's encoding/json, which most registries use, matches member names by Unicode simple case folding, and the last match
// counts: `Layers` or `layerſ` replaces `layers`. Other parsers compare exactly, or take the first of two equal names. An object
// that has such a name, or one name twice, is ambiguous: two programs read two different objects.
// Thread: one at a time. Bounded: 64 names a call of begin() beside the known ones; more are ambiguous.

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace weir {

class Members {
 public:
  enum class Repeats { of_any_name, of_known_names };  // which names make an object ambiguous when they occur twice

  // `known`: at most 32 names, in ASCII; they must outlive this.
  explicit Members(std::span<const std::string_view> known, Repeats repeats = Repeats::of_any_name)
      : known_(known), repeats_(repeats) {}

  // Another object of this kind begins.
  void begin();
  // Its next member, escapes decoded. Returns the place in `known` of the name spelled exactly like this.
  std::optional<unsigned> next(std::string_view name);
  // One of the objects so far is ambiguous.
  bool ambiguous() const { return ambiguous_; }

 private:
  std::span<const std::string_view> known_;
  Repeats repeats_;
  std::uint32_t seen_ = 0;             // the known names that this object has had, one bit each
  std::vector<std::size_t> others_;    // hashes of its other names
  bool ambiguous_ = false;
};

// Whether the names are equal when case is folded. `plain` is ASCII.
bool equal_folded(std::string_view name, std::string_view plain);

}  // namespace weir
