#include "scan/image_reader.h"

#include <fcntl.h>

#include <cerrno>

#include "base/fd.h"
#include "base/file_system.h"
#include "oci/manifest.h"
#include "oci/media_type.h"

namespace weir {
namespace {

bool is_image_config(std::string_view type) {
  return type == "application/vnd.oci.image.config.v1+json" || type == "application/vnd.docker.container.image.v1+json";
}

LayerInventory encrypted() {
  LayerInventory inventory;
  inventory.state = LayerState::encrypted;
  inventory.problems.push_back("the layer is encrypted");
  return inventory;
}

}  // namespace

Result<std::string> ImageReader::manifest_bytes(const Digest& digest) const {
  if (!index_.blob(digest))
    return Error{Failure::not_found, Side::client, false, "the manifest " + digest.text() + " is not stored"};
  auto bytes = read_small_file(layout_.blob(digest), Manifest::kMostBytes);
  if (bytes && Digest::of(digest.algorithm(), *bytes) != digest)
    return Error{Failure::corrupt, Side::local, false, "the stored manifest " + digest.text() + " is damaged"};
  return bytes;
}

Result<std::vector<ImageReader::Choice>> ImageReader::images(std::string_view repository, const Digest& digest,
                                                             std::string_view platform, std::vector<std::string>& missing) const {
  auto bytes = manifest_bytes(digest);
  if (!bytes) return std::move(bytes).error();
  const auto link = index_.link(repository, digest);
  const auto manifest = Manifest::parse(*bytes, link ? link->media_type : "");
  if (!manifest) return Error{Failure::corrupt, Side::local, false, manifest.error().what};
  if (!media_type::is_index(manifest->media_type)) return std::vector{Choice{digest, ""}};
  std::vector<Choice> choices;
  for (const auto& child : manifest->manifests) {
    // Attestations stand in an index without a platform.
    if (child.platform.empty() || (!platform.empty() && child.platform != platform)) continue;
    if (index_.blob(child.digest)) choices.push_back({child.digest, child.platform});
    else missing.push_back(child.platform + ' ' + child.digest.text());
  }
  return choices;
}

Result<ReadImage> ImageReader::read(std::string_view repository, const Choice& choice, const std::atomic<bool>* stop) {
  auto bytes = manifest_bytes(choice.digest);
  if (!bytes) return std::move(bytes).error();
  const auto link = index_.link(repository, choice.digest);
  const auto manifest = Manifest::parse(*bytes, link ? link->media_type : "");
  if (!manifest) return Error{Failure::corrupt, Side::local, false, manifest.error().what};
  ReadImage image{choice.digest, choice.platform, true, {}, 0, {}};
  image.image = manifest->linkable && !media_type::is_index(manifest->media_type) && !manifest->blobs.empty() &&
                is_image_config(manifest->blobs[0].media_type);
  if (!image.image) return image;
  if (image.platform.empty() && index_.blob(manifest->blobs[0].digest)) {
    if (const auto config = read_small_file(layout_.blob(manifest->blobs[0].digest), Manifest::kMostBytes))
      image.platform = platform_of_config(*config).value_or("");
  }
  std::vector<ImageLayer> layers;
  for (std::size_t i = 1; i < manifest->blobs.size(); ++i) {
    const auto& descriptor = manifest->blobs[i];
    image.layers.push_back(descriptor.digest);
    ImageLayer entry{descriptor.digest.text(), std::nullopt};
    if (descriptor.media_type.ends_with("+encrypted")) {
      entry.inventory = encrypted();
    } else if (index_.blob(descriptor.digest)) {
      auto inventory = layer(descriptor.digest, image.analysed, stop);
      if (inventory) entry.inventory = *std::move(inventory);
      else if (inventory.error().failure != Failure::not_found) return std::move(inventory).error();
    }
    layers.push_back(std::move(entry));
  }
  image.inventory = join_layers(layers);
  return image;
}

// Error: not_found, its file is gone by now.
Result<LayerInventory> ImageReader::layer(const Digest& digest, std::size_t& analysed, const std::atomic<bool>* stop) {
  if (auto known = inventories_.find(digest)) return *std::move(known);
  const UniqueFd file(::open(layout_.blob(digest).c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.valid()) return system_error(errno, "open a layer");
  auto inventory = analyse_in_worker(file.get(), options_, stop);
  if (!inventory) return inventory;
  ++analysed;
  // One that cannot be kept is made again next time.
  (void)inventories_.keep(digest, *inventory);
  return inventory;
}

}  // namespace weir
