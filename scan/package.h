#pragma once
// Package: one installed package of an image, as its package manager or its language's files record it. A plain value.

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace weir {

// By the types of package URLs (purl-spec, types).
enum class PackageType : unsigned char { deb, apk, rpm, npm, pypi, golang, maven, gem, cargo, nuget, composer };

struct Package {
  PackageType type = PackageType::deb;
  std::string space;                   // of maven: the group; of others empty: it is part of `name`, as `@scope/name`
  std::string name, version;           // of rpm: the version alone, without epoch and release
  std::optional<std::uint32_t> epoch;  // of rpm
  std::string release;                 // of rpm
  std::string architecture;
  std::string source, source_version;  // of deb, apk and rpm: the source package; empty: as the package itself
  std::string module;                  // of rpm: `name:stream`
  std::string licence;
  std::string path;                    // the file that says it is installed
  std::string layer;                   // the digest of the lowest layer that has brought it; set when layers are joined
  bool third_party = false;            // the distribution did not build it
  bool operator==(const Package&) const = default;
};

}  // namespace weir
