#pragma once
// Stanzas: fields of the form `Name: value` in blocks that an empty line ends, as dpkg's status file (deb822(5)) and the head of
// Python's METADATA (RFC 822) have them. Lines that begin with a space or a tab continue the field before.

#include <functional>
#include <string_view>
#include <utility>
#include <vector>

namespace weir {

class Stanza {
 public:
  // The value of the first field of that name, in any case; its first line, trimmed; empty when there is none.
  std::string_view first_line(std::string_view name) const;
  bool empty() const noexcept { return fields_.empty(); }
  void add(std::string_view name, std::string_view value) { fields_.emplace_back(name, value); }
  void clear() { fields_.clear(); }

 private:
  std::vector<std::pair<std::string_view, std::string_view>> fields_;
};

// Each stanza of `text`, until `visit` says false. Views point into `text`. Lines that are no field are left out.
void each_stanza(std::string_view text, const std::function<bool(const Stanza&)>& visit);

}  // namespace weir
