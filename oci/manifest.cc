#include "oci/manifest.h"

#include <algorithm>

#include "base/json.h"
#include "oci/media_type.h"

namespace weir {
namespace {

constexpr std::size_t kMostPlatform = 100;  // bytes; longer ones are none

Error bad(std::string what) { return Error{Failure::invalid, Side::upstream, false, "manifest: " + std::move(what)}; }

// Of a descriptor's platform, or of a config. Attestations say `unknown`.
std::string platform_of(const Json& json) {
  const auto os = json.string_at("os").value_or(""), architecture = json.string_at("architecture").value_or("");
  if (os.empty() || architecture.empty() || os == "unknown") return "";
  const auto variant = json.string_at("variant").value_or("");
  std::string platform = os + '/' + architecture + (variant.empty() ? "" : '/' + variant);
  return platform.size() <= kMostPlatform ? platform : "";
}

Result<Descriptor> parse_descriptor(const Json& json) {
  const auto digest_text = json.string_at("digest");
  const auto size = json.integer_at("size");
  if (!digest_text || !size || *size < 0) return bad("a descriptor needs a digest and a size");
  auto digest = Digest::parse(*digest_text);
  if (!digest) return bad("a descriptor's " + digest.error().what);
  const auto platform = json.at("platform");
  auto type = json.string_at("mediaType").value_or("");
  const bool elsewhere = json.has("urls") || media_type::is_elsewhere(type);
  return Descriptor{std::move(type), *std::move(digest), static_cast<std::uint64_t>(*size),
                    platform ? platform_of(*platform) : "", elsewhere};
}

Status parse_all(const Json& document, std::string_view key, std::vector<Descriptor>& into) {
  const auto list = document.at(key);
  if (!list) return ok_status();
  if (!list->is_array()) return bad(std::string(key) + " is not a list");
  for (const auto& item : list->items()) {
    auto descriptor = parse_descriptor(item);
    if (!descriptor) return std::move(descriptor).error();
    into.push_back(*std::move(descriptor));
  }
  return ok_status();
}

}  // namespace

Result<Manifest> Manifest::parse(std::string_view bytes, std::string_view content_type) {
  if (bytes.size() > kMostBytes) {
    return Error{Failure::too_large, Side::upstream, false, "manifest: larger than 4 MiB"};
  }
  auto document = Json::parse(bytes);
  if (!document) return bad(document.error().what);
  if (!document->is_object()) return bad("not an object");

  const auto said = document->string_at("mediaType").value_or("");
  const auto named = content_type.empty() ? said : media_type::without_parameters(content_type);
  if (!media_type::is_manifest(named)) return bad("media type '" + named + "' is none that is served");
  if (!said.empty() && said != named) return bad("it says it is " + said + " but was sent as " + named);

  Manifest manifest;
  manifest.media_type = named;
  manifest.artifact_type = document->string_at("artifactType").value_or("");
  if (media_type::is_index(named)) {
    if (!document->has("manifests")) return bad("an index without manifests");
    if (auto status = parse_all(*document, "manifests", manifest.manifests); !status) return std::move(status).error();
  } else {
    const auto config = document->at("config");
    if (!config) return bad("an image manifest without config");
    auto descriptor = parse_descriptor(*config);
    if (!descriptor) return std::move(descriptor).error();
    manifest.blobs.push_back(*std::move(descriptor));
    if (auto status = parse_all(*document, "layers", manifest.blobs); !status) return std::move(status).error();
  }
  if (const auto subject = document->at("subject"); subject && subject->is_object()) {
    auto descriptor = parse_descriptor(*subject);
    if (!descriptor) return std::move(descriptor).error();
    manifest.subject = *std::move(descriptor);
  }
  return manifest;
}

std::uint64_t Manifest::layer_bytes() const {
  std::uint64_t sum = 0;
  for (std::size_t i = 1; i < blobs.size(); ++i) sum += std::min(blobs[i].size, UINT64_MAX - sum);
  return sum;
}

std::string platform_of_config(std::string_view bytes) {
  const auto json = Json::parse(bytes);
  return json && json->is_object() ? platform_of(*json) : "";
}

}  // namespace weir
