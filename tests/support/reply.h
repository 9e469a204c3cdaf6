// An answer before it is sent: a status, header fields and a part of a content.
#pragma once

#include <cstdint>
#include <string>

#include "tests/support/content.h"
#include "tests/support/http_message.h"

namespace weir::testing {

struct Reply {
  int status = 200;
  Headers headers = {};
  Content content = {};
  std::uint64_t offset = 0;  // the part of the content that is the body
  std::uint64_t length = 0;

  // The whole content as body.
  static Reply whole(int status, Headers headers, Content content);

  static Reply json(int status, std::string text);

  // The distribution specification's error document: {"errors":[{"code":...,"message":...}]}.
  static Reply error(int status, const std::string& code, const std::string& message);
};

// The part of `reply` that the request's Range asks for: 206 or 416, or `reply` itself when there is no Range, more
// than one, a malformed one, or an If-Range that does not name its ETag. REQUIRES: `reply` is a whole content.
Reply ranged(Reply reply, const Request& request);

}  // namespace weir::testing
