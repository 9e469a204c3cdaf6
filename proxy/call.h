#pragma once
// Call: one request on its way through app, and what is noted of it for the log and the counters.

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "meter/outcome.h"
#include "oci/route.h"
#include "proxy/http/exchange.h"
#include "proxy/identify.h"
#include "proxy/site.h"

namespace weir {

struct Call {
  LoopParts& parts;
  Exchange& exchange;
  std::shared_ptr<const Settings> settings;

  Caller caller;
  Route route;
  std::optional<Router::Target> target;
  bool undecided = false;  // the policy has its last word when the manifest is known

  // Filled in on the way.
  Outcome outcome = Outcome::bypass;
  std::chrono::microseconds upstream_time{0};
  std::string error;
  std::string warning;  // what a budget says to a miss
  bool healed = false;  // its stored bytes were wrong, and come from a fill since

  // `start` is when the question went to a pull; all but a hit waited for an upstream.
  void waited_since(Instant start, bool hit) {
    if (!hit) upstream_time = std::chrono::duration_cast<std::chrono::microseconds>(parts.loop.now() - start);
  }

  const HttpRequest& request() const noexcept { return exchange.request(); }
  // Who asks.
  const std::string& identity() const noexcept { return caller.identity.name; }

  // Body bytes by the outcome they went out under, which may change within an answer.
  std::array<std::uint64_t, kOutcomeNames.size()> sent{};
  void credit() {
    const auto all = exchange.body_bytes();
    sent[static_cast<std::size_t>(outcome)] += all - credited;
    credited = all;
  }
  std::uint64_t credited = 0;

  // From here on body bytes count for this outcome.
  void decide(Outcome result) {
    credit();
    outcome = result;
    exchange.count_body_in(parts.requests.sent_bytes(result));
  }
};

}  // namespace weir
