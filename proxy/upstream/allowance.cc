#include "proxy/upstream/allowance.h"

#include <algorithm>

#include "base/text.h"

namespace weir {
namespace {

constexpr auto kUsualWindow = Seconds(3600);
constexpr auto kLongestWindow = Seconds(7 * 24 * 3600);

}  // namespace

std::optional<Allowance::Figure> Allowance::parse(std::string_view text) {
  Figure figure{0, kUsualWindow};
  const auto parts = split(text, ';');
  const auto count = parse_number(trim(parts[0]));
  if (!count) return std::nullopt;
  figure.count = *count;
  for (std::size_t i = 1; i < parts.size(); ++i) {
    const auto part = trim(parts[i]);
    if (!part.starts_with("w=")) continue;
    const auto seconds = parse_number(part.substr(2));
    if (!seconds || *seconds == 0 || *seconds > static_cast<std::uint64_t>(kLongestWindow.count())) return std::nullopt;
    figure.window = Seconds(static_cast<std::int64_t>(*seconds));
  }
  return figure;
}

void Allowance::note(const UpstreamHead& head) {
  const auto limit = parse(head.header("ratelimit-limit").value_or(""));
  const auto remaining = parse(head.header("ratelimit-remaining").value_or(""));
  const bool throttled = head.status == 429;
  if (!throttled && (!limit || !remaining)) return;
  std::lock_guard lock(mutex_);
  if (limit && limit->count > 0) state_ = State{limit->count, remaining ? remaining->count : 0, limit->window};
  // One that grants no number may answer 429 for a moment: then nothing is known of it still.
  if (!state_) return;
  if (throttled) state_->remaining = 0;
  since_ = clock_.now();
}

std::optional<Allowance::State> Allowance::state() const {
  std::lock_guard lock(mutex_);
  return state_ && clock_.now() - since_ < state_->window ? state_ : std::nullopt;
}

Milliseconds Allowance::believed(Milliseconds ttl, unsigned floor) const {
  const auto now = state();
  if (!now || floor == 0 || ttl.count() == 0) return ttl;
  // In a way that no header makes overflow.
  const bool scarce = now->remaining <= now->limit / 100 * floor + now->limit % 100 * floor / 100;
  return scarce ? std::max(ttl, now->window) : ttl;
}

}  // namespace weir
