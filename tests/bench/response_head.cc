#include "response_head.h"

#include <strings.h>

#include <charconv>

namespace bench {
namespace {

bool same(std::string_view a, std::string_view b) {
  return a.size() == b.size() && strncasecmp(a.data(), b.data(), a.size()) == 0;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

template <typename Number>
bool parse_number(std::string_view text, Number& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc{} && end == text.data() + text.size();
}

}  // namespace

std::optional<ResponseHead> parse_response_head(std::string_view head) {
  ResponseHead out;
  if (!head.starts_with("HTTP/1.1 ") || !parse_number(head.substr(9, 3), out.status)) return std::nullopt;
  bool framed = false;
  size_t at = head.find("\r\n") + 2;
  for (size_t end; (end = head.find("\r\n", at)) != std::string_view::npos && end > at; at = end + 2) {
    const std::string_view line = head.substr(at, end - at);
    const size_t colon = line.find(':');
    if (colon == std::string_view::npos) return std::nullopt;
    const std::string_view value = trimmed(line.substr(colon + 1));
    if (same(line.substr(0, colon), "content-length")) {
      if (!parse_number(value, out.body_bytes) || out.body_bytes < 0) return std::nullopt;
      framed = true;
    } else if (same(line.substr(0, colon), "connection")) {
      out.closes = same(value, "close");
    }
  }
  if (!framed) return std::nullopt;
  return out;
}

}  // namespace bench
