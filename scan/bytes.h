#pragma once
// What the readers of this room share: views of bytes, numbers in them, and the errors of bytes that come from anybody.
// Thread: any. Pure functions.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

namespace weir {

using Bytes = std::span<const std::byte>;

inline Bytes bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }
inline std::string_view text_of(Bytes bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }

// The number of `width` bytes at `offset`. REQUIRES: they are there.
inline std::uint64_t little_endian(Bytes bytes, std::size_t offset, std::size_t width) {
  std::uint64_t number = 0;
  for (std::size_t i = width; i-- > 0;) number = number << 8 | static_cast<std::uint64_t>(bytes[offset + i]);
  return number;
}
inline std::uint64_t big_endian(Bytes bytes, std::size_t offset, std::size_t width) {
  std::uint64_t number = 0;
  for (std::size_t i = 0; i < width; ++i) number = number << 8 | static_cast<std::uint64_t>(bytes[offset + i]);
  return number;
}
inline bool has_magic(Bytes bytes, std::size_t offset, std::string_view magic) {
  return offset <= bytes.size() && bytes.size() - offset >= magic.size() && text_of(bytes.subspan(offset, magic.size())) == magic;
}

// A name, a version or a licence that is longer is cut.
constexpr std::size_t kLongestField = 1024;
inline std::string field(std::string_view text) { return std::string(text.substr(0, kLongestField)); }

inline Error damaged(std::string what) { return Error{Failure::corrupt, Side::upstream, false, std::move(what)}; }
inline Error limit_reached(std::string_view name) {
  return Error{Failure::too_large, Side::upstream, false, "limit reached: " + std::string(name)};
}

}  // namespace weir
