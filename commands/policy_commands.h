#pragma once
// `weir policy check|explain|replay|reload|release`: rules looked at before they count, and changed while they do.
// check, explain and replay ask no server; reload and release ask the running one.

#include <vector>

#include "conf/command_line.h"
#include "conf/options.h"

namespace weir {

std::vector<Command> policy_commands();

// Are the rules of the configuration without a mistake? Each is told on standard error.
bool rules_are_good(const PolicyOptions& options);

// The exit code: 0 done, and of explain: allowed; 1 no; 2 wrong usage, or rules that do not stand.
int policy_command(const Invocation& invocation, const Options& options);

}  // namespace weir
