#pragma once
// `weir node containerd|crio|docker|podman`: the files that make a node pull through this mirror and not around it.

#include <string>
#include <vector>

#include "conf/command_line.h"
#include "conf/options.h"

namespace weir {

// One command for each client.
std::vector<Command> node_commands();

// The exit code: 0 written, 1 not, 2 wrong usage. The registries are those of --registry, or else of the configuration, or
// else the well-known ones.
int node_command(const Invocation& invocation, const Options& options);

}  // namespace weir
