#pragma once
// `weir credential kubelet|docker`: the plugin that a kubelet or a docker client calls for a short-lived password.

#include <vector>

#include "conf/command_line.h"

namespace weir {

std::vector<Command> credential_commands();

// Needs no configuration: it runs on nodes. The exit code: 0 answered, 1 not, 2 wrong usage.
int credential_command(const Invocation& invocation);

}  // namespace weir
