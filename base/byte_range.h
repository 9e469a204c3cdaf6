#pragma once
// Byte ranges (RFC 9110 section 14).

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace weir {

// Positions of bytes, both ends included.
struct ByteRange {
  std::uint64_t first = 0, last = 0;
  std::uint64_t length() const noexcept { return last - first + 1; }
  friend bool operator==(const ByteRange&, const ByteRange&) = default;
};

struct RangeAnswer {
  enum class Kind { whole, partial, unsatisfiable };
  Kind kind = Kind::whole;
  std::vector<ByteRange> ranges;  // when partial, in the order asked
};

// What a Range header asks of `size` bytes. Anything that is not a well-formed `bytes=` list, or that asks for more than
// 64 ranges or for more bytes than there are, is answered whole, as the RFC allows.
RangeAnswer resolve_range(std::optional<std::string_view> header, std::uint64_t size);

// `bytes 0-9/100`
std::string content_range(const ByteRange& range, std::uint64_t size);

// The first position and the total of an answer's Content-Range; nothing for any other form. Total `*` is no size.
struct ContentRange {
  ByteRange range;
  std::optional<std::uint64_t> size;
};
std::optional<ContentRange> parse_content_range(std::string_view header);

}  // namespace weir
