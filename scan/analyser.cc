#include "scan/analyser.h"

#include <algorithm>
#include <map>
#include <set>

#include "base/text.h"
#include "scan/bytes.h"
#include "scan/deflate.h"
#include "scan/file_kinds.h"
#include "scan/go_build_info.h"
#include "scan/inflate.h"
#include "scan/java_archive.h"
#include "scan/language_files.h"
#include "scan/system_packages.h"
#include "scan/tar.h"
#include "scan/zip.h"

namespace weir {
namespace {

constexpr std::size_t kMostProblems = 50;
constexpr std::uint64_t kMostAuditText = 8 << 20;  // inflated dependency lists of cargo-auditable
constexpr std::string_view kWhiteout = ".wh.", kSpecialWhiteout = ".wh..wh.", kOpaque = ".wh..wh..opq";

std::pair<std::string_view, std::string_view> folder_and_name(std::string_view path) {
  const auto slash = path.rfind('/');
  if (slash == std::string_view::npos) return {"", path};
  return {path.substr(0, slash), path.substr(slash + 1)};
}

class Analyser {
 public:
  Analyser(int fd, const ScanLimits& limits) : limits_(limits), source_(fd, limits), tar_(source_, limits) {}

  LayerInventory run() {
    for (;;) {
      auto entry = tar_.next();
      if (!entry) {
        stop(entry.error());
        break;
      }
      if (!*entry) break;
      if (auto status = look_at(**entry); !status) {
        stop(status.error());
        break;
      }
    }
    finish();
    return std::move(found_);
  }

 private:
  Status look_at(const TarEntry& entry);
  Status look_into(const TarEntry& entry, FileKind kind);
  Status look_into_executable(const TarEntry& entry);
  void note_whiteout(const std::string& path);
  void note_system_package_database(const std::string& path, std::vector<Package> packages);
  void add(PackageType type, const std::string& path, const LanguagePackage& package, std::string space = "");
  void add_executable(const std::string& path, const std::string& content);
  void add_egg(const std::string& path, const std::string& content);
  void add_java(const std::string& path, const std::string& content);
  void add_dotnet_shared(const std::string& path);
  void problem(const std::string& text, bool partial = true) {
    if (found_.problems.size() < kMostProblems) found_.problems.push_back(text);
    if (partial && found_.state == LayerState::complete) found_.state = LayerState::partial;
  }
  // The layer is not read to its end. What was found is kept, unless that is nothing.
  void stop(const Error& error) {
    stopped_ = true;
    problem(error.what);
    const bool nothing = entries_ == 0 && error.failure != Failure::too_large;
    if (nothing) found_.state = LayerState::failed;
  }
  void finish();
  // False: a limit on the number of something is reached; it is said once.
  template <typename List>
  bool room_in(const List& list, std::uint64_t most, const char* name) {
    if (list.size() < most) return true;
    if (full_.insert(name).second) problem(std::string("limit reached: ") + name);
    return false;
  }
  void own(const std::string& package, std::string_view path) {
    if (!may_hold_packages(path)) return;
    if (owned_ < limits_.owned_files) {
      ++owned_;
      owned_by_[package].push_back(path_hash(path));
    } else if (full_.insert("files of packages").second) {
      problem("limit reached: files of packages");
    }
  }

