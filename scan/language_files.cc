#include "scan/language_files.h"

#include <algorithm>
#include <cctype>
#include <set>

#include "base/json.h"
#include "base/text.h"
#include "scan/bytes.h"
#include "scan/stanzas.h"

namespace weir {
namespace {

bool usable(const LanguagePackage& package) {
  return !package.name.empty() && !package.version.empty() && package.name.size() <= kLongestField &&
         package.version.size() <= kLongestField;
}

bool is_npm_part(std::string_view part) {
  return !part.empty() &&
         std::ranges::all_of(part, [](unsigned char c) { return std::isalnum(c) || c == '-' || c == '_' || c == '.'; });
}

// `name` or `@scope/name`.
bool is_npm_name(std::string_view name) {
  if (!name.starts_with('@')) return is_npm_part(name);
  const auto slash = name.find('/');
  return slash != std::string_view::npos && is_npm_part(name.substr(1, slash - 1)) && is_npm_part(name.substr(slash + 1));
}

std::string npm_licence(const Json& document) {
  const auto licence = document.at("license");
  if (!licence) return "";
  return field(licence->string().value_or(licence->string_at("type").value_or("")));
}

// The text between the first pair of quotes; nothing: there is none.
std::optional<std::string_view> quoted(std::string_view text) {
  const auto begin = text.find_first_of("\"'");
  if (begin == std::string_view::npos) return std::nullopt;
  const auto end = text.find(text[begin], begin + 1);
  if (end == std::string_view::npos) return std::nullopt;
  return text.substr(begin + 1, end - begin - 1);
}

}  // namespace

std::optional<LanguagePackage> read_package_json(std::string_view text) {
  const auto document = Json::parse(text);
  if (!document || !document->is_object()) return std::nullopt;
  LanguagePackage package{document->string_at("name").value_or(""), document->string_at("version").value_or(""),
                          npm_licence(*document)};
  if (!usable(package) || !is_npm_name(package.name)) return std::nullopt;
  return package;
}

std::string normal_python_name(std::string_view name) {
  std::string normal;
  for (const char c : name) {
    const bool separator = c == '-' || c == '_' || c == '.';
    if (!separator) normal += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    else if (!normal.ends_with('-')) normal += '-';
  }
  return normal;
}

std::optional<LanguagePackage> read_python_metadata(std::string_view text) {
  std::optional<LanguagePackage> package;
  each_stanza(text, [&package](const Stanza& head) {
    package = LanguagePackage{normal_python_name(head.first_line("Name")), field(head.first_line("Version")),
                              field(head.first_line("License-Expression").empty() ? head.first_line("License")
                                                                                  : head.first_line("License-Expression"))};
    return false;  // behind the head comes the description
  });
  if (!package || !usable(*package)) return std::nullopt;
  if (package->licence == "UNKNOWN") package->licence.clear();
  return package;
}

std::optional<LanguagePackage> read_gemspec(std::string_view text) {
  LanguagePackage package;
  bool begun = false;
  std::string variable;
  for (const auto raw : split(text, '\n')) {
    const auto line = trim(raw);
    // `# stub: NAME VERSION PLATFORM FOLDERS`
    if (!begun && line.starts_with("# stub: ")) {
      const auto parts = words(line.substr(8));
      if (parts.size() >= 2) {
        package.name = field(parts[0]);
        package.version = field(parts[1]);
      }
      continue;
    }
    if (!begun && line.find("Gem::Specification.new do |") != std::string_view::npos) {
      const auto bar = line.find('|');
      variable = std::string(line.substr(bar + 1, line.find('|', bar + 1) - bar - 1)) + '.';
      begun = true;
      continue;
    }
    if (!begun || !line.starts_with(variable)) continue;
    const auto equals = line.find('=');
    if (equals == std::string_view::npos) continue;
    const auto member = trim(line.substr(variable.size(), equals - variable.size()));
    const auto value = quoted(line.substr(equals + 1));
    if (!value) continue;
    if (member == "name" && package.name.empty()) package.name = field(*value);
    else if (member == "version" && package.version.empty()) package.version = field(*value);
    else if ((member == "licenses" || member == "license") && package.licence.empty()) package.licence = field(*value);
  }
  if (!begun || !usable(package)) return std::nullopt;
  return package;
}

std::vector<LanguagePackage> read_deps_json(std::string_view text) {
  std::vector<LanguagePackage> packages;
  const auto document = Json::parse(text);
  const auto libraries = document ? document->at("libraries") : std::nullopt;
  if (!libraries || !libraries->is_object()) return packages;
  const auto target_name = document->at("runtimeTarget");
  const auto targets = document->at("targets");
  const auto name = target_name ? target_name->string_at("name").value_or(target_name->string().value_or("")) : "";
  const auto target = targets ? targets->at(name) : std::nullopt;
  for (const auto& key : libraries->keys()) {
    const auto slash = key.find('/');
    const auto library = libraries->at(key);
    const auto type = library ? library->string_at("type").value_or("") : "";
    if (slash == std::string::npos || (type != "package" && type != "runtimepack")) continue;
    const auto uses = target ? target->at(key) : std::nullopt;
    if (target && !(uses && (uses->has("runtime") || uses->has("runtimeTargets") || uses->has("native")))) continue;
    auto library_name = key.substr(0, slash);
    if (type == "runtimepack" && library_name.starts_with("runtimepack.")) library_name.erase(0, 12);
    LanguagePackage package{library_name, key.substr(slash + 1), ""};
    if (usable(package)) packages.push_back(std::move(package));
  }
  return packages;
}

std::vector<LanguagePackage> read_composer_installed(std::string_view text) {
  std::vector<LanguagePackage> packages;
  const auto document = Json::parse(text);
  if (!document) return packages;
  const auto list = document->is_array() ? std::optional<Json>(*document) : document->at("packages");
  if (!list) return packages;
  std::set<std::string> development;
  if (const auto names = document->at("dev-package-names")) {
    for (const auto& each : names->items()) development.insert(each.string().value_or(""));
  }
  for (const auto& each : list->items()) {
    auto version = each.string_at("version").value_or("");
    if (version.size() > 1 && version[0] == 'v' && std::isdigit(static_cast<unsigned char>(version[1]))) version.erase(0, 1);
    const auto licences = each.at("license");
    const auto all = licences ? licences->items() : std::vector<Json>();
    LanguagePackage package{to_lower(each.string_at("name").value_or("")), version,
                            all.empty() ? "" : field(all[0].string().value_or(""))};
    if (usable(package) && !development.contains(each.string_at("name").value_or(""))) packages.push_back(std::move(package));
  }
  return packages;
}

std::vector<LanguagePackage> read_cargo_audit(std::string_view text) {
  std::vector<LanguagePackage> packages;
  const auto document = Json::parse(text);
  const auto list = document ? document->at("packages") : std::nullopt;
  if (!list) return packages;
  for (const auto& each : list->items()) {
    if (each.string_at("kind").value_or("runtime") != "runtime") continue;
    LanguagePackage package{each.string_at("name").value_or(""), each.string_at("version").value_or(""), ""};
    if (usable(package)) packages.push_back(std::move(package));
  }
  return packages;
}

}  // namespace weir
