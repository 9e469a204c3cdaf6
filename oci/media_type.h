#pragma once
// The media types that weir knows by name (OCI image-spec media-types.md, Docker image manifest v2 schema 2).

#include <string>
#include <string_view>

namespace weir::media_type {

inline constexpr std::string_view kOciManifest = "application/vnd.oci.image.manifest.v1+json";
inline constexpr std::string_view kOciIndex = "application/vnd.oci.image.index.v1+json";
inline constexpr std::string_view kDockerManifest = "application/vnd.docker.distribution.manifest.v2+json";
inline constexpr std::string_view kDockerList = "application/vnd.docker.distribution.manifest.list.v2+json";
inline constexpr std::string_view kOctetStream = "application/octet-stream";

inline bool is_index(std::string_view type) { return type == kOciIndex || type == kDockerList; }
inline bool is_manifest(std::string_view type) { return type == kOciManifest || type == kDockerManifest || is_index(type); }

// Of a layer that registries need not have: `...image.layer.nondistributable.v1...`, `...image.rootfs.foreign.diff...`.
inline bool is_elsewhere(std::string_view type) {
  return type.find(".nondistributable.") != std::string_view::npos || type.find(".foreign.") != std::string_view::npos;
}

// What weir asks upstreams for: every kind of manifest it can hold.
inline std::string accept_all_manifests() {
  return std::string(kOciIndex) + ", " + std::string(kOciManifest) + ", " + std::string(kDockerList) + ", " +
         std::string(kDockerManifest);
}

// `type/sub; charset=x` -> `type/sub`, lower case.
std::string without_parameters(std::string_view content_type);

// Does an Accept value (several lines joined by commas) admit the type (RFC 9110 12.5.1)? An empty one admits all.
bool accepts(std::string_view accept, std::string_view type);

}  // namespace weir::media_type
