#pragma once
// ImageReader: an image of the store as an inventory. Layers that were analysed before are not read again; the others are read
// where they lie, each by a worker.
//
// Reading is no use of a blob: it does not keep it from being evicted, and nothing is fetched. A layer that is not stored is
// reported as missing.
// Thread: any that may block.

#include <atomic>
#include <string>
#include <string_view>
#include <vector>

#include "cache/index.h"
#include "cache/layout.h"
#include "scan/image_inventory.h"
#include "scan/inventory_store.h"
#include "scan/worker.h"

namespace weir {

struct ReadImage {
  Digest manifest;
  std::string platform;          // `linux/amd64`, as its index or its config says; empty: nothing says
  bool image = true;             // false: an artifact, or a manifest of another sort, which holds no layers to look into
  std::vector<Digest> layers;
  std::size_t analysed = 0;      // layers that were read now
  ImageInventory inventory;
};

class ImageReader {
 public:
  ImageReader(const Index& index, const Layout& layout, InventoryStore& inventories, WorkerOptions options)
      : index_(index), layout_(layout), inventories_(inventories), options_(std::move(options)) {}

  // The images that `manifest` of `repository` means: itself, or the children of an index, of one platform when it is given.
  // Children that are not stored are left out of the list and named in `missing`. Error: not_found, it is not stored; corrupt.
  struct Choice {
    Digest digest;
    std::string platform;
  };
  Result<std::vector<Choice>> images(std::string_view repository, const Digest& manifest, std::string_view platform,
                                     std::vector<std::string>& missing) const;
  // Error: not_found, corrupt, io; cancelled, `stop` became true.
  Result<ReadImage> read(std::string_view repository, const Choice& choice, const std::atomic<bool>* stop = nullptr);

 private:
  Result<std::string> manifest_bytes(const Digest& digest) const;
  Result<LayerInventory> layer(const Digest& digest, std::size_t& analysed, const std::atomic<bool>* stop);

  const Index& index_;
  const Layout& layout_;
  InventoryStore& inventories_;
  const WorkerOptions options_;
};

}  // namespace weir
