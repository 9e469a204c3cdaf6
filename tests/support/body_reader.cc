#include "tests/support/body_reader.h"

#include <algorithm>
#include <charconv>
#include <limits>

namespace weir::testing {

namespace {

constexpr std::size_t kLongestChunkLine = 16 * 1024;

bool is_chunked(const Headers& headers) {
  auto coding = headers.get("Transfer-Encoding");
  return coding && equal_ignoring_case(*coding, "chunked");
}

}  // namespace

BodyReader::BodyReader(Stream& stream, Framing framing, std::uint64_t length)
    : stream_(&stream), framing_(framing), left_(length) {
  over_ = framing_ == Framing::none || (framing_ == Framing::length && left_ == 0);
}

BodyReader BodyReader::of_request(Stream& stream, const Headers& headers) {
  if (is_chunked(headers)) return {stream, Framing::chunked, 0};
  auto length = parse_number(headers.value("Content-Length"));
  return length ? BodyReader(stream, Framing::length, *length) : BodyReader(stream, Framing::none, 0);
}

BodyReader BodyReader::of_response(Stream& stream, const ResponseHead& head, bool to_head) {
  if (to_head || head.status / 100 == 1 || head.status == 204 || head.status == 304) return {stream, Framing::none, 0};
  if (is_chunked(head.headers)) return {stream, Framing::chunked, 0};
  auto length = parse_number(head.headers.value("Content-Length"));
  return length ? BodyReader(stream, Framing::length, *length) : BodyReader(stream, Framing::until_end, 0);
}

std::size_t BodyReader::read(char* out, std::size_t size, Deadline deadline) {
  if (over_ || size == 0) return 0;
  if (framing_ == Framing::chunked && left_ == 0 && !begin_chunk(deadline)) return 0;
  auto most = framing_ == Framing::until_end ? std::numeric_limits<std::uint64_t>::max() : left_;
  auto read = stream_->read_some(out, static_cast<std::size_t>(std::min<std::uint64_t>(size, most)), deadline);
  if (read.outcome != Io::done) {
    return stop(read.outcome == Io::ended && framing_ == Framing::until_end ? Io::done : read.outcome);
  }
  if (framing_ == Framing::until_end) return read.count;
  left_ -= read.count;
  if (left_ == 0 && framing_ == Framing::length) over_ = true;
  if (left_ == 0 && framing_ == Framing::chunked) end_chunk(deadline);
  return read.count;
}

// False at the last chunk, whose trailer is read and dropped, and at anything that is no chunk.
bool BodyReader::begin_chunk(Deadline deadline) {
  auto line = stream_->read_until("\r\n", kLongestChunkLine, deadline);
  if (line.outcome != Io::done) return stop(line.outcome) > 0;
  auto [end, error] = std::from_chars(line.text.data(), line.text.data() + line.text.size(), left_, 16);
  if (error != std::errc() || (*end != '\r' && *end != ';' && *end != ' ')) return stop(Io::failed) > 0;
  if (left_ > 0) return true;
  do {
    line = stream_->read_until("\r\n", kLongestChunkLine, deadline);
  } while (line.outcome == Io::done && line.text != "\r\n");
  return stop(line.outcome) > 0;
}

void BodyReader::end_chunk(Deadline deadline) {
  auto line = stream_->read_until("\r\n", kLongestChunkLine, deadline);
  if (line.text != "\r\n") stop(line.outcome == Io::done ? Io::failed : line.outcome);
}

std::size_t BodyReader::stop(Io outcome) {
  over_ = true;
  outcome_ = outcome;
  return 0;
}

}  // namespace weir::testing
