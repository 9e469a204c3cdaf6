#pragma once
// How large a regular expression grows before it is given to a compiler: a bound on time and memory that needs neither.

#include <string_view>

#include "base/result.h"

namespace weir {

inline constexpr std::size_t kMostExpression = 256;       // bytes
inline constexpr std::uint64_t kMostExpressionWeight = 2000;  // characters, with what stands in braces repeated

// Ok: it is at most so long and so heavy, and it says so plainly: of what begins with `(?` there are only (?:...), (?i) and
// (?i:...), and no \Q. Whether it is a regular expression at all is the compiler's to say. Error: invalid.
Status check_expression_size(std::string_view expression);

}  // namespace weir
