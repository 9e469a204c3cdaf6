#include "tests/support/http_message.h"

#include <strings.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>

namespace weir::testing {

namespace {

std::string_view trim(std::string_view text) {
  auto first = text.find_first_not_of(" \t");
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

// Takes one line off the front of `text`, without its end.
std::string_view take_line(std::string_view& text) {
  auto end = text.find('\n');
  auto line = text.substr(0, end);
  text.remove_prefix(end == text.npos ? text.size() : end + 1);
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

std::optional<Headers> parse_fields(std::string_view text) {
  Headers headers;
  while (!text.empty()) {
    auto line = take_line(text);
    if (line.empty()) return headers;
    auto colon = line.find(':');
    if (colon == line.npos || colon == 0) return std::nullopt;
    headers.add(std::string(line.substr(0, colon)), std::string(trim(line.substr(colon + 1))));
  }
  return std::nullopt;
}

std::string percent_decoded(std::string_view text) {
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+') {
      result += ' ';
    } else if (text[i] == '%' && i + 2 < text.size()) {
      result += static_cast<char>(std::strtol(std::string(text.substr(i + 1, 2)).c_str(), nullptr, 16));
      i += 2;
    } else {
      result += text[i];
    }
  }
  return result;
}

}  // namespace

void Headers::add(std::string name, std::string value) { fields_.emplace_back(std::move(name), std::move(value)); }

void Headers::set(std::string name, std::string value) {
  remove(name);
  add(std::move(name), std::move(value));
}

void Headers::remove(std::string_view name) {
  std::erase_if(fields_, [&](const Field& field) { return equal_ignoring_case(field.first, name); });
}

std::optional<std::string> Headers::get(std::string_view name) const {
  for (const auto& [key, value] : fields_) {
    if (equal_ignoring_case(key, name)) return value;
  }
  return std::nullopt;
}

std::vector<std::string> Headers::all(std::string_view name) const {
  std::vector<std::string> values;
  for (const auto& [key, value] : fields_) {
    if (equal_ignoring_case(key, name)) values.push_back(value);
  }
  return values;
}

std::string Headers::text() const {
  std::string result;
  for (const auto& [name, value] : fields_) result += name + ": " + value + "\r\n";
  return result;
}

std::string Request::query() const {
  auto mark = target.find('?');
  return mark == target.npos ? "" : target.substr(mark + 1);
}

std::vector<std::string> Request::parameters(std::string_view name) const { return form_values(query(), name); }

std::string Request::parameter(std::string_view name) const {
  auto values = parameters(name);
  return values.empty() ? "" : values.front();
}

std::optional<Request> parse_request_head(std::string_view head) {
  auto line = take_line(head);
  auto first = line.find(' ');
  auto last = line.rfind(' ');
  if (first == line.npos || last == first) return std::nullopt;
  auto headers = parse_fields(head);
  if (!headers) return std::nullopt;
  return Request{std::string(line.substr(0, first)), std::string(line.substr(first + 1, last - first - 1)),
                 std::string(line.substr(last + 1)), std::move(*headers), ""};
}

std::optional<ResponseHead> parse_response_head(std::string_view head) {
  auto line = take_line(head);
  auto space = line.find(' ');
  if (!line.starts_with("HTTP/") || space == line.npos) return std::nullopt;
  auto rest = line.substr(space + 1);
  auto status = parse_number(rest.substr(0, 3));
  if (!status || *status < 100 || (rest.size() > 3 && rest[3] != ' ')) return std::nullopt;
  auto headers = parse_fields(head);
  if (!headers) return std::nullopt;
  return ResponseHead{static_cast<int>(*status), std::string(rest.size() > 4 ? rest.substr(4) : ""),
                      std::string(line.substr(0, space)), std::move(*headers)};
}

std::vector<std::string> form_values(std::string_view form, std::string_view name) {
  std::vector<std::string> values;
  while (!form.empty()) {
    auto end = form.find('&');
    auto pair = form.substr(0, end);
    form.remove_prefix(end == form.npos ? form.size() : end + 1);
    auto equals = pair.find('=');
    if (percent_decoded(pair.substr(0, equals)) != name) continue;
    values.push_back(equals == pair.npos ? "" : percent_decoded(pair.substr(equals + 1)));
  }
  return values;
}

std::optional<std::uint64_t> parse_number(std::string_view text) {
  std::uint64_t value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  return a.size() == b.size() && ::strncasecmp(a.data(), b.data(), a.size()) == 0;
}

std::string_view reason_phrase(int status) {
  static constexpr std::pair<int, std::string_view> kPhrases[] = {
      {100, "Continue"},
      {200, "OK"},
      {201, "Created"},
      {202, "Accepted"},
      {204, "No Content"},
      {206, "Partial Content"},
      {301, "Moved Permanently"},
      {302, "Found"},
      {303, "See Other"},
      {304, "Not Modified"},
      {307, "Temporary Redirect"},
      {308, "Permanent Redirect"},
      {400, "Bad Request"},
      {401, "Unauthorized"},
      {403, "Forbidden"},
      {404, "Not Found"},
      {405, "Method Not Allowed"},
      {408, "Request Timeout"},
      {416, "Range Not Satisfiable"},
      {429, "Too Many Requests"},
      {500, "Internal Server Error"},
      {502, "Bad Gateway"},
      {503, "Service Unavailable"},
      {504, "Gateway Timeout"},
  };
  auto found = std::ranges::find(kPhrases, status, &std::pair<int, std::string_view>::first);
  return found == std::end(kPhrases) ? "Status" : found->second;
}

}  // namespace weir::testing
