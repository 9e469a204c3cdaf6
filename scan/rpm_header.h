#pragma once
// RpmHeader: what one entry of an rpm database says of a package. Every database format wraps the same blob: two big-endian
// counts, index entries of 16 bytes (tag, type, offset, count), then a data area (rpm's header format, version 4).
// Thread: any. A plain value and a pure function.

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

namespace weir {

struct RpmHeader {
  std::string name, version, release, architecture, vendor, licence;
  std::optional<std::uint32_t> epoch;   // nothing: the package has none, which compares as 0
  std::string source_package;           // `openssl-3.0.7-1.el9.src.rpm`; empty: it says none
  std::string modularity;               // `nodejs:12:8000020190304:abc`; empty: it is no part of a module
};

// Views of the file names are passed to `file`, when it is given. Error: corrupt.
Result<RpmHeader> read_rpm_header(std::span<const std::byte> blob, const std::function<void(std::string_view path)>& file = {});

}  // namespace weir
