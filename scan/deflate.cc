#include "scan/deflate.h"

#include <zlib.h>

#include <algorithm>

namespace weir {
namespace {

constexpr std::size_t kStep = 64 << 10;
constexpr int kRaw = -15, kWithHead = 15;  // window bits

Result<std::string> inflate_whole(std::span<const std::byte> packed, std::uint64_t most, int window) {
  z_stream stream{};
  if (::inflateInit2(&stream, window) != Z_OK) return Error{Failure::overloaded, Side::local, true, "no memory to inflate"};
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(packed.data()));
  std::size_t left = packed.size();
  std::string text;
  int code = Z_OK;
  while (code == Z_OK && text.size() <= most) {
    const auto had = text.size();
    text.resize(had + kStep);
    const auto given = static_cast<uInt>(std::min<std::size_t>(left, 1u << 30));
    stream.avail_in = given;
    stream.next_out = reinterpret_cast<Bytef*>(text.data()) + had;
    stream.avail_out = kStep;
    code = ::inflate(&stream, Z_NO_FLUSH);
    left -= given - stream.avail_in;
    text.resize(had + kStep - stream.avail_out);
  }
  ::inflateEnd(&stream);
  if (text.size() > most) return Error{Failure::too_large, Side::upstream, false, "limit reached: inflated bytes"};
  if (code != Z_STREAM_END) return Error{Failure::corrupt, Side::upstream, false, "deflated data is damaged"};
  return text;
}

}  // namespace

Result<std::string> inflate_raw(std::span<const std::byte> packed, std::uint64_t most) {
  return inflate_whole(packed, most, kRaw);
}
Result<std::string> inflate_zlib(std::span<const std::byte> packed, std::uint64_t most) {
  return inflate_whole(packed, most, kWithHead);
}

}  // namespace weir
