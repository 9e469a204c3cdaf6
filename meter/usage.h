#pragma once
// Usage: what is counted, and for whom. Plain values.

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "meter/outcome.h"

namespace weir {

enum class Direction : unsigned char {
  sent,      // to clients: requests answered, body bytes written
  received,  // from upstreams: requests made, body bytes received; the outcome is `miss`, or how the question failed
  stored,    // kept: byte-hours, no requests
};
inline constexpr std::array<std::string_view, 3> kDirectionNames{"sent", "received", "stored"};

// Stands for the identities and repositories that were too many to be told apart.
inline constexpr std::string_view kOther = "other";

// Longer ones are cut, at a byte.
inline constexpr std::size_t kMostIdentityBytes = 128, kMostTeamBytes = 64, kMostRepositoryBytes = 384, kMostUpstreamBytes = 128;

// Whom usage is counted for. Views: for looking up.
struct UsageKey {
  std::string_view identity, team, repository, upstream;  // each may be empty: there is none
  Outcome outcome = Outcome::bypass;
  Direction direction = Direction::sent;
  friend bool operator==(const UsageKey&, const UsageKey&) = default;
};

// The same with texts of its own.
struct Series {
  std::string identity, team, repository, upstream;
  Outcome outcome = Outcome::bypass;
  Direction direction = Direction::sent;

  Series() = default;
  explicit Series(const UsageKey& key)
      : identity(key.identity), team(key.team), repository(key.repository), upstream(key.upstream), outcome(key.outcome),
        direction(key.direction) {}
  UsageKey key() const { return {identity, team, repository, upstream, outcome, direction}; }
  friend auto operator<=>(const Series&, const Series&) = default;
};

struct Usage {
  std::uint64_t requests = 0;
  std::uint64_t amount = 0;  // bytes; of what is stored, byte-hours

  Usage& operator+=(const Usage& other) {
    requests += other.requests;
    amount += other.amount;
    return *this;
  }
  friend Usage operator-(const Usage& a, const Usage& b) { return {a.requests - b.requests, a.amount - b.amount}; }
  friend bool operator==(const Usage&, const Usage&) = default;
  bool none() const noexcept { return requests == 0 && amount == 0; }
};

// A key as bytes: the same key, the same bytes. At most kMostSeriesBytes.
inline constexpr std::size_t kMostSeriesBytes = 8 + kMostIdentityBytes + kMostTeamBytes + kMostRepositoryBytes + kMostUpstreamBytes;
void encode_series(const UsageKey& key, std::string& out);  // replaces what is there
// Views into `bytes`; false: these bytes are no key.
bool decode_series(std::string_view bytes, UsageKey& key);

}  // namespace weir
