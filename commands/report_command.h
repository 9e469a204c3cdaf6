#pragma once
// `weir report usage|cost|savings|merge`: what was used and what it cost, beside a running server or without one.

#include <vector>

#include "conf/command_line.h"
#include "conf/options.h"

namespace weir {

std::vector<Command> report_commands();
// The exit code: 0 done, 1 no, 2 wrong usage.
int report_command(const Invocation& invocation, const Options& options);

}  // namespace weir
