#include "proxy/http/chunk_reader.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "proxy/http/head_check.h"

namespace weir {
namespace {

constexpr std::size_t kMostLineBytes = 8 << 10;
constexpr std::size_t kMostSizeDigits = 16;

Error bad(const char* what) { return Error{Failure::invalid, Side::client, false, what}; }

// The line in front, without its CR LF; nothing when it is not complete yet.
Result<std::optional<std::string_view>> line_of(std::string_view bytes) {
  const auto end = bytes.find_first_of("\r\n");
  if (end > kMostLineBytes && bytes.size() > kMostLineBytes) return bad("a line of chunk framing over 8 KiB");
  if (end == std::string_view::npos) return std::optional<std::string_view>();
  if (bytes[end] == '\n') return bad("a line of chunk framing that ends with a bare LF");
  if (end + 1 == bytes.size()) return std::optional<std::string_view>();
  if (bytes[end + 1] != '\n') return bad("a bare CR in chunk framing");
  return std::optional(bytes.substr(0, end));
}

bool has_control(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](unsigned char c) { return (c < 0x20 && c != '\t') || c == 0x7f; });
}

}  // namespace

Result<ChunkReader::Part> ChunkReader::next(std::string_view bytes) {
  switch (at_) {
    case At::size: return read_size(bytes);
    case At::data_end: return read_data_end(bytes);
    case At::trailers: return read_trailer(bytes);
    case At::data: break;
  }
  const auto count = std::min<std::uint64_t>(left_, bytes.size());
  left_ -= count;
  if (left_ == 0) at_ = At::data_end;
  return Part{count, bytes.substr(0, count), false};
}

Result<ChunkReader::Part> ChunkReader::read_size(std::string_view bytes) {
  auto line = line_of(bytes);
  if (!line) return std::move(line).error();
  if (!*line) return Part{};
  const auto text = **line;
  const auto digits = std::min(text.find_first_not_of("0123456789abcdefABCDEF"), text.size());
  if (digits == 0 || digits > kMostSizeDigits) return bad("a chunk size that is not hexadecimal, or not of 64 bits");
  const auto rest = text.substr(digits);
  const auto extension = rest.find_first_not_of(" \t");
  if (!rest.empty() && (extension == std::string_view::npos || rest[extension] != ';'))
    return bad("a chunk size with something behind it");
  if (has_control(rest)) return bad("a control character in a chunk extension");
  std::from_chars(text.data(), text.data() + digits, left_, 16);
  at_ = left_ > 0 ? At::data : At::trailers;
  return Part{text.size() + 2, {}, false};
}

Result<ChunkReader::Part> ChunkReader::read_data_end(std::string_view bytes) {
  if (!std::string_view("\r\n").starts_with(bytes.substr(0, 2))) return bad("a chunk longer or shorter than its size");
  if (bytes.size() < 2) return Part{};
  at_ = At::size;
  return Part{2, {}, false};
}

Result<ChunkReader::Part> ChunkReader::read_trailer(std::string_view bytes) {
  auto line = line_of(bytes);
  if (!line) return std::move(line).error();
  if (!*line) return Part{};
  const auto text = **line;
  trailer_bytes_ += text.size() + 2;
  if (trailer_bytes_ > kMostHeadBytes) return bad("trailers of more than 32 KiB");
  if (const char* wrong = text.empty() ? nullptr : check_trailer(text)) return bad(wrong);
  return Part{text.size() + 2, {}, text.empty()};
}

}  // namespace weir
