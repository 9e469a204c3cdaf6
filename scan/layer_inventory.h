#pragma once
// LayerInventory: what one layer of an image says of installed software, and what it does to the layers below it. It depends on
// the layer's bytes and on the analyser's version alone, so it is kept by the layer's verified digest.
//
// A plain value. scan/layer_codec.h writes it as bytes; scan/image_inventory.h joins those of an image.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "scan/package.h"

namespace weir {

// Rises with every change after which the same layer gives another inventory.
constexpr std::uint32_t kAnalyserVersion = 1;

enum class LayerState : unsigned char {
  complete,
  partial,      // a limit was reached, or a file could not be read: `problems` say which
  encrypted,    // its bytes are encrypted
  failed        // it could not be read at all, or its analyser was ended
};

// A file whose content says which distribution an image holds.
struct SystemFile {
  std::string path, content;
  bool operator==(const SystemFile&) const = default;
};

// The packages of one database file, which replace those of the same file in lower layers.
struct PackageDatabase {
  std::string path;
  std::vector<Package> packages;
  bool operator==(const PackageDatabase&) const = default;
};

struct LayerLink {
  std::string path, target;
  bool hard = false;
  bool operator==(const LayerLink&) const = default;
};

struct LayerInventory {
  LayerState state = LayerState::complete;
  std::vector<std::string> problems;       // one sentence each
  std::string diff_id;                     // hex of the SHA-256 of the uncompressed tar; empty: it was not read to its end
  std::uint64_t inflated_bytes = 0;
  std::vector<SystemFile> system_files;
  std::vector<PackageDatabase> databases;  // of the distribution's package manager, in the order of the tar
  std::vector<Package> packages;           // of programming languages
  std::vector<std::string> whiteouts;      // paths that are deleted in lower layers
  std::vector<std::string> opaque;         // folders whose lower content is hidden
  std::vector<LayerLink> links;
  std::vector<std::uint64_t> files;        // path_hash() of entries that are no folder, sorted
  std::vector<std::uint64_t> folders;      // path_hash() of folders that are named as such a file could be, sorted
  std::vector<std::uint64_t> owned;        // path_hash() of files that packages of the distribution brought, sorted
  bool operator==(const LayerInventory&) const = default;
};

// `files`, `folders` and `owned` hold paths by may_hold_packages() alone.
//
// 64 bits of a path, for sets of paths (FNV-1a). An image that makes two of its own paths collide deceives nobody but itself.
constexpr std::uint64_t path_hash(std::string_view path) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const char c : path) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return hash;
}

}  // namespace weir
