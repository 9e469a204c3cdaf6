#include "scan/file_kinds.h"

#include <algorithm>
#include <array>

#include "base/text.h"
#include "scan/java_archive.h"

namespace weir {
namespace {

constexpr std::array kSystemFiles = {std::string_view("etc/os-release"),
                                     std::string_view("usr/lib/os-release"),
                                     std::string_view("etc/debian_version"),
                                     std::string_view("etc/alpine-release"),
                                     std::string_view("etc/apk/repositories"),
                                     std::string_view("etc/redhat-release"),
                                     std::string_view("etc/centos-release"),
                                     std::string_view("etc/rocky-release"),
                                     std::string_view("etc/almalinux-release"),
                                     std::string_view("etc/oracle-release"),
                                     std::string_view("etc/system-release"),
                                     std::string_view("etc/fedora-release"),
                                     std::string_view("etc/SuSE-release"),
                                     std::string_view("root/buildinfo/labels.json"),
                                     std::string_view("usr/share/buildinfo/labels.json")};

bool is_content_manifest(std::string_view path) {
  return (path.starts_with("root/buildinfo/content_manifests/") || path.starts_with("usr/share/buildinfo/content_manifests/")) &&
         path.ends_with(".json");
}

FileKind system_kind(std::string_view path) {
  if (std::ranges::find(kSystemFiles, path) != kSystemFiles.end() || is_content_manifest(path)) return FileKind::system_file;
  if (path.starts_with("var/lib/dpkg/")) {
    const auto rest = path.substr(13);
    if (rest == "status") return FileKind::dpkg_status;
    if (rest.starts_with("status.d/")) return rest.ends_with(".md5sums") ? FileKind::dpkg_md5sums : FileKind::dpkg_status_part;
    if (rest.starts_with("info/") && rest.ends_with(".list")) return FileKind::dpkg_list;
    if (rest.starts_with("info/") && rest.ends_with(".md5sums")) return FileKind::dpkg_md5sums;
  }
  if (path == "lib/apk/db/installed" || path == "usr/lib/apk/db/installed") return FileKind::apk_installed;
  for (const std::string_view folder : {"var/lib/rpm/", "usr/lib/sysimage/rpm/", "usr/share/rpm/"}) {
    if (!path.starts_with(folder)) continue;
    const auto rest = path.substr(folder.size());
    if (rest == "Packages" || rest == "Packages.db" || rest == "rpmdb.sqlite") return FileKind::rpm_database;
  }
  if (path == "var/lib/rpmmanifest/container-manifest-2") return FileKind::rpm_manifest;
  return FileKind::other;
}

bool is_python_metadata(std::string_view path) {
  return path.ends_with(".dist-info/METADATA") || path.ends_with(".egg-info") || path.ends_with(".egg-info/PKG-INFO") ||
         path.ends_with(".egg-info/METADATA") || path.ends_with("EGG-INFO/PKG-INFO");
}

// dotnet/shared/NAME/VERSION/FILE
bool is_dotnet_shared(std::string_view path) {
  const auto at = path.find("dotnet/shared/");
  if (at == std::string_view::npos || (at > 0 && path[at - 1] != '/')) return false;
  return split(path.substr(at + 14), '/').size() == 3;
}

}  // namespace

FileKind file_kind(std::string_view path) {
  if (const auto kind = system_kind(path); kind != FileKind::other) return kind;
  const auto slash = path.rfind('/');
  const auto name = slash == std::string_view::npos ? path : path.substr(slash + 1);
  if (name == "package.json" && (path.starts_with("node_modules/") || path.find("/node_modules/") != std::string_view::npos))
    return FileKind::package_json;
  if (is_python_metadata(path)) return FileKind::python_metadata;
  if (name.ends_with(".egg")) return FileKind::python_egg;
  if (name.ends_with(".gemspec") && (path.starts_with("specifications/") || path.find("/specifications/") != std::string_view::npos))
    return FileKind::gemspec;
  if (name.ends_with(".deps.json")) return FileKind::deps_json;
  if (path.ends_with("vendor/composer/installed.json")) return FileKind::composer_installed;
  if (is_java_archive_name(name)) return FileKind::java_archive;
  return is_dotnet_shared(path) ? FileKind::dotnet_shared : FileKind::other;
}

bool may_hold_packages(std::string_view path) {
  if (file_kind(path) != FileKind::other) return true;
  const auto slash = path.rfind('/');
  const auto name = slash == std::string_view::npos ? path : path.substr(slash + 1);
  const auto folder = slash == std::string_view::npos ? std::string_view() : path.substr(0, slash);
  if (folder.ends_with("bin") || folder.ends_with("libexec")) return true;
  return name.find('.') == std::string_view::npos && !path.starts_with("usr/share/doc/") && !path.starts_with("usr/share/man/") &&
         !path.starts_with("usr/share/locale/") && !path.starts_with("usr/share/zoneinfo/");
}

}  // namespace weir
