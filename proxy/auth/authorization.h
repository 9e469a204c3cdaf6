#pragma once
// The Authorization header of a request (RFC 9110 11.6.2): Basic (RFC 7617) and Bearer (RFC 6750 2.1), read strictly.
//
// Error texts never repeat what the header says.

#include <string>
#include <string_view>
#include <variant>

#include "base/result.h"

namespace weir {

// The bytes that were sent, in whatever encoding. The name has no colon and may be empty, as the password may; neither has a
// control character.
struct BasicCredentials {
  std::string name, password;
};

// One or more characters of token68; what they mean is not looked at.
struct BearerToken {
  std::string token;
};

using Authorization = std::variant<BasicCredentials, BearerToken>;

inline constexpr std::size_t kMostAuthorizationBytes = 24 << 10;

// `value` is one whole field value. The scheme's name has no case.
// Error (client): too_large over kMostAuthorizationBytes; unsupported for another scheme; invalid for all else.
Result<Authorization> parse_authorization(std::string_view value);

}  // namespace weir
