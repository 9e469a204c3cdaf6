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

  // Bytes, of all layers; 0 for an index.
  std::uint64_t layer_bytes() const;

  static constexpr std::size_t kMostBytes = 4 << 20;

  // `content_type` is what the upstream called it (may be empty: then the document's own mediaType decides).
  // Errors (side upstream): too_large, invalid (not JSON, no such media type, types that disagree, a bad descriptor).
  static Result<Manifest> parse(std::string_view bytes, std::string_view content_type);
};

// What the config of an image says that it runs on (OCI image-spec config.md), as in Descriptor; empty: it is no such config.
std::string platform_of_config(std::string_view bytes);

}  // namespace weir
