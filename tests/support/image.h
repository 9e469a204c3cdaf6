// Images, indexes and artifacts with correct JSON, to be put into a Registry.
//
//   auto amd64 = make_image({.layers = {"one", Content::generated(1 << 20, 7)}});
//   auto arm64 = make_image({.platform = {.architecture = "arm64"}, .layers = {"two"}});
//   auto index = make_index({.children = {amd64, arm64}});
//   index.put(upstream.registry(), "library/a", "latest");       // with all it refers to
//   auto signature = make_artifact({.artifact_type = "application/vnd.example", .subject = amd64.descriptor()});
//
// An Image is a value: what it is made of does not change, and copies share their contents.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "tests/support/content.h"
#include "tests/support/digest.h"
#include "tests/support/registry.h"

namespace weir::testing {

enum class Format { oci, docker };

struct Platform {
  std::string os = "linux";
  std::string architecture = "amd64";
  std::string variant = {};
};

struct Descriptor {
  std::string media_type = {};
  std::string digest = {};
  std::uint64_t size = 0;
  std::string artifact_type = {};
  std::optional<Platform> platform = {};

  std::string json() const;
};

using Annotations = std::map<std::string, std::string>;

// Layers are given as they lie in the registry. Their default media type says uncompressed tar, for which the digest of
// the blob is the diff_id in the config; nothing here makes or looks into tar.
struct ImageOptions {
  Format format = Format::oci;
  Platform platform = {};
  std::vector<Content> layers = {};
  std::string layer_media_type = {};        // empty: the format's uncompressed one
  std::string config = {};                  // empty: a correct one
  Algorithm algorithm = Algorithm::sha256;  // of every digest
  Annotations annotations = {};             // OCI only, as subject
  std::optional<Descriptor> subject = {};
};

struct ArtifactOptions {
  std::string artifact_type = "application/vnd.example.artifact";
  std::vector<Content> blobs = {};  // none: the empty one, as the specification asks
  std::string blob_media_type = "application/octet-stream";
  std::optional<Descriptor> subject = {};
  Annotations annotations = {};
  Algorithm algorithm = Algorithm::sha256;
};

struct IndexOptions;

// A manifest or an index, with everything below it.
class Image {
 public:
  const std::string& media_type() const { return manifest_.media_type; }
  const std::string& bytes() const { return manifest_.bytes; }
  const std::string& digest() const { return digest_; }
  std::uint64_t size() const { return manifest_.bytes.size(); }
  Descriptor descriptor() const;

  // Empty for an index.
  const Content& config() const { return config_; }
  const std::vector<Content>& layers() const { return layers_; }
  const std::string& config_digest() const { return config_.digest(algorithm_); }
  const std::string& layer_digest(std::size_t layer) const { return layers_.at(layer).digest(algorithm_); }

  const std::vector<Image>& children() const { return children_; }

  // Everything into `repository`: blobs, children, then the manifest, tagged unless `tag` is empty.
  void put(Registry& registry, const std::string& repository, const std::string& tag = "") const;

  // The manifest alone, as an upstream has it whose blobs are missing or elsewhere.
  void put_manifest(Registry& registry, const std::string& repository, const std::string& tag = "") const;

 private:
  friend Image make_image(const ImageOptions& options);
  friend Image make_artifact(const ArtifactOptions& options);
  friend Image make_index(const IndexOptions& options);

  Image() = default;
  void seal(Manifest manifest, Algorithm algorithm);

  Manifest manifest_;
  std::string digest_;
  Algorithm algorithm_ = Algorithm::sha256;
  std::optional<Platform> platform_;
  Content config_;
  std::vector<Content> layers_;
  std::vector<Image> children_;
};

struct IndexOptions {
  Format format = Format::oci;
  std::vector<Image> children = {};
  Annotations annotations = {};  // OCI only, as subject
  std::optional<Descriptor> subject = {};
  Algorithm algorithm = Algorithm::sha256;
};

Image make_image(const ImageOptions& options);
Image make_artifact(const ArtifactOptions& options);
Image make_index(const IndexOptions& options);

}  // namespace weir::testing
