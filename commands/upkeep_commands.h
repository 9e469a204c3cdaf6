#pragma once
// `weir cache pin|unpin|scrub|rebuild`: what keeps the store in shape.
// All but rebuild ask a running server, or take the store's lock when none runs; rebuild needs that none does.

#include <string>

#include "conf/options.h"

namespace weir {

// Each returns the exit code: 0 done, 1 no.
int cache_pin(const Options& options, const std::string& pattern, bool pinned, bool json);
// The pins there are, those of the configuration too.
int cache_pins(const Options& options, bool json);
// What the last pass found; `now`: a whole pass, to its end. 1 when something was found wrong.
int cache_scrub(const Options& options, bool now, bool json);
int cache_rebuild(const Options& options, bool json);

}  // namespace weir
