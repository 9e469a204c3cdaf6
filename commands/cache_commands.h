#pragma once
// `weir cache list|stat|purge|refresh`: looking into the store, and changing it.
// list and stat read beside a running server; purge and refresh ask it, or take the store's lock when none runs.

#include <string>
#include <vector>

#include "conf/options.h"

namespace weir {

// Each returns the exit code: 0 done, 1 no.
int cache_list(const Options& options, const std::string& prefix, bool json);
int cache_stat(const Options& options, const std::string& reference, bool json);
int cache_purge(const Options& options, const std::string& reference, bool json);
int cache_refresh(const Options& options, const std::string& reference, bool json);

}  // namespace weir
