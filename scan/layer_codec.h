#pragma once
// A LayerInventory as bytes and back: what the worker sends, and what is kept on disk.
//
// Numbers are little-endian; texts and lists have their length in front. Reading trusts nothing: the worker has read bytes from
// anybody.
// Thread: any. Pure functions.

#include <string>
#include <string_view>

#include "base/result.h"
#include "scan/layer_inventory.h"
#include "scan/limits.h"

namespace weir {

std::string encode(const LayerInventory& inventory);
// Error: corrupt, it is no such text or it ends in the middle; too_large, it holds more than the limits allow.
Result<LayerInventory> decode_layer_inventory(std::string_view bytes, const ScanLimits& limits);

}  // namespace weir
