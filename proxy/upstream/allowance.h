#pragma once
// Allowance: how many pulls an upstream still grants, as its answers say it.
//
// Docker Hub sends with a manifest `ratelimit-limit: 100;w=21600` and `ratelimit-remaining: 7;w=21600` (docs.docker.com, "Usage
// and limits"): so many in a window of so many seconds; who has no limit gets neither. From an upstream that says so, a 429 means
// that nothing is left. Thread: any.

#include <cstdint>
#include <mutex>
#include <optional>
#include <string_view>

#include "base/clock.h"
#include "proxy/upstream/transport.h"

namespace weir {

class Allowance {
 public:
  explicit Allowance(const Clock& clock) : clock_(clock) {}

  // What an answer says, if it says anything.
  void note(const UpstreamHead& head);

  struct State {
    std::uint64_t limit = 0, remaining = 0;
    Milliseconds window{0};
  };
  // As it was last said, until its window is over; then nothing is known.
  std::optional<State> state() const;
  // How long a tag is believed when `ttl` is what was configured: where less than `floor` percent is left, at least as long as
  // the window, so that what is left is spent on what was never seen. A floor of 0: never
  // longer; a ttl of 0, which asks every time, stays.
  Milliseconds believed(Milliseconds ttl, unsigned floor) const;

  struct Figure {
    std::uint64_t count = 0;
    Seconds window{0};
  };
  // `100;w=21600`, or a number alone, whose window is then an hour. Nothing when it is neither, or absurd.
  static std::optional<Figure> parse(std::string_view text);

 private:
  const Clock& clock_;
  mutable std::mutex mutex_;
  std::optional<State> state_;  // guarded by mutex_
  Instant since_{};  // guarded by mutex_
};

}  // namespace weir
