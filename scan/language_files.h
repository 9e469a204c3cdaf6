#pragma once
// The files in which package managers of programming languages say what they installed, each read from its bytes.
//
// Only what is installed counts, not what a lock file wishes for. A file that is not of its kind gives nothing: images hold test
// fixtures of every sort.
// Thread: any. Pure functions.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace weir {

struct LanguagePackage {
  std::string name, version, licence;
  bool operator==(const LanguagePackage&) const = default;
};

// package.json below node_modules (docs.npmjs.com, package.json): a name npm would accept, and a version.
std::optional<LanguagePackage> read_package_json(std::string_view text);
// METADATA or PKG-INFO of a distribution (PEP 566); the name is normalised (PEP 503).
std::optional<LanguagePackage> read_python_metadata(std::string_view text);
// A gem's specification as RubyGems writes it; it is Ruby, and is never run.
std::optional<LanguagePackage> read_gemspec(std::string_view text);
// NAME.deps.json of a .NET program: the packages and runtimes that bring something to the running program.
std::vector<LanguagePackage> read_deps_json(std::string_view text);
// composer's vendor/composer/installed.json, version 1 or 2, without the packages for development.
std::vector<LanguagePackage> read_composer_installed(std::string_view text);
// The dependency list that cargo-auditable puts into an executable, inflated: JSON; packages that only built it are left out.
std::vector<LanguagePackage> read_cargo_audit(std::string_view text);

// PEP 503: lower case, and runs of `-`, `_` and `.` are one `-`.
std::string normal_python_name(std::string_view name);

}  // namespace weir
