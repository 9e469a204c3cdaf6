#include "oci/manifest.h"

#include "base/json.h"
#include "oci/media_type.h"

namespace weir {
namespace {

Error bad(std::string what) { return Error{Failure::invalid, Side::upstream, false, "manifest: " + std::move(what)}; }

Result<Descriptor> parse_descriptor(const Json& json) {
  const auto digest_text = json.string_at("digest");
  const auto size = json.integer_at("size");
  if (!digest_text || !size || *size < 0) return bad("a descriptor needs a digest and a size");
  auto digest = Digest::parse(*digest_text);
  if (!digest) return bad("a descriptor's " + digest.error().what);
  return Descriptor{json.string_at("mediaType").value_or(""), *std::move(digest), static_cast<std::uint64_t>(*size)};
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

}  // namespace weir
