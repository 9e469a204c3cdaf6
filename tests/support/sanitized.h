// Whether this program is compiled with a sanitizer. What plays many rounds of the same plays fewer then: it is slower, and
// the whole count runs in release, in check-long.
#pragma once

namespace weir::testing {

#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
inline constexpr bool kSanitized = true;
#else
inline constexpr bool kSanitized = false;
#endif

// Of so many rounds those that are played here.
constexpr int rounds(int all) { return kSanitized ? (all + 4) / 5 : all; }

}  // namespace weir::testing
