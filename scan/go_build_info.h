#pragma once
// GoBuildInfo: what the Go linker writes into an executable: the version of Go, and the modules it was built of (Go's package
// debug/buildinfo describes the form).
// Thread: any. A plain value and a pure function.

#include <optional>
#include <string>
#include <vector>

#include "scan/elf.h"

namespace weir {

struct GoModule {
  std::string path, version;  // a replaced module has the path and version of what stands in its place
};

struct GoBuildInfo {
  std::string go_version;  // `go1.21.3`
  std::optional<GoModule> main;  // its version is often `(devel)`
  std::vector<GoModule> dependencies;
};

// Nothing: it was not built by Go, or says nothing of it.
std::optional<GoBuildInfo> read_go_build_info(const Elf& elf);

// `go1.21rc1 X:boringcrypto` is `1.21.0-rc.1`, as advisories for the standard library have it; empty: it is no version.
std::string go_release_version(std::string_view go_version);

}  // namespace weir
