#pragma once
// Small deflated texts that lie in memory whole: members of zip files (RFC 1951), sections of executables (RFC 1950); the wrapper
// of zlib. Thread: any. Error: corrupt; too_large, there are more than `most` bytes.

#include <cstdint>
#include <span>
#include <string>

#include "base/result.h"

namespace weir {

Result<std::string> inflate_raw(std::span<const std::byte> packed, std::uint64_t most);
Result<std::string> inflate_zlib(std::span<const std::byte> packed, std::uint64_t most);

}  // namespace weir
