#pragma once
// The door to Boost.Beast's parser: HTTP/1.1 request heads.
// What Beast accepts and we do not is refused before it is asked (head_check.h).

#include <memory>
#include <string_view>

#include "base/result.h"
#include "proxy/http/request.h"

namespace weir {

// `head` is complete, up to and with its empty line. Error (side client): invalid.
Result<std::unique_ptr<HttpRequest>> parse_request_head(std::string_view head);

}  // namespace weir
