#pragma once
// The worker: a process of its own in which one layer is analysed.
//
// The program executes itself (`weir scan-worker`) with three descriptors: the layer to read, a pipe to answer into, and the
// log's. Its memory holds no key and no secret of the server, since it is a new program and not a copy. Before the first byte it
// enters the sandbox (scan/sandbox.h). A layer that ends its worker is reported as not analysed, and costs nothing else.

#include <atomic>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "scan/layer_inventory.h"
#include "scan/limits.h"
#include "scan/sandbox.h"

namespace weir {

struct WorkerOptions {
  std::string program = "/proc/self/exe";
  ScanLimits limits;
  SandboxLimits sandbox;
  Milliseconds time = Seconds(300);        // of the clock on the wall
  std::uint64_t answer_bytes = 256 << 20;  // of the encoded inventory
};

// The inventory of the layer that `layer_fd` is open for, from its first byte. What goes wrong with the layer or its worker is in
// the inventory's state and problems. Blocks for as long as it takes. Thread: any that may block.
// Error: io, no process could be started or it could not enter its sandbox; cancelled, `stop` became true.
Result<LayerInventory> analyse_in_worker(int layer_fd, const WorkerOptions& options, const std::atomic<bool>* stop = nullptr);

// The other side: what `weir scan-worker` does, with the arguments that analyse_in_worker() passes. Returns its exit code.
int scan_worker_main(const std::vector<std::string>& arguments);

}  // namespace weir
