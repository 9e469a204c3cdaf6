#pragma once
// Words in messages: the one that was probably meant, and text of a user's made safe to print.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace weir {

// The word of `known` that is fewest edits away (a letter added, dropped, changed, or two swapped), the first of equals.
// Nothing when even that one shares too little to have been meant.
std::optional<std::string> nearest_word(std::string_view word, const std::vector<std::string>& known);

// `; did you mean "x"?`, or else `; known: a, b, c`.
std::string suggestion(std::string_view word, const std::vector<std::string>& known);

// In double quotes, cut after 80 bytes, without control characters.
std::string quoted(std::string_view text);

// `a, b, c`
std::string joined(const std::vector<std::string>& pieces, std::string_view separator = ", ");

}  // namespace weir
