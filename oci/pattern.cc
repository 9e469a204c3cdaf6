#include "oci/pattern.h"

#include <algorithm>
#include <vector>

namespace weir {

// Row by row over the pattern: which lengths of the text are matched so far.
bool matches_glob(std::string_view pattern, std::string_view text) {
  std::vector<char> reached(text.size() + 1, 0);
  reached[0] = 1;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] != '*') {
      for (std::size_t j = text.size(); j-- > 0;) reached[j + 1] = reached[j] && text[j] == pattern[i];
      reached[0] = 0;
      continue;
    }
    const bool crosses = i + 1 < pattern.size() && pattern[i + 1] == '*';
    if (crosses) ++i;
    for (std::size_t j = 0; j < text.size(); ++j) {
      if (reached[j] && (crosses || text[j] != '/')) reached[j + 1] = 1;
    }
  }
  return reached[text.size()] != 0;
}

Result<Pattern> Pattern::parse(std::string_view text) {
  const auto wrong = [&text](std::string_view what) {
    return Error{Failure::invalid, Side::client, false, "\"" + std::string(text) + "\" " + std::string(what)};
  };
  Pattern pattern;
  pattern.text_ = text;
  auto repository = text;
  if (const auto at = text.find('@'); at != std::string_view::npos) {
    auto digest = Digest::parse(text.substr(at + 1));
    if (!digest) return wrong("has no digest behind its @");
    pattern.digest_ = *std::move(digest);
    repository = text.substr(0, at);
  } else if (const auto colon = text.rfind(':');
             colon != std::string_view::npos && text.find('/', colon) == std::string_view::npos && text.find('/') < colon) {
    pattern.tag_ = text.substr(colon + 1);
    repository = text.substr(0, colon);
    if (pattern.tag_.empty() || pattern.tag_.size() > 128) return wrong("has no tag behind its colon");
  }
  const auto allowed = [](unsigned char c) { return c > ' ' && c < 0x7f && c != '\\' && c != '?' && c != '#'; };
  if (repository.empty() || repository.size() > 512 || !std::ranges::all_of(text, allowed))
    return wrong("is no repository or pattern of one");
  if (repository.find('/') == std::string_view::npos && repository != "**")
    return wrong("names no repository: NAMESPACE/PATH, and `**` for all below");
  pattern.repository_ = repository;
  return pattern;
}

}  // namespace weir
