#pragma once
// HttpRequest: one request's head as values (RFC 9110, RFC 9112).

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/text.h"

namespace weir {

struct HttpRequest {
  enum class Body { none, length, chunked };

  std::string_view method;   // as sent
  std::string_view target;   // as sent, origin-form
  std::string_view path, query;
  unsigned minor_version = 1;  // of HTTP/1.x
  struct Field {
    std::string_view name, value;
  };
  std::vector<Field> fields;
  Body body = Body::none;
  std::uint64_t content_length = 0;
  bool keep_alive = true;
  bool expect_continue = false;

  bool is_head() const noexcept { return method == "HEAD"; }
  bool is_get() const noexcept { return method == "GET" || is_head(); }

  // The first line of that name.
  std::optional<std::string_view> header(std::string_view name) const {
    for (const auto& field : fields) {
      if (equal_ignoring_case(field.name, name)) return field.value;
    }
    return std::nullopt;
  }
  // All lines of that name as one list (RFC 9110 5.3): clients send Accept in one line or in six.
  std::string header_list(std::string_view name) const {
    std::string list;
    for (const auto& field : fields) {
      if (!equal_ignoring_case(field.name, name)) continue;
      if (!list.empty()) list += ", ";
      list += field.value;
    }
    return list;
  }

  // The bytes all views point into.
  std::string head;
};

}  // namespace weir
