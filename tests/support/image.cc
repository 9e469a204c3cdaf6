#include "tests/support/image.h"

#include <utility>

#include "tests/support/json_text.h"

namespace weir::testing {

namespace {

// The media types of a format, from the OCI image specification and from Docker's schema 2.
struct MediaTypes {
  const char* manifest;
  const char* index;
  const char* config;
  const char* layer;
};

constexpr MediaTypes kOci{
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.oci.image.config.v1+json",
    "application/vnd.oci.image.layer.v1.tar",
};
constexpr MediaTypes kDocker{
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.docker.container.image.v1+json",
    "application/vnd.docker.image.rootfs.diff.tar",
};
constexpr char kEmptyType[] = "application/vnd.oci.empty.v1+json";

const MediaTypes& types_of(Format format) { return format == Format::oci ? kOci : kDocker; }

Descriptor describe(const std::string& media_type, const Content& content, Algorithm algorithm) {
  return {.media_type = media_type, .digest = content.digest(algorithm), .size = content.size()};
}

template <typename Items, typename Text>
std::string list_of(const Items& items, Text&& text) {
  std::string list;
  for (const auto& item : items) list += (list.empty() ? "" : ",") + text(item);
  return "[" + list + "]";
}

std::string platform_members(const Platform& platform) {
  auto text = "\"architecture\":" + json_string(platform.architecture) + ",\"os\":" + json_string(platform.os);
  if (!platform.variant.empty()) text += ",\"variant\":" + json_string(platform.variant);
  return text;
}

std::string config_json(const ImageOptions& options) {
  auto diff_ids = list_of(options.layers, [](const Content& layer) { return json_string(layer.digest()); });
  auto history = list_of(options.layers, [](const Content& layer) {
    return "{\"created\":\"1970-01-01T00:00:00Z\",\"created_by\":" + json_string("layer " + layer.digest()) + "}";
  });
  return "{\"created\":\"1970-01-01T00:00:00Z\"," + platform_members(options.platform) +
         ",\"config\":{\"Env\":[\"PATH=/usr/bin:/bin\"],\"Cmd\":[\"/bin/true\"]}" +
         ",\"rootfs\":{\"type\":\"layers\",\"diff_ids\":" + diff_ids + "},\"history\":" + history + "}";
}

// The members that end a manifest or an index, where the format knows them.
std::string last_members(const std::optional<Descriptor>& subject, const Annotations& annotations) {
  std::string text;
  if (subject) text += ",\"subject\":" + subject->json();
  if (!annotations.empty()) text += ",\"annotations\":" + json_object(annotations);
  return text;
}

std::string manifest_json(const char* media_type, const std::string& artifact_type, const Descriptor& config,
                          const std::vector<Descriptor>& layers, const std::string& last) {
  auto text = std::string("{\"schemaVersion\":2,\"mediaType\":\"") + media_type + "\"";
  if (!artifact_type.empty()) text += ",\"artifactType\":" + json_string(artifact_type);
  auto json = [](const Descriptor& descriptor) { return descriptor.json(); };
  return text + ",\"config\":" + config.json() + ",\"layers\":" + list_of(layers, json) + last + "}";
}

std::string subject_digest(const std::optional<Descriptor>& subject) { return subject ? subject->digest : ""; }

}  // namespace

std::string Descriptor::json() const {
  auto text = "{\"mediaType\":" + json_string(media_type) + ",\"digest\":" + json_string(digest) +
              ",\"size\":" + std::to_string(size);
  if (!artifact_type.empty()) text += ",\"artifactType\":" + json_string(artifact_type);
  if (platform) text += ",\"platform\":{" + platform_members(*platform) + "}";
  return text + "}";
}

Descriptor Image::descriptor() const {
  return {.media_type = manifest_.media_type, .digest = digest_, .size = size(), .platform = platform_};
}

void Image::seal(Manifest manifest, Algorithm algorithm) {
  manifest_ = std::move(manifest);
  algorithm_ = algorithm;
  digest_ = digest_of(manifest_.bytes, algorithm);
}

void Image::put(Registry& registry, const std::string& repository, const std::string& tag) const {
  if (children_.empty()) registry.put_blob(repository, config_, algorithm_);
  for (const auto& layer : layers_) registry.put_blob(repository, layer, algorithm_);
  for (const auto& child : children_) child.put(registry, repository);
  put_manifest(registry, repository, tag);
}

void Image::put_manifest(Registry& registry, const std::string& repository, const std::string& tag) const {
  registry.put_manifest(repository, manifest_, tag, algorithm_);
}

Image make_image(const ImageOptions& options) {
  const auto& types = types_of(options.format);
  Image image;
  image.platform_ = options.platform;
  image.config_ = options.config.empty() ? config_json(options) : options.config;
  image.layers_ = options.layers;
  std::vector<Descriptor> layers;
  for (const auto& layer : options.layers) {
    layers.push_back(describe(options.layer_media_type.empty() ? types.layer : options.layer_media_type, layer, options.algorithm));
  }
  auto json = manifest_json(types.manifest, "", describe(types.config, image.config_, options.algorithm), layers,
                            last_members(options.subject, options.annotations));
  image.seal({types.manifest, json, subject_digest(options.subject), types.config, options.annotations}, options.algorithm);
  return image;
}

Image make_artifact(const ArtifactOptions& options) {
  Image image;
  image.config_ = "{}";
  image.layers_ = options.blobs;
  std::vector<Descriptor> layers;
  for (const auto& blob : options.blobs) {
    layers.push_back(describe(options.blob_media_type, blob, options.algorithm));
  }
  auto config = describe(kEmptyType, image.config_, options.algorithm);
  if (layers.empty()) layers.push_back(config);
  auto json = manifest_json(kOci.manifest, options.artifact_type, config, layers,
                            last_members(options.subject, options.annotations));
  image.seal({kOci.manifest, json, subject_digest(options.subject), options.artifact_type, options.annotations}, options.algorithm);
  return image;
}

Image make_index(const IndexOptions& options) {
  const auto& types = types_of(options.format);
  Image image;
  image.children_ = options.children;
  auto manifests = list_of(options.children, [](const Image& child) { return child.descriptor().json(); });
  auto json = std::string("{\"schemaVersion\":2,\"mediaType\":\"") + types.index + "\",\"manifests\":" + manifests +
              last_members(options.subject, options.annotations) + "}";
  image.seal({types.index, json, subject_digest(options.subject), "", options.annotations}, options.algorithm);
  return image;
}

}  // namespace weir::testing
