#include "scan/compress.h"

#include <zstd.h>

#include "base/check.h"

namespace weir {
namespace {

constexpr int kLevel = 3;

}  // namespace

std::string compress(std::string_view text) {
  std::string packed(ZSTD_compressBound(text.size()), '\0');
  const auto size = ZSTD_compress(packed.data(), packed.size(), text.data(), text.size(), kLevel);
  MUST(!ZSTD_isError(size));  // there is room for every text
  packed.resize(size);
  return packed;
}

Result<std::string> decompress(std::string_view packed, std::uint64_t most) {
  const auto size = ZSTD_getFrameContentSize(packed.data(), packed.size());
  if (size == ZSTD_CONTENTSIZE_ERROR || size == ZSTD_CONTENTSIZE_UNKNOWN)
    return Error{Failure::corrupt, Side::local, false, "compressed text is damaged"};
  if (size > most)
    return Error{Failure::too_large, Side::local, false, "compressed text is longer than " + std::to_string(most) + " bytes"};
  std::string text(size, '\0');
  const auto made = ZSTD_decompress(text.data(), text.size(), packed.data(), packed.size());
  if (ZSTD_isError(made) || made != size) return Error{Failure::corrupt, Side::local, false, "compressed text is damaged"};
  return text;
}

}  // namespace weir
