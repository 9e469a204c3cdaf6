#include "oci/media_type.h"

#include "base/text.h"

namespace weir::media_type {
namespace {

bool refused_by_weight(std::string_view parameters) {
  for (const auto parameter : split(parameters, ';')) {
    const auto text = trim(parameter);
    if (text.size() < 3 || (text[0] != 'q' && text[0] != 'Q') || text[1] != '=') continue;
    return text.find_first_not_of("0.", 2) == std::string_view::npos;
  }
  return false;
}

}  // namespace

std::string without_parameters(std::string_view content_type) {
  return to_lower(trim(content_type.substr(0, content_type.find(';'))));
}

bool accepts(std::string_view accept, std::string_view type) {
  bool any = false, admitted = false;
  int best = -1;  // how specific the range that decides is: the type itself, `type/*`, `*/*`
  for (const auto element : split(accept, ',')) {
    const auto semicolon = element.find(';');
    const auto range = trim(element.substr(0, semicolon));
    if (range.empty()) continue;
    any = true;
    int specific = -1;
    if (equal_ignoring_case(range, type)) specific = 2;
    else if (range == "*/*") specific = 0;
    else if (range.ends_with("/*") && equal_ignoring_case(range.substr(0, range.size() - 1), type.substr(0, range.size() - 1)))
      specific = 1;
    if (specific < 0 || specific < best) continue;
    const bool refused = semicolon != std::string_view::npos && refused_by_weight(element.substr(semicolon + 1));
    admitted = specific > best ? !refused : admitted || !refused;
    best = specific;
  }
  return !any || admitted;
}

}  // namespace weir::media_type
