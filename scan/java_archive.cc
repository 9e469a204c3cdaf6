#include "scan/java_archive.h"

#include <algorithm>
#include <cctype>
#include <optional>
#include <set>

#include "base/text.h"
#include "scan/bytes.h"
#include "scan/zip.h"

namespace weir {
namespace {

constexpr std::uint64_t kMostJarDescription = 1 << 20;  // bytes of a manifest or a pom.properties
constexpr std::size_t kMostJarProblems = 20;
constexpr std::size_t kMostJarAttributes = 500;

std::string_view base_name(std::string_view path) {
  const auto slash = path.rfind('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

// Java's properties, as Maven writes them: `key=value`, comments with # or !.
std::string property(std::string_view text, std::string_view key) {
  for (const auto raw : split(text, '\n')) {
    auto line = trim(raw);
    if (line.ends_with('\r')) line.remove_suffix(1);
    const auto equals = line.find('=');
    if (equals != std::string_view::npos && trim(line.substr(0, equals)) == key)
      return std::string(trim(line.substr(equals + 1)));
  }
  return "";
}

std::string attribute(const std::vector<std::pair<std::string, std::string>>& attributes, std::string_view name) {
  for (const auto& [found, value] : attributes) {
    if (equal_ignoring_case(found, name)) return value;
  }
  return "";
}

bool is_version(std::string_view text) {
  return !text.empty() && std::isdigit(static_cast<unsigned char>(text[0])) &&
         text.find_first_of(" \t/${}") == std::string_view::npos;
}
bool is_name(std::string_view text) {
  return !text.empty() &&
         std::ranges::all_of(text, [](unsigned char c) { return std::isalnum(c) || c == '-' || c == '_' || c == '.'; });
}

// `commons-io-2.6.jar` is commons-io 2.6: the version begins behind the first hyphen that a digit follows.
std::optional<JavaArtifact> from_file_name(std::string_view path) {
  auto name = base_name(path);
  name = name.substr(0, name.rfind('.'));
  for (auto at = name.find('-'); at != std::string_view::npos; at = name.find('-', at + 1)) {
    const auto version = name.substr(at + 1);
    if (!is_version(version)) continue;
    return JavaArtifact{"", std::string(name.substr(0, at)), std::string(version), ""};
  }
  return std::nullopt;
}

// What the manifest proves: an artifact has a name that could be one, and a version.
std::optional<JavaArtifact> from_manifest(std::string_view text, std::string_view path) {
  const auto attributes = read_jar_manifest(text);
  const auto first_of = [&attributes](std::initializer_list<const char*> names, bool (*good)(std::string_view)) {
    for (const auto* name : names) {
      auto value = attribute(attributes, name);
      value = value.substr(0, value.find(';'));  // directives of OSGi
      if (good(value)) return value;
    }
    return std::string();
  };
  const auto by_name = from_file_name(path);
  auto version = first_of({"Implementation-Version", "Bundle-Version", "Specification-Version"}, is_version);
  auto artifact = by_name ? by_name->artifact
                          : first_of({"Implementation-Title", "Bundle-SymbolicName", "Specification-Title"}, is_name);
  auto group = first_of({"Implementation-Vendor-Id"}, is_name);
  // A symbolic name is often GROUP.ARTIFACT.
  const auto symbolic = first_of({"Bundle-SymbolicName"}, is_name);
  if (group.empty() && symbolic.size() > artifact.size() + 1 && symbolic.ends_with('.' + artifact))
    group = symbolic.substr(0, symbolic.size() - artifact.size() - 1);
  if (artifact.empty() || version.empty()) return std::nullopt;
  return JavaArtifact{group, artifact, version, ""};
}

class JavaReader {
 public:
  JavaReader(const ScanLimits& limits, JavaArchive& into) : limits_(limits), into_(into) {}

  void read(std::span<const std::byte> bytes, const std::string& path, unsigned depth) {
    const auto zip = Zip::parse(bytes, limits_.archive_entries - members_);
    if (!zip) return problem(path, zip.error().what);
    members_ += zip->members().size();
    const auto before = into_.artifacts.size();
    std::string manifest;
    for (const auto& member : zip->members()) {
      if (member.name == "META-INF/MANIFEST.MF") {
        if (const auto text = take(*zip, member, kMostJarDescription, path)) manifest = *text;
      } else if (member.name.starts_with("META-INF/maven/") && member.name.ends_with("/pom.properties")) {
        if (const auto text = take(*zip, member, kMostJarDescription, path)) add_pom(*text, path);
      }
    }
    if (into_.artifacts.size() == before) {
      auto found = manifest.empty() ? std::nullopt : from_manifest(manifest, path);
      if (!found) found = from_file_name(path);
      if (found) add(*std::move(found), path);
    }
    for (const auto& member : zip->members()) {
      if (!is_java_archive_name(member.name)) continue;
      if (depth >= limits_.archive_depth) {
        problem(path, "limit reached: archives in archives");
        break;
      }
      if (const auto inner = take(*zip, member, limits_.archive_file_bytes, path))
        read(std::as_bytes(std::span(*inner)), path + '!' + member.name.substr(0, limits_.path_bytes), depth + 1);
    }
  }

 private:
  std::optional<std::string> take(const Zip& zip, const ZipMember& member, std::uint64_t most, const std::string& path) {
    const auto left = limits_.archive_bytes - std::min(limits_.archive_bytes, inflated_);
    auto text = zip.read(member, std::min(most, left));
    if (!text) {
      problem(path, text.error().what);
      return std::nullopt;
    }
    inflated_ += text->size();
    return *std::move(text);
  }
  void add_pom(std::string_view text, const std::string& path) {
    JavaArtifact artifact{property(text, "groupId"), property(text, "artifactId"), property(text, "version"), ""};
    if (!artifact.artifact.empty() && !artifact.version.empty()) add(std::move(artifact), path);
  }
  void add(JavaArtifact artifact, const std::string& path) {
    artifact.group.resize(std::min<std::size_t>(artifact.group.size(), limits_.text_bytes));
    artifact.artifact.resize(std::min<std::size_t>(artifact.artifact.size(), limits_.text_bytes));
    artifact.version.resize(std::min<std::size_t>(artifact.version.size(), limits_.text_bytes));
    artifact.path = path;
    if (into_.artifacts.size() >= limits_.packages) return problem(path, "limit reached: packages");
    into_.artifacts.push_back(std::move(artifact));
  }
  void problem(const std::string& path, const std::string& what) {
    if (into_.problems.size() < kMostJarProblems) into_.problems.push_back(path + ": " + what);
  }

  const ScanLimits& limits_;
  JavaArchive& into_;
  std::uint64_t inflated_ = 0, members_ = 0;
};

}  // namespace

bool is_java_archive_name(std::string_view path) {
  const auto dot = path.rfind('.');
  if (dot == std::string_view::npos) return false;
  const auto extension = to_lower(path.substr(dot + 1));
  return extension == "jar" || extension == "war" || extension == "ear" || extension == "par" || extension == "hpi";
}

JavaArchive read_java_archive(std::span<const std::byte> bytes, std::string_view path, const ScanLimits& limits) {
  JavaArchive archive;
  JavaReader(limits, archive).read(bytes, std::string(path), 1);
  return archive;
}

std::vector<std::pair<std::string, std::string>> read_jar_manifest(std::string_view text) {
  std::vector<std::pair<std::string, std::string>> attributes;
  for (auto line : split(text, '\n')) {
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty()) {
      if (attributes.empty()) continue;
      break;  // the sections behind speak of single files
    }
    if (line[0] == ' ') {
      if (!attributes.empty()) attributes.back().second += line.substr(1);
      continue;
    }
    const auto colon = line.find(':');
    if (colon == std::string_view::npos || attributes.size() >= kMostJarAttributes) continue;
    attributes.emplace_back(line.substr(0, colon), trim(line.substr(colon + 1)));
  }
  return attributes;
}

}  // namespace weir
