#include "proxy/http/head_check.h"

#include "base/text.h"

namespace weir {
namespace {

bool token_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

bool control(char c) { return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f; }

// METHOD SP target SP HTTP/1.0|1.1, single spaces.
const char* check_request_line(std::string_view line, bool& version_1_1) {
  const auto first = line.find(' ');
  const auto last = line.rfind(' ');
  if (first == std::string_view::npos || first == 0 || last == first) return "the request line has not three parts";
  for (const char c : line.substr(0, first)) {
    if (!token_char(c)) return "the method is not a token";
  }
  const auto target = line.substr(first + 1, last - first - 1);
  if (target.empty() || target.find(' ') != std::string_view::npos) return "the target is empty or has a space";
  for (const char c : target) {
    if (control(c) || c == '\t' || static_cast<unsigned char>(c) > 0x7e) return "the target has a character that is not allowed";
  }
  const auto version = line.substr(last + 1);
  version_1_1 = version == "HTTP/1.1";
  if (!version_1_1 && version != "HTTP/1.0") return "the version is neither HTTP/1.1 nor HTTP/1.0";
  return nullptr;
}

struct Seen {
  unsigned hosts = 0, lengths = 0, encodings = 0;
};

// Of a line that is not empty.
const char* check_field_shape(std::string_view line) {
  if (line[0] == ' ' || line[0] == '\t') return "a folded header line";
  const auto colon = line.find(':');
  if (colon == std::string_view::npos || colon == 0) return "a header line without a name";
  for (const char c : line.substr(0, colon)) {
    if (!token_char(c)) return "a header name that is not a token";
  }
  for (const char c : line.substr(colon + 1)) {
    if (control(c)) return "a control character in a header";
  }
  return nullptr;
}

const char* check_field(std::string_view line, bool version_1_1, Seen& seen) {
  if (const char* bad = check_field_shape(line)) return bad;
  const auto colon = line.find(':');
  const auto name = line.substr(0, colon);
  const auto value = trim(line.substr(colon + 1));
  if (equal_ignoring_case(name, "Host")) {
    if (++seen.hosts > 1) return "two Host headers";
    if (value.find_first_of(" \t,/@") != std::string_view::npos) return "a Host that is no host";
  } else if (equal_ignoring_case(name, "Content-Length")) {
    if (++seen.lengths > 1) return "two Content-Length headers";
    if (!parse_number(value)) return "a Content-Length that is not a number";
  } else if (equal_ignoring_case(name, "Transfer-Encoding")) {
    if (++seen.encodings > 1 || !version_1_1 || !equal_ignoring_case(value, "chunked")) {
      return "a Transfer-Encoding other than chunked on HTTP/1.1";
    }
  }
  return nullptr;
}

}  // namespace

HeadEnd find_head_end(std::string_view bytes, std::size_t from) {
  for (std::size_t i = from; i < bytes.size(); ++i) {
    const char c = bytes[i];
    if (c == '\0') return {std::nullopt, "a NUL in the head"};
    if (c == '\n' && (i == 0 || bytes[i - 1] != '\r')) return {std::nullopt, "a line that ends with a bare LF"};
    if (c == '\r' && i + 1 < bytes.size() && bytes[i + 1] != '\n') return {std::nullopt, "a bare CR"};
    if (c == '\n' && i >= 3 && bytes[i - 2] == '\n') return {i + 1, nullptr};
  }
  return {};
}

const char* check_head(std::string_view head) {
  bool version_1_1 = false;
  Seen seen;
  bool first = true;
  while (!head.empty()) {
    const auto end = head.find("\r\n");
    if (end == std::string_view::npos) return "a head that does not end";
    const auto line = head.substr(0, end);
    head.remove_prefix(end + 2);
    if (line.empty()) break;
    const char* bad = first ? check_request_line(line, version_1_1) : check_field(line, version_1_1, seen);
    if (bad) return bad;
    first = false;
  }
  if (first) return "an empty head";
  if (version_1_1 && seen.hosts == 0) return "no Host header";
  if (seen.lengths > 0 && seen.encodings > 0) return "both Content-Length and Transfer-Encoding";
  return nullptr;
}

const char* check_trailer(std::string_view line) { return check_field_shape(line); }

}  // namespace weir
