#pragma once
// `weir token issue|inspect|rotate`: tokens made, read and ended from the key file, with or without a running server.

#include <vector>

#include "conf/command_line.h"
#include "conf/options.h"

namespace weir {

std::vector<Command> token_commands();

// The exit code: 0 done and the token good, 1 not, 2 wrong usage.
int token_command(const Invocation& invocation, const Options& options);

}  // namespace weir