  const ScanLimits& limits_;
  Inflate source_;
  Tar tar_;
  LayerInventory found_;
  std::uint64_t entries_ = 0, owned_ = 0, system_bytes_ = 0, package_count_ = 0;
  std::map<std::string, std::vector<std::uint64_t>> owned_by_;  // of dpkg, by package
  std::set<std::string> full_, frameworks_;
  bool stopped_ = false;
};

Status Analyser::look_at(const TarEntry& entry) {
  ++entries_;
  if (entry.kind == TarEntry::Kind::folder) {
    if (file_kind(entry.path) != FileKind::other) found_.folders.push_back(path_hash(entry.path));
    return ok_status();
  }
  const auto [folder, name] = folder_and_name(entry.path);
  if (name.starts_with(kWhiteout)) {
    note_whiteout(entry.path);
    return ok_status();
  }
  if (may_hold_packages(entry.path)) found_.files.push_back(path_hash(entry.path));
  if (entry.kind == TarEntry::Kind::symbolic_link || entry.kind == TarEntry::Kind::hard_link) {
    if (room_in(found_.links, limits_.links, "links"))
      found_.links.push_back({entry.path, entry.target, entry.kind == TarEntry::Kind::hard_link});
    return ok_status();
  }
  if (entry.kind != TarEntry::Kind::file) return ok_status();
  const auto kind = file_kind(entry.path);
  if (kind == FileKind::dotnet_shared) add_dotnet_shared(entry.path);
  const bool by_content = kind == FileKind::other || kind == FileKind::dotnet_shared;
  if (by_content) return entry.executable && entry.size > 4096 ? look_into_executable(entry) : ok_status();
  auto status = look_into(entry, kind);
  // A file that is too large to be looked at costs itself, not the layer.
  if (!status && status.error().failure == Failure::too_large && status.error().what == "limit reached: size of a file") {
    problem(entry.path + ": " + status.error().what);
    return ok_status();
  }
  return status;
}

void Analyser::note_whiteout(const std::string& path) {
  const auto [folder, name] = folder_and_name(path);
  if (name == kOpaque) {
    if (room_in(found_.opaque, limits_.whiteouts, "opaque folders")) found_.opaque.emplace_back(folder);
    return;
  }
  if (name.starts_with(kSpecialWhiteout) || name == kWhiteout) return;  // aufs's own notes
  if (!room_in(found_.whiteouts, limits_.whiteouts, "whiteouts")) return;
  const auto gone = name.substr(kWhiteout.size());
  found_.whiteouts.push_back(folder.empty() ? std::string(gone) : std::string(folder) + '/' + std::string(gone));
}

Status Analyser::look_into(const TarEntry& entry, FileKind kind) {
  const bool database = kind == FileKind::dpkg_status || kind == FileKind::apk_installed || kind == FileKind::rpm_database ||
                        kind == FileKind::rpm_manifest;
  const bool archive = kind == FileKind::java_archive || kind == FileKind::python_egg;
  const bool list = kind == FileKind::dpkg_list || kind == FileKind::dpkg_md5sums;
  auto content = tar_.text(database  ? limits_.database_bytes
                           : archive ? limits_.archive_file_bytes
                           : list    ? 16 * limits_.metadata_bytes
                                     : limits_.metadata_bytes);
  if (!content) return std::move(content).error();
  const auto& path = entry.path;
  const auto own_all = [this](std::string_view file) { own("", file); };
  switch (kind) {
    case FileKind::system_file:
      system_bytes_ += content->size();
      if (system_bytes_ <= limits_.metadata_bytes && room_in(found_.system_files, limits_.system_files, "system files"))
        found_.system_files.push_back({path, *std::move(content)});
      else problem(path + ": limit reached: system files");
      break;
    case FileKind::dpkg_status:
    case FileKind::dpkg_status_part: note_system_package_database(path, read_dpkg_status(*content)); break;
    case FileKind::dpkg_list:
    case FileKind::dpkg_md5sums: {
      auto name = folder_and_name(path).second;
      name = name.substr(0, name.rfind('.'));
      const std::string package(name.substr(0, name.find(':')));
      const auto own_one = [this, &package](std::string_view file) { own(package, file); };
      kind == FileKind::dpkg_list ? read_dpkg_list(*content, own_one) : read_dpkg_md5sums(*content, own_one);
      break;
    }
    case FileKind::apk_installed: note_system_package_database(path, read_apk_installed(*content, own_all)); break;
    case FileKind::rpm_manifest: note_system_package_database(path, read_rpm_manifest(*content)); break;
    case FileKind::rpm_database: {
      std::vector<std::string> problems;
      auto packages = read_rpm_database(bytes_of(*content), own_all, problems);
      for (const auto& each : problems) problem(path + ": " + each);
      if (packages) note_system_package_database(path, *std::move(packages));
      else problem(path + ": " + packages.error().what);
      break;
    }
    case FileKind::package_json:
      if (const auto package = read_package_json(*content)) add(PackageType::npm, path, *package);
      break;
    case FileKind::python_metadata:
      if (const auto package = read_python_metadata(*content)) add(PackageType::pypi, path, *package);
      break;
    case FileKind::python_egg: add_egg(path, *content); break;
    case FileKind::gemspec:
      if (const auto package = read_gemspec(*content)) add(PackageType::gem, path, *package);
      break;
    case FileKind::deps_json:
      for (const auto& package : read_deps_json(*content)) add(PackageType::nuget, path, package);
      break;
    case FileKind::composer_installed:
      for (const auto& package : read_composer_installed(*content)) add(PackageType::composer, path, package);
      break;
    case FileKind::java_archive: add_java(path, *content); break;
    case FileKind::dotnet_shared:
    case FileKind::other: break;
  }
  return ok_status();
}

void Analyser::note_system_package_database(const std::string& path, std::vector<Package> packages) {
  const auto left = limits_.packages - std::min(limits_.packages, package_count_);
  if (packages.size() > left) {
    packages.resize(left);
    if (full_.insert("packages").second) problem("limit reached: packages");
  }
  package_count_ += packages.size();
  for (auto& package : packages) package.path = path;
  found_.databases.push_back({path, std::move(packages)});
}

void Analyser::add(PackageType type, const std::string& path, const LanguagePackage& package, std::string space) {
  if (package_count_ >= limits_.packages) {
    if (full_.insert("packages").second) problem("limit reached: packages");
    return;
  }
  ++package_count_;
  Package one;
  one.type = type;
  one.space = std::move(space);
  one.name = package.name;
  one.version = package.version;
  one.licence = package.licence;
  one.path = path;
  found_.packages.push_back(std::move(one));
}

// The whole file is gathered once its first bytes are those of an ELF file.
Status Analyser::look_into_executable(const TarEntry& entry) {
  if (entry.size > limits_.executable_bytes) {
    problem(entry.path + ": limit reached: size of an executable");
    return ok_status();
  }
  std::string content;
  bool checked = false;
  auto status = tar_.content([&](std::span<const std::byte> piece) {
    if (!checked && !is_elf(piece)) return false;
    if (!checked) content.reserve(entry.size);
    checked = true;
    content.append(reinterpret_cast<const char*>(piece.data()), piece.size());
    return content.size() <= limits_.executable_bytes;
  });
  if (!status) return status;
  if (checked) add_executable(entry.path, content);
  return ok_status();
}

void Analyser::add_executable(const std::string& path, const std::string& content) {
  const auto elf = Elf::parse(bytes_of(content));
  if (!elf) return;  // nothing that could run
  if (const auto go = read_go_build_info(*elf)) {
    if (const auto version = go_release_version(go->go_version); !version.empty())
      add(PackageType::golang, path, {"stdlib", version, ""});
    if (go->main && !go->main->path.empty() && go->main->version.starts_with('v'))
      add(PackageType::golang, path, {go->main->path, go->main->version, ""});
    for (const auto& module : go->dependencies) {
      if (!module.path.empty() && !module.version.empty()) add(PackageType::golang, path, {module.path, module.version, ""});
    }
  }
  if (const auto section = elf->section(".dep-v0")) {
    const auto text = inflate_zlib(*section, kMostAuditText);
    if (!text) return problem(path + ": " + text.error().what);
    for (const auto& package : read_cargo_audit(*text)) add(PackageType::cargo, path, package);
  }
}

void Analyser::add_egg(const std::string& path, const std::string& content) {
  const auto zip = Zip::parse(bytes_of(content), limits_.archive_entries);
  if (!zip) return problem(path + ": " + zip.error().what);
  for (const auto& member : zip->members()) {
    if (member.name != "EGG-INFO/PKG-INFO") continue;
    const auto text = zip->read(member, limits_.metadata_bytes);
    if (!text) return problem(path + ": " + text.error().what);
    if (const auto package = read_python_metadata(*text)) add(PackageType::pypi, path, *package);
    return;
  }
}

void Analyser::add_java(const std::string& path, const std::string& content) {
  auto archive = read_java_archive(bytes_of(content), path, limits_);
  for (const auto& each : archive.problems) problem(each);
  for (const auto& artifact : archive.artifacts)
    add(PackageType::maven, artifact.path, {artifact.artifact, artifact.version, ""}, artifact.group);
}

// dotnet/shared/NAME/VERSION/FILE, once for each framework.
void Analyser::add_dotnet_shared(const std::string& path) {
  const auto at = path.find("dotnet/shared/");
  const auto parts = split(std::string_view(path).substr(at + 14), '/');
  const auto folder = path.substr(0, path.rfind('/'));
  if (!frameworks_.insert(folder).second) return;
  add(PackageType::nuget, path, {std::string(parts[0]), std::string(parts[1]), ""});
}

void Analyser::finish() {
  if (tar_.skipped() > 0)
    problem(std::to_string(tar_.skipped()) + " entries have names that lead out of the image or are too long");
  // Behind the end of the tar there may be more, and the digest is that of everything.
  if (!stopped_) {
    if (auto status = source_.drain(); !status) {
      problem(status.error().what);
      stopped_ = true;
    }
  }
  if (!stopped_) found_.diff_id = source_.diff_id();
  found_.inflated_bytes = source_.inflated();
  std::set<std::string> third_party;
  for (const auto& database : found_.databases) {
    for (const auto& package : database.packages) {
      if (package.third_party) third_party.insert(package.name);
    }
  }
  for (const auto& [package, files] : owned_by_) {
    if (!third_party.contains(package)) found_.owned.insert(found_.owned.end(), files.begin(), files.end());
  }
  for (auto* hashes : {&found_.files, &found_.folders, &found_.owned}) {
    std::ranges::sort(*hashes);
    hashes->erase(std::unique(hashes->begin(), hashes->end()), hashes->end());
  }
}

}  // namespace

LayerInventory analyse_layer(int fd, const ScanLimits& limits) { return Analyser(fd, limits).run(); }

}  // namespace weir
