// The head of an HTTP/1.1 response, as far as a load generator must know it.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace bench {

struct ResponseHead {
  int status = 0;
  int64_t body_bytes = 0;
  bool closes = false;  // the server announced `Connection: close`
};

// `head` ends with its empty line. Nothing when it is no response, or its body is not framed by a Content-Length.
std::optional<ResponseHead> parse_response_head(std::string_view head);

}  // namespace bench
