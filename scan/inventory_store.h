#pragma once
// InventoryStore: the inventories of layers that were analysed, in one LMDB file. What is lost is made again from the layers.
//
//   layers   analyser version (big-endian), digest -> encoded inventory, compressed
//
// Inventories of older analysers are removed when the store is opened for writing.
// Thread: any. Commands beside a running server may write too: LMDB lets one writer in at a time.

#include <memory>
#include <optional>
#include <string>

#include "base/lmdb.h"
#include "oci/digest.h"
#include "scan/layer_inventory.h"
#include "scan/limits.h"

namespace weir {

class InventoryStore {
 public:
  // `directory` is made when it is not there. Error: io, corrupt.
  static Result<std::unique_ptr<InventoryStore>> open(const std::string& directory);

  // The inventory of the layer with this verified digest; nothing: it was not analysed by this version, or what is kept of it
  // cannot be read.
  std::optional<LayerInventory> find(const Digest& layer) const;
  // One of a failed analysis is kept as well, so that a layer which ends its worker ends it once.
  Status keep(const Digest& layer, const LayerInventory& inventory);
  // The layer is no longer stored.
  Status forget(const Digest& layer);
  std::uint64_t layers() const;

 private:
  explicit InventoryStore(std::unique_ptr<LmdbEnvironment> environment) : environment_(std::move(environment)) {}
  Status remove_old();
  std::unique_ptr<LmdbEnvironment> environment_;
};

}  // namespace weir
