#pragma once
// ImageInventory: what an image holds once its layers lie on top of each other.
//
// Whiteouts and opaque folders hide what lower layers brought, never what their own layer brings (OCI image-spec layer.md).
// Folders that are links are followed inside the image's root, at most 40 of them. The highest visible copy of a database counts.
// A package of a programming language whose file belongs to a package of the distribution is left out: the distribution's
// advisories speak for it.
//
// Thread: any. A plain value and a pure function.

#include <optional>
#include <string>
#include <vector>

#include "scan/distribution.h"
#include "scan/layer_inventory.h"

namespace weir {

struct ImageLayer {
  std::string digest;  // of the layer as it is stored: `sha256:…`
  std::optional<LayerInventory> inventory;  // nothing: the layer is missing
};

struct ImageInventory {
  Distribution distribution;
  std::vector<Package> packages;  // the distribution's, then the languages'; `layer` is the lowest that has brought them
  std::size_t system_packages = 0;  // how many of them are the distribution's
  bool complete = true;
  std::vector<std::string> missing;  // digests of layers that are not there
  std::vector<std::string> problems;  // what was not analysed, with the layer's digest in front
};

// `layers`: the lowest first.
ImageInventory join_layers(const std::vector<ImageLayer>& layers);

}  // namespace weir
