#pragma once
// The analyser: reads one layer front to back, once, and takes from it what its inventory holds. It never writes a file and keeps
// at most one file of the layer in memory.
//
// It reads bytes from anybody, so the server runs it in a process of its own (scan/worker.h).
// Thread: any.

#include "scan/layer_inventory.h"
#include "scan/limits.h"

namespace weir {

// From the descriptor's current position. What cannot be read makes the inventory partial or failed; there is no error.
LayerInventory analyse_layer(int fd, const ScanLimits& limits);

}  // namespace weir
