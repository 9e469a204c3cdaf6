#pragma once
// The databases of distributions' package managers, from their bytes: dpkg's status, apk's installed, rpm's three formats.
// Thread: any. Pure functions.

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "scan/package.h"

namespace weir {

using OwnedFile = std::function<void(std::string_view path)>;  // without a leading slash

// dpkg(1): /var/lib/dpkg/status, or one stanza of status.d as distroless images have it. Installed is what the third word of
// Status says, or what has no Status.
std::vector<Package> read_dpkg_status(std::string_view text);
// NAME.list or NAME.md5sums: the files of one package.
void read_dpkg_list(std::string_view text, const OwnedFile& owned);
void read_dpkg_md5sums(std::string_view text, const OwnedFile& owned);

// apk-installed(5): lib/apk/db/installed. Advisories speak of the origin, which is `source`.
std::vector<Package> read_apk_installed(std::string_view text, const OwnedFile& owned);

// Only the files of the distribution's own packages are `owned`. `problems`: a sentence for each header that could not be read;
// the others are read on. Error: as each_rpm_header().
Result<std::vector<Package>> read_rpm_database(std::span<const std::byte> database, const OwnedFile& owned,
                                               std::vector<std::string>& problems);
// CBL-Mariner distroless: var/lib/rpmmanifest/container-manifest-2, lines of `rpm -qa` with tabs.
std::vector<Package> read_rpm_manifest(std::string_view text);

}  // namespace weir
