#pragma once
// ResponseHead: status line and headers of an answer, built as the text that is sent.

#include <cstdint>
#include <string>
#include <string_view>

namespace weir {

std::string_view reason_phrase(int status) noexcept;

class ResponseHead {
 public:
  explicit ResponseHead(int status, std::string_view reason = {});

  int status() const noexcept { return status_; }
  // A control character in a value becomes a space: no header ends where its value does not.
  ResponseHead& add(std::string_view name, std::string_view value);
  ResponseHead& add(std::string_view name, std::uint64_t value) { return add(name, std::to_string(value)); }

  // Status line and headers so far, each with its CR LF, without the empty line.
  const std::string& text() const noexcept { return text_; }

 private:
  int status_;
  std::string text_;
};

}  // namespace weir
