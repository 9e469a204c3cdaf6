#pragma once
// `weir serve`: the wiring diagram of the server.

#include "conf/config.h"

namespace weir {

// Serves until SIGTERM or SIGINT. `source` is read again on SIGHUP. Returns the exit code.
int serve(const LoadedConfig& config, const ConfigSource& source);

}  // namespace weir
