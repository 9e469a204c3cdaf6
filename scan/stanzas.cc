#include "scan/stanzas.h"

#include "base/text.h"

namespace weir {
namespace {

constexpr std::size_t kMostFields = 200;  // of one stanza

}  // namespace

std::string_view Stanza::first_line(std::string_view name) const {
  for (const auto& [found, value] : fields_) {
    if (equal_ignoring_case(found, name)) return value;
  }
  return {};
}

void each_stanza(std::string_view text, const std::function<bool(const Stanza&)>& visit) {
  Stanza stanza;
  std::size_t fields = 0;
  while (!text.empty()) {
    const auto end = text.find('\n');
    auto line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (trim(line).empty()) {
      if (!stanza.empty() && !visit(stanza)) return;
      stanza.clear();
      fields = 0;
      continue;
    }
    if (line[0] == ' ' || line[0] == '\t') continue;
    const auto colon = line.find(':');
    if (colon == std::string_view::npos || fields >= kMostFields) continue;
    ++fields;
    stanza.add(trim(line.substr(0, colon)), trim(line.substr(colon + 1)));
  }
  if (!stanza.empty()) visit(stanza);
}

}  // namespace weir
