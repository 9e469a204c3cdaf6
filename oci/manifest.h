#pragma once
// What a manifest or an index refers to (OCI image-spec manifest.md, image-index.md; Docker schema 2).
// The bytes themselves are kept as they came; nothing here is ever written back.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "oci/digest.h"

namespace weir {

struct Descriptor {
  std::string media_type;
  Digest digest;
  std::uint64_t size = 0;
  std::string platform = {};  // `linux/arm64/v8` where an index says so; empty: it does not, or says it is none
  // Its bytes lie elsewhere, by its `urls` or its media type (foreign, nondistributable): no registry has to have them.
  bool elsewhere = false;
};

struct Manifest {
  std::string media_type;
  std::vector<Descriptor> blobs;      // the config, then the layers
  std::vector<Descriptor> manifests;  // children of an index
  std::optional<Descriptor> subject;
  std::string artifact_type;
  // False: `blobs`, `manifests` and `subject` are empty, because other programs may read other ones. The bytes are a manifest of
  // `media_type` that may be served; nothing is known of what it refers to, of its size and its platforms. That is so when
  //  - a member of the document, of a descriptor or of a platform equals a known name when case is folded, but is not spelled so;
  //  - a member occurs twice in one of these objects, or one has over 64 unknown members (annotations are not looked into: no rule
  //    and no link depends on them);
  //  - it has over kMostDescriptors descriptors, or a platform of over 100 bytes.
  bool linkable = true;

  // Bytes, of all layers; 0 for an index.
  std::uint64_t layer_bytes() const;

  static constexpr std::size_t kMostBytes = 4 << 20;
  static constexpr std::size_t kMostDescriptors = 4096;  // that are kept of one manifest
  static constexpr std::size_t kQuickBytes = 128 << 10;  // parsing more takes over a millisecond: it belongs on a pool

  // `content_type` is what the upstream called it (may be empty: then the document's own mediaType decides).
  // Takes memory for its descriptors and its longest string, at most a few MiB.
  // Errors (side upstream): too_large, invalid (not JSON, over 262,144 values or a string over 1 MiB in it, no such media type,
  // types that disagree, a bad descriptor).
  static Result<Manifest> parse(std::string_view bytes, std::string_view content_type);
};

// What the config of an image says that it runs on (OCI image-spec config.md), as in Descriptor; empty: it is no such config.
// Nothing: other programs may read another platform in it (a JSON object that cannot be parsed, or an ambiguous member).
std::optional<std::string> platform_of_config(std::string_view bytes);

}  // namespace weir
