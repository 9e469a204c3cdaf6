#pragma once
// `weir user add|remove|list`: the users file, changed as a whole while a server may read it.

#include <vector>

#include "conf/command_line.h"
#include "conf/options.h"

namespace weir {

std::vector<Command> user_commands();

// The exit code: 0 done, 1 not, 2 wrong usage. The file is that of --file, or else of the configuration.
int user_command(const Invocation& invocation, const Options& options);

}  // namespace weir
