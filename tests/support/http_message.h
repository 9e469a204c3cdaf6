// The head of an HTTP/1.1 message as a value: what was on the wire, with little interpretation.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace weir::testing {

// Header fields in the order of the wire; names compare without case and may repeat.
class Headers {
 public:
  using Field = std::pair<std::string, std::string>;

  Headers() = default;
  Headers(std::initializer_list<Field> fields) : fields_(fields) {}

  void add(std::string name, std::string value);
  void set(std::string name, std::string value);  // replaces all of that name
  void remove(std::string_view name);

  bool has(std::string_view name) const { return get(name).has_value(); }
  std::optional<std::string> get(std::string_view name) const;  // the first
  std::string value(std::string_view name) const { return get(name).value_or(""); }
  std::vector<std::string> all(std::string_view name) const;
  std::size_t size() const { return fields_.size(); }
  auto begin() const { return fields_.begin(); }
  auto end() const { return fields_.end(); }

  // "Name: value\r\n" for each field.
  std::string text() const;

 private:
  std::vector<Field> fields_;
};

struct Request {
  std::string method;
  std::string target;  // path and query, as sent
  std::string version;
  Headers headers;
  std::string body;  // at most the first 64 KiB of what came

  std::string path() const { return target.substr(0, target.find('?')); }
  std::string query() const;

  // The decoded values of a query parameter, in order.
  std::vector<std::string> parameters(std::string_view name) const;
  std::string parameter(std::string_view name) const;  // the first, or empty
};

struct ResponseHead {
  int status = 0;  // 0: there was none
  std::string reason = {};
  std::string version = {};
  Headers headers = {};
};

// `head` ends with the empty line. Nothing when the first line or a field line is not one.
std::optional<Request> parse_request_head(std::string_view head);
std::optional<ResponseHead> parse_response_head(std::string_view head);

// Values named `name` in application/x-www-form-urlencoded text.
std::vector<std::string> form_values(std::string_view form, std::string_view name);

// A decimal number and nothing else.
std::optional<std::uint64_t> parse_number(std::string_view text);

bool equal_ignoring_case(std::string_view a, std::string_view b);

// The usual reason phrase of a status, or "Status".
std::string_view reason_phrase(int status);

}  // namespace weir::testing
