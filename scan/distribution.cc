#include "scan/distribution.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "base/json.h"
#include "base/text.h"
#include "scan/bytes.h"

namespace weir {
namespace {

constexpr std::size_t kMostContentSets = 500;

bool is_key(std::string_view key) {
  return !key.empty() && std::ranges::all_of(key, [](unsigned char c) { return std::isalnum(c) || c == '_'; });
}

void read_os_release(std::string_view text, Distribution& found) {
  for (const auto line : split(text, '\n')) {
    const auto assignment = read_assignment(line);
    if (!assignment) continue;
    const auto& [key, value] = *assignment;
    if (key == "ID") found.id = to_lower(field(value));
    else if (key == "VERSION_ID") found.version = field(value);
    else if (key == "PRETTY_NAME") found.pretty_name = field(value);
    else if (key == "CPE_NAME") found.cpe = field(value);
    else if (key == "ID_LIKE") {
      for (const auto word : words(value)) found.like.push_back(to_lower(field(word)));
    }
  }
}

// The first number with dots in a line such as `CentOS Linux release 7.9.2009 (Core)`.
std::string first_version(std::string_view line) {
  const auto begin = std::ranges::find_if(line, [](unsigned char c) { return std::isdigit(c); });
  const auto end = std::find_if(begin, line.end(), [](unsigned char c) { return !std::isdigit(c) && c != '.'; });
  return field(std::string_view(begin, end));
}

struct ReleaseFile {
  std::string_view path, id;
};
// The special ones first: many of these systems have a redhat-release as well.
constexpr std::array kReleaseFiles = {
    ReleaseFile{"etc/oracle-release", "ol"},     ReleaseFile{"etc/almalinux-release", "almalinux"},
    ReleaseFile{"etc/rocky-release", "rocky"},   ReleaseFile{"etc/centos-release", "centos"},
    ReleaseFile{"etc/fedora-release", "fedora"}, ReleaseFile{"etc/redhat-release", "rhel"},
    ReleaseFile{"etc/system-release", "amzn"}};

std::string id_of_release_line(std::string_view line, std::string_view by_file) {
  const auto lower = to_lower(line);
  for (const auto& [word, id] :
       {std::pair{"centos", "centos"}, std::pair{"rocky", "rocky"}, std::pair{"almalinux", "almalinux"},
        std::pair{"oracle", "ol"}, std::pair{"fedora", "fedora"}, std::pair{"amazon", "amzn"}, std::pair{"red hat", "rhel"}}) {
    if (lower.find(word) != std::string::npos) return id;
  }
  return std::string(by_file);
}

// `https://dl-cdn.example/alpine/v3.18/main` is of the branch v3.18.
void read_apk_repositories(std::string_view text, Distribution& found) {
  for (const auto raw : split(text, '\n')) {
    const auto line = trim(raw);
    if (line.empty() || line.starts_with('#')) continue;
    for (const auto part : split(line, '/')) {
      const bool branch = part == "edge" || part == "latest-stable" ||
                          (part.size() > 1 && part[0] == 'v' && std::isdigit(static_cast<unsigned char>(part[1])));
      if (branch && std::ranges::find(found.repositories, part) == found.repositories.end())
        found.repositories.push_back(field(part));
    }
  }
}

void read_content_manifest(std::string_view text, Distribution& found) {
  const auto document = Json::parse(text);
  const auto sets = document ? document->at("content_sets") : std::nullopt;
  if (!sets) return;
  for (const auto& set : sets->items()) {
    const auto name = set.string();
    if (!name || found.content_sets.size() >= kMostContentSets) continue;
    if (std::ranges::find(found.content_sets, *name) == found.content_sets.end()) found.content_sets.push_back(field(*name));
  }
}

}  // namespace

std::optional<std::pair<std::string, std::string>> read_assignment(std::string_view line) {
  line = trim(line);
  if (line.ends_with('\r')) line.remove_suffix(1);
  const auto equals = line.find('=');
  if (equals == std::string_view::npos || !is_key(line.substr(0, equals))) return std::nullopt;
  auto rest = line.substr(equals + 1);
  const char quote = !rest.empty() && (rest[0] == '"' || rest[0] == '\'') ? rest[0] : '\0';
  if (quote) rest.remove_prefix(1);
  std::string value;
  for (std::size_t i = 0; i < rest.size(); ++i) {
    if (quote && rest[i] == quote) break;
    if (!quote && (rest[i] == ' ' || rest[i] == '\t' || rest[i] == '#')) break;
    if (rest[i] == '\\' && quote != '\'' && i + 1 < rest.size()) ++i;
    value += rest[i];
  }
  return std::pair(std::string(line.substr(0, equals)), value);
}

Distribution find_distribution(const std::function<std::optional<std::string>(std::string_view)>& read,
                               const std::vector<std::string>& buildinfo) {
  Distribution found;
  auto text = read("etc/os-release");
  if (!text) text = read("usr/lib/os-release");
  if (text) read_os_release(*text, found);
  if (found.id.empty()) {
    for (const auto& file : kReleaseFiles) {
      const auto line = read(file.path);
      if (!line) continue;
      found.id = id_of_release_line(*line, file.id);
      found.version = first_version(*line);
      found.pretty_name = field(trim(split(*line, '\n')[0]));
      break;
    }
  }
  if (const auto release = read("etc/alpine-release"); release && (found.id.empty() || found.id == "alpine")) {
    if (found.id.empty()) found.id = "alpine";
    found.version = field(trim(split(*release, '\n')[0]));
  }
  if (const auto release = read("etc/debian_version");
      release && (found.id.empty() || (found.id == "debian" && found.version.empty()))) {
    if (found.id.empty()) found.id = "debian";
    found.version = field(trim(split(*release, '\n')[0]));
  }
  if (const auto repositories = read("etc/apk/repositories")) read_apk_repositories(*repositories, found);
  for (const auto& manifest : buildinfo) read_content_manifest(manifest, found);
  return found;
}

}  // namespace weir
