// The small files in which package managers say what they installed; the first byte chooses the reader.

#include "scan/bytes.h"
#include "scan/distribution.h"
#include "scan/language_files.h"
#include "scan/system_packages.h"
#include "tests/fuzz/fuzz.h"

using namespace weir;
using namespace weir::fuzzing;

namespace {

void check(const std::vector<LanguagePackage>& packages) {
  for (const auto& package : packages) {
    expect(!package.name.empty() && !package.version.empty(), "a package has a name and a version");
    expect(package.name.size() <= kLongestField && package.version.size() <= kLongestField, "texts are bounded");
  }
}
void check(const std::optional<LanguagePackage>& package) {
  if (package) check(std::vector{*package});
}
void check(const std::vector<Package>& packages) {
  for (const auto& package : packages)
    expect(!package.name.empty() && !package.version.empty(), "a package has a name and a version");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const auto text = as_text(data + 1, size - 1);
  const auto ignore = [](std::string_view) {};
  switch (data[0] % 10) {
    case 0: check(read_package_json(text)); break;
    case 1: check(read_python_metadata(text)); break;
    case 2: check(read_gemspec(text)); break;
    case 3: check(read_deps_json(text)); break;
    case 4: check(read_composer_installed(text)); break;
    case 5: check(read_cargo_audit(text)); break;
    case 6: check(read_dpkg_status(text)); break;
    case 7: check(read_apk_installed(text, ignore)); break;
    case 8: check(read_rpm_manifest(text)); break;
    default:
      (void)find_distribution([&text](std::string_view) { return std::optional(std::string(text)); }, {std::string(text)});
      break;
  }
  return 0;
}
