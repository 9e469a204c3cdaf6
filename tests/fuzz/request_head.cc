// Request heads: whatever is accepted has no shape by which another program could see another request in it.

#include <algorithm>

#include "proxy/http/head_check.h"
#include "proxy/http/parser.h"
#include "tests/fuzz/fuzz.h"

using namespace weir;
using namespace weir::fuzzing;

namespace {

struct Line {
  std::string_view name, value;
};

bool token(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return c > 0x20 && c < 0x7f && std::string_view("()<>@,;:\\\"/[]?={}").find(c) == std::string_view::npos;
  });
}

// The header lines of an accepted head, read by nothing but CR LF and the first colon.
std::vector<Line> naive_lines(std::string_view head) {
  std::vector<Line> lines;
  head.remove_prefix(head.find("\r\n") + 2);
  while (!head.starts_with("\r\n")) {
    const auto end = head.find("\r\n");
    expect(end != std::string_view::npos, "every line ends in CR LF");
    const auto line = head.substr(0, end);
    const auto colon = line.find(':');
    expect(colon != std::string_view::npos && token(line.substr(0, colon)), "every header has a name that is a token");
    lines.push_back({line.substr(0, colon), trim(line.substr(colon + 1))});
    head.remove_prefix(end + 2);
  }
  expect(head.size() == 2, "nothing stands behind the empty line");
  return lines;
}

void check_accepted(std::string_view head, const HttpRequest& request) {
  for (std::size_t i = 0; i < head.size(); ++i) {
    const auto c = static_cast<unsigned char>(head[i]);
    expect((c >= 0x20 && c != 0x7f) || c == '\t' || (c == '\r' && head[i + 1] == '\n') || (c == '\n' && head[i - 1] == '\r'),
           "no control character but CR LF and tabs");
  }
  const auto line = head.substr(0, head.find("\r\n"));
  expect(std::count(line.begin(), line.end(), ' ') == 2, "the request line has two spaces");
  expect(line.ends_with(request.minor_version == 1 ? " HTTP/1.1" : " HTTP/1.0"), "the version is the line's");
  expect(token(request.method) && line.starts_with(std::string(request.method) + ' '), "the method is the line's");
  expect(request.target.starts_with('/') && line.find(' ' + std::string(request.target) + ' ') != std::string_view::npos,
         "the target is the line's, and a path");
  expect(request.path.size() + request.query.size() <= request.target.size(), "path and query are of the target");

  const auto lines = naive_lines(head);
  expect(lines.size() == request.fields.size(), "as many headers as lines");
  unsigned hosts = 0, lengths = 0, encodings = 0;
  std::string_view length;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    expect(lines[i].name == request.fields[i].name && lines[i].value == request.fields[i].value, "each header is its line");
    if (equal_ignoring_case(lines[i].name, "Host")) ++hosts;
    if (equal_ignoring_case(lines[i].name, "Content-Length")) ++lengths, length = lines[i].value;
    if (equal_ignoring_case(lines[i].name, "Transfer-Encoding")) {
      ++encodings;
      expect(equal_ignoring_case(lines[i].value, "chunked"), "no encoding but chunked");
    }
  }
  expect(request.minor_version == 1 ? hosts == 1 : hosts <= 1, "exactly one Host on HTTP/1.1, at most one on 1.0");
  expect(lengths <= 1 && encodings <= 1 && lengths + encodings <= 1, "one thing says how long the body is");
  expect(encodings == 0 || request.minor_version == 1, "no chunks on HTTP/1.0");
  expect((request.body == HttpRequest::Body::chunked) == (encodings == 1), "chunks are chunks");
  const auto number = lengths ? parse_number(length) : std::optional<std::uint64_t>(0);
  expect(number.has_value(), "a length is a number");
  expect((request.body == HttpRequest::Body::length) == (*number > 0) && request.content_length == *number,
         "the length is the header's");
  expect(!request.expect_continue || request.body != HttpRequest::Body::none, "nothing waits for a body that is not there");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto bytes = as_text(data, size);
  const auto found = find_head_end(bytes);
  expect(!found.end || *found.end <= bytes.size(), "an end lies within");

  // As a connection finds it: piece by piece, each look starting one byte before where the last one ended.
  HeadEnd piecewise;
  std::size_t looked = 0;
  for (std::size_t have = 1; have <= bytes.size() && !piecewise.end && !piecewise.bad; ++have) {
    piecewise = find_head_end(bytes.substr(0, have), looked > 0 ? looked - 1 : 0);
    looked = have;
  }
  expect(piecewise.end == found.end && (piecewise.bad == nullptr) == (found.bad == nullptr), "pieces are found as the whole");
  if (!found.end || *found.end > kMostHeadBytes) return 0;

  const auto head = bytes.substr(0, *found.end);
  const auto request = parse_request_head(head);
  expect(!request || !check_head(head), "what the check refuses is refused");
  if (request) check_accepted(head, **request);
  return 0;
}
