#include "base/spelling.h"

#include <algorithm>

namespace weir {
namespace {

constexpr std::size_t kMostShown = 80;

// Optimal string alignment. Both words are short: a line of a file or of a command against a name of ours.
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before(b.size() + 1), above(b.size() + 1), row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) above[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const bool same = a[i - 1] == b[j - 1];
      row[j] = std::min({above[j] + 1, row[j - 1] + 1, above[j - 1] + (same ? 0 : 1)});
      const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) row[j] = std::min(row[j], before[j - 2] + 1);
    }
    std::swap(before, above);
    std::swap(above, row);
  }
  return above[b.size()];
}

}  // namespace

std::optional<std::string> nearest_word(std::string_view word, const std::vector<std::string>& known) {
  const std::string* best = nullptr;
  std::size_t least = 0;
  for (const auto& candidate : known) {
    const auto distance = edit_distance(word, candidate);
    if (best && distance >= least) continue;
    best = &candidate;
    least = distance;
  }
  if (!best || least > std::max<std::size_t>(1, best->size() / 3)) return std::nullopt;
  return *best;
}

std::string suggestion(std::string_view word, const std::vector<std::string>& known) {
  if (const auto meant = nearest_word(word, known)) return "; did you mean \"" + *meant + "\"?";
  return "; known: " + joined(known);
}

std::string quoted(std::string_view text) {
  std::string shown = "\"";
  for (const char c : text.substr(0, kMostShown)) shown += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? '?' : c;
  if (text.size() > kMostShown) shown += "...";
  return shown + '"';
}

std::string joined(const std::vector<std::string>& pieces, std::string_view separator) {
  std::string text;
  for (const auto& piece : pieces) {
    if (!text.empty()) text += separator;
    text += piece;
  }
  return text;
}

}  // namespace weir
