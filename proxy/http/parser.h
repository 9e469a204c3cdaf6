#pragma once
// The door to Boost.Beast's parser: HTTP/1.1 request heads and chunk framing.
// What Beast accepts and we do not is refused before it is asked (head_check.h).

#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "proxy/http/request.h"

namespace weir {

// One request, from its head to the end of its body.
class RequestParser {
 public:
  RequestParser();
  ~RequestParser();
  RequestParser& operator=(RequestParser&&) noexcept;

  // `head` is complete, up to and with its empty line. Error (side client): invalid.
  Result<std::unique_ptr<HttpRequest>> parse_head(std::string_view head);

  struct BodyPart {
    std::size_t consumed = 0;
    std::string data;
    bool done = false;
  };
  // After parse_head() of a chunked request: takes what it can of `bytes`. Nothing consumed: more bytes are needed.
  // Error (side client): invalid chunk framing.
  Result<BodyPart> parse_chunks(std::string_view bytes);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace weir
