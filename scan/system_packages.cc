#include "scan/system_packages.h"

#include <algorithm>

#include "base/text.h"
#include "scan/bytes.h"
#include "scan/rpm_database.h"
#include "scan/rpm_header.h"
#include "scan/stanzas.h"

namespace weir {
namespace {

constexpr std::size_t kMostSystemPackages = 200'000;
constexpr std::size_t kMostHeaderProblems = 5;

std::string_view without_slash(std::string_view path) {
  while (path.starts_with('/')) path.remove_prefix(1);
  return path;
}

// `name (version)` or `name`.
void read_source(std::string_view text, Package& package) {
  const auto open = text.find('(');
  package.source = field(trim(text.substr(0, open)));
  if (open == std::string_view::npos) return;
  const auto close = text.find(')', open);
  if (close != std::string_view::npos) package.source_version = field(trim(text.substr(open + 1, close - open - 1)));
}

bool is_installed(std::string_view status) {
  if (status.empty()) return true;
  const auto parts = words(status);
  return parts.size() == 3 && parts[2] == "installed";
}

// `openssl-3.0.7-1.el9.src.rpm`: name, version and release are split at the last two hyphens.
void read_source_rpm(std::string_view file, Package& package) {
  for (const std::string_view ending : {".src.rpm", ".nosrc.rpm"}) {
    if (file.ends_with(ending)) file.remove_suffix(ending.size());
  }
  const auto release = file.rfind('-');
  const auto version = release == std::string_view::npos || release == 0 ? std::string_view::npos : file.rfind('-', release - 1);
  if (version == std::string_view::npos) return;
  package.source = field(file.substr(0, version));
  package.source_version = field(file.substr(version + 1));
}

// `nodejs:12:8020120200423123456:5e1b2f3a` is of the stream nodejs:12.
std::string stream_of(std::string_view modularity) {
  const auto first = modularity.find(':');
  if (first == std::string_view::npos) return "";
  return field(modularity.substr(0, modularity.find(':', first + 1)));
}

// Whether a vendor, as rpm records it, makes a distribution; one that says nothing is believed to.
bool is_distribution(std::string_view vendor) {
  if (vendor.empty() || vendor == "(none)") return true;
  const auto lower = to_lower(vendor);
  for (const std::string_view known :
       {"red hat", "centos", "fedora", "rocky", "almalinux", "oracle", "suse", "amazon", "microsoft", "mageia", "openeuler",
        "vmware", "alibaba", "cloudlinux", "scientific linux"}) {
    if (lower.find(known) != std::string::npos) return true;
  }
  return false;
}

Package from_header(const RpmHeader& header) {
  Package package;
  package.type = PackageType::rpm;
  package.name = field(header.name);
  package.version = field(header.version);
  package.release = field(header.release);
  package.epoch = header.epoch;
  package.architecture = field(header.architecture);
  package.licence = field(header.licence);
  package.module = stream_of(header.modularity);
  package.third_party = !is_distribution(header.vendor);
  read_source_rpm(header.source_package, package);
  return package;
}

}  // namespace

std::vector<Package> read_dpkg_status(std::string_view text) {
  std::vector<Package> packages;
  each_stanza(text, [&packages](const Stanza& stanza) {
    Package package;
    package.type = PackageType::deb;
    package.name = field(stanza.first_line("Package"));
    package.version = field(stanza.first_line("Version"));
    if (package.name.empty() || package.version.empty() || !is_installed(stanza.first_line("Status"))) return true;
    package.architecture = field(stanza.first_line("Architecture"));
    read_source(stanza.first_line("Source"), package);
    const auto maintainer = to_lower(stanza.first_line("Maintainer"));
    package.third_party = !maintainer.empty() && maintainer.find("debian") == std::string::npos &&
                          maintainer.find("ubuntu") == std::string::npos && maintainer.find("canonical") == std::string::npos;
    packages.push_back(std::move(package));
    return packages.size() < kMostSystemPackages;
  });
  return packages;
}

void read_dpkg_list(std::string_view text, const OwnedFile& owned) {
  for (const auto line : split(text, '\n')) {
    const auto path = without_slash(trim(line));
    if (!path.empty() && path != ".") owned(path);
  }
}

void read_dpkg_md5sums(std::string_view text, const OwnedFile& owned) {
  for (const auto line : split(text, '\n')) {
    const auto gap = line.find("  ");
    if (gap != std::string_view::npos) owned(without_slash(line.substr(gap + 2)));
  }
}

std::vector<Package> read_apk_installed(std::string_view text, const OwnedFile& owned) {
  std::vector<Package> packages;
  Package package;
  std::string folder;
  const auto finish = [&] {
    if (!package.name.empty() && !package.version.empty() && packages.size() < kMostSystemPackages)
      packages.push_back(std::move(package));
    package = Package();
    folder.clear();
  };
  for (auto line : split(text, '\n')) {
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty()) {
      finish();
      continue;
    }
    if (line.size() < 2 || line[1] != ':') continue;
    const auto value = line.substr(2);
    package.type = PackageType::apk;
    switch (line[0]) {
      case 'P': package.name = field(value); break;
      case 'V': package.version = field(value); break;
      case 'A': package.architecture = field(value); break;
      case 'o': package.source = field(value); break;
      case 'L': package.licence = field(value); break;
      case 'F': folder = field(value); break;
      case 'R': owned(folder.empty() ? std::string(value) : folder + '/' + std::string(value)); break;
      default: break;
    }
  }
  finish();
  return packages;
}

Result<std::vector<Package>> read_rpm_database(std::span<const std::byte> database, const OwnedFile& owned,
                                               std::vector<std::string>& problems) {
  std::vector<Package> packages;
  std::size_t unreadable = 0;
  auto status = each_rpm_header(database, [&](std::span<const std::byte> blob) {
    const auto header = read_rpm_header(blob);
    if (!header) {
      if (++unreadable <= kMostHeaderProblems) problems.push_back(header.error().what);
      return true;
    }
    if (is_distribution(header->vendor))
      (void)read_rpm_header(blob, [&owned](std::string_view path) { owned(without_slash(path)); });
    // A public key is no package.
    if (header->name != "gpg-pubkey") packages.push_back(from_header(*header));
    return packages.size() < kMostSystemPackages;
  });
  if (!status) return std::move(status).error();
  return packages;
}

// NAME VERSION-RELEASE INSTALLTIME BUILDTIME VENDOR EPOCH SIZE ARCH EPOCHNUM SOURCERPM
std::vector<Package> read_rpm_manifest(std::string_view text) {
  std::vector<Package> packages;
  for (const auto line : split(text, '\n')) {
    const auto fields = split(line, '\t');
    if (fields.size() < 10 || packages.size() >= kMostSystemPackages) continue;
    Package package;
    package.type = PackageType::rpm;
    package.name = field(fields[0]);
    const auto hyphen = fields[1].rfind('-');
    package.version = field(fields[1].substr(0, hyphen));
    if (hyphen != std::string_view::npos) package.release = field(fields[1].substr(hyphen + 1));
    package.architecture = field(fields[7]);
    if (const auto epoch = parse_number(fields[5]); epoch && *epoch <= UINT32_MAX)
      package.epoch = static_cast<std::uint32_t>(*epoch);
    read_source_rpm(trim(fields[9]), package);
    if (!package.name.empty() && !package.version.empty()) packages.push_back(std::move(package));
  }
  return packages;
}

}  // namespace weir
