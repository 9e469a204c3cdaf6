#pragma once
// Call: one request on its way through app, and what is noted of it for the log and the counters.

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

  // Filled in on the way.
  Outcome outcome = Outcome::bypass;
  std::chrono::microseconds upstream_time{0};
  std::string error;
  bool healed = false;  // its stored bytes were wrong, and come from a fill since

  // `start` is when the question went to a pull; all but a hit waited for an upstream.
  void waited_since(Instant start, bool hit) {
    if (!hit) upstream_time = std::chrono::duration_cast<std::chrono::microseconds>(parts.loop.now() - start);
  }

  const HttpRequest& request() const noexcept { return exchange.request(); }
  // From here on body bytes count for this outcome.
  void decide(Outcome result) {
    outcome = result;
    exchange.count_body_in(parts.requests.sent_bytes(result));
  }
};

}  // namespace weir
