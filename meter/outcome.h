#pragma once
// How a request ended; the same word in the log, the X-Cache header and the counters.

#include <array>
#include <cstddef>
#include <string_view>

namespace weir {

enum class Outcome : unsigned char {
  hit,     // from the disk
  joined,  // from a fill that another request had started
  miss,    // started the fill
  stale,   // from the disk, unconfirmed because the upstream failed
  bypass,  // nothing of the cache involved
  denied,  // known and refused
  error,   // anything that went wrong
};

inline constexpr std::array<std::string_view, 7> kOutcomeNames{"hit", "joined", "miss", "stale", "bypass", "denied", "error"};
inline std::string_view outcome_name(Outcome outcome) { return kOutcomeNames[static_cast<std::size_t>(outcome)]; }

}  // namespace weir
