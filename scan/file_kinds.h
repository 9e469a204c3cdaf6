#pragma once
// Which files of a layer the analyser looks into, by their path alone.
// Thread: any. A pure function.

#include <string_view>

namespace weir {

enum class FileKind {
  other,
  system_file,        // says which distribution this is
  dpkg_status,
  dpkg_status_part,   // one stanza, as distroless images have them
  dpkg_list,          // the files of one package
  dpkg_md5sums,
  apk_installed,
  rpm_database,
  rpm_manifest,
  package_json,
  python_metadata,
  python_egg,         // a zip file
  gemspec,
  deps_json,
  dotnet_shared,      // a file of a shared framework, whose version is in its path
  composer_installed,
  java_archive
};

// REQUIRES: `path` is by clean_path().
FileKind file_kind(std::string_view path);

// Whether a file of that path could say something of packages: by its kind, or as an executable. Sets of paths are kept of these
// alone; of a Debian image that is a tenth.
bool may_hold_packages(std::string_view path);

}  // namespace weir
