#pragma once
// Small texts packed with zstd and unpacked again; with scan/inflate the wrapper of zstd.
// Thread: any. Pure functions.

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace weir {

std::string compress(std::string_view text);
// Error: corrupt; too_large, it is more than `most` bytes.
Result<std::string> decompress(std::string_view packed, std::uint64_t most);

}  // namespace weir
