#include "tests/support/registry_api.h"

#include <algorithm>
#include <cstdlib>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/support/json_text.h"

namespace weir::testing {

namespace {

using Kind = RegistryPath::Kind;

Reply found_reply(const Registry::Found& found) {
  return Reply::whole(
      200, {{"Content-Type", found.media_type}, {"Docker-Content-Digest", found.digest}, {"ETag", "\"" + found.digest + "\""}},
      found.content);
}

Reply blob_reply(const Registry& registry, const RegistryPath& path, const Request& request, bool ignore_range) {
  auto found = registry.blob(path.repository, path.reference);
  if (!found) return Reply::error(404, "BLOB_UNKNOWN", "blob unknown to registry");
  auto reply = found_reply(*found);
  reply.headers.set("Accept-Ranges", "bytes");
  return ignore_range ? reply : ranged(std::move(reply), request);
}

Reply manifest_reply(const Registry& registry, const RegistryPath& path) {
  auto found = registry.manifest(path.repository, path.reference);
  if (found) return found_reply(*found);
  if (!registry.has_repository(path.repository)) {
    return Reply::error(404, "NAME_UNKNOWN", "repository name not known to registry");
  }
  return Reply::error(404, "MANIFEST_UNKNOWN", "manifest unknown");
}

Reply tags_reply(const Registry& registry, const RegistryPath& path, const Request& request) {
  if (!registry.has_repository(path.repository)) {
    return Reply::error(404, "NAME_UNKNOWN", "repository name not known to registry");
  }
  auto tags = registry.tags(path.repository);
  auto last = request.parameter("last");
  std::erase_if(tags, [&](const std::string& tag) { return !last.empty() && tag <= last; });
  auto most = parse_number(request.parameter("n"));
  bool more = most && *most < tags.size();
  if (more) tags.resize(static_cast<std::size_t>(*most));

  std::string list;
  for (const auto& tag : tags) list += (list.empty() ? "" : ",") + json_string(tag);
  auto reply = Reply::json(200, "{\"name\":" + json_string(path.repository) + ",\"tags\":[" + list + "]}");
  if (more && !tags.empty()) {
    reply.headers.set("Link", "</v2/" + path.repository + "/tags/list?last=" + tags.back() + "&n=" + std::to_string(*most) +
                                  ">; rel=\"next\"");
  }
  return reply;
}

Reply referrers_reply(const Registry& registry, const RegistryPath& path, const Request& request) {
  if (!registry.referrers_api()) return Reply::error(404, "UNSUPPORTED", "page not found");
  if (path.reference.find(':') == path.reference.npos) return Reply::error(400, "DIGEST_INVALID", "not a digest");
  auto wanted = request.parameter("artifactType");
  std::string list;
  for (const auto& [digest, manifest] : registry.referrers(path.repository, path.reference)) {
    if (!wanted.empty() && manifest.artifact_type != wanted) continue;
    if (!list.empty()) list += ',';
    list += "{\"mediaType\":" + json_string(manifest.media_type) + ",\"digest\":" + json_string(digest) +
            ",\"size\":" + std::to_string(manifest.bytes.size());
    if (!manifest.artifact_type.empty()) list += ",\"artifactType\":" + json_string(manifest.artifact_type);
    if (!manifest.annotations.empty()) list += ",\"annotations\":" + json_object(manifest.annotations);
    list += '}';
  }
  constexpr char kIndex[] = "application/vnd.oci.image.index.v1+json";
  auto reply = Reply::json(200,
                           std::string("{\"schemaVersion\":2,\"mediaType\":\"") + kIndex + "\",\"manifests\":[" + list + "]}");
  reply.headers.set("Content-Type", kIndex);
  if (!wanted.empty()) reply.headers.set("OCI-Filters-Applied", "artifactType");
  return reply;
}

Reply object_reply(const Registry::Found& object, const Request& request, bool ignore_range) {
  auto reply = Reply::whole(200, {{"Content-Type", object.media_type}, {"Accept-Ranges", "bytes"}}, object.content);
  return ignore_range ? reply : ranged(std::move(reply), request);
}

Reply registry_reply(const Registry& registry, const Request& request, bool ignore_range) {
  auto path = RegistryPath::parse(request.path());
  if (!path) return Reply::error(404, "NOT_FOUND", "page not found");
  switch (path->kind) {
    case Kind::ping: return Reply::json(200, "{}");
    case Kind::blob: return blob_reply(registry, *path, request, ignore_range);
    case Kind::manifest: return manifest_reply(registry, *path);
    case Kind::tags: return tags_reply(registry, *path, request);
    case Kind::referrers: return referrers_reply(registry, *path, request);
  }
  std::abort();
}

}  // namespace

std::optional<RegistryPath> RegistryPath::parse(const std::string& path) {
  std::string_view rest = path;
  if (rest == "/v2/" || rest == "/v2") return RegistryPath{};
  if (!rest.starts_with("/v2/")) return std::nullopt;
  rest.remove_prefix(4);
  auto last = rest.rfind('/');
  auto middle = last == rest.npos || last == 0 ? rest.npos : rest.rfind('/', last - 1);
  if (middle == rest.npos) return std::nullopt;
  auto kind = rest.substr(middle + 1, last - middle - 1);
  RegistryPath parsed{Kind::ping, std::string(rest.substr(0, middle)), std::string(rest.substr(last + 1))};
  if (kind == "blobs") parsed.kind = Kind::blob;
  if (kind == "manifests") parsed.kind = Kind::manifest;
  if (kind == "referrers") parsed.kind = Kind::referrers;
  if (kind == "tags" && parsed.reference == "list") parsed.kind = Kind::tags;
  if (parsed.kind == Kind::ping) return std::nullopt;
  return parsed;
}

Reply answer_from(const Registry& registry, const Request& request, bool ignore_range) {
  if (request.method != "GET" && request.method != "HEAD") {
    return Reply::error(405, "UNSUPPORTED", "the operation is unsupported");
  }
  if (auto object = registry.object(request.path())) return object_reply(*object, request, ignore_range);
  auto reply = registry_reply(registry, request, ignore_range);
  reply.headers.set("Docker-Distribution-Api-Version", "registry/2.0");
  return reply;
}

}  // namespace weir::testing
