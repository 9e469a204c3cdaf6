#include "proxy/auth/authorization.h"

#include "base/text.h"

namespace weir {
namespace {

Error bad_authorization(const char* what) {
  return Error{Failure::invalid, Side::client, false, std::string("the Authorization header ") + what};
}

bool has_control_character(std::string_view text) {
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) return true;
  }
  return false;
}

bool is_token68(std::string_view text) {
  while (text.ends_with('=')) text.remove_suffix(1);
  if (text.empty()) return false;
  for (const char c : text) {
    const bool letter = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    if (!letter && std::string_view("-._~+/").find(c) == std::string_view::npos) return false;
  }
  return true;
}

Result<Authorization> parse_basic(std::string_view encoded) {
  const auto decoded = from_base64(encoded);
  if (!decoded) return bad_authorization("is Basic and no base64");
  if (has_control_character(*decoded)) return bad_authorization("has a control character in its name or password");
  const auto colon = decoded->find(':');
  if (colon == std::string::npos) return bad_authorization("has no colon between name and password");
  return Authorization(BasicCredentials{decoded->substr(0, colon), decoded->substr(colon + 1)});
}

}  // namespace

Result<Authorization> parse_authorization(std::string_view value) {
  if (value.size() > kMostAuthorizationBytes)
    return Error{Failure::too_large, Side::client, false,
                 "the Authorization header is longer than " + std::to_string(kMostAuthorizationBytes) + " bytes"};
  const auto blank = value.find(' ');
  const auto scheme = value.substr(0, blank);
  auto credentials = blank == std::string_view::npos ? std::string_view() : value.substr(blank);
  while (credentials.starts_with(' ')) credentials.remove_prefix(1);
  while (credentials.ends_with(' ')) credentials.remove_suffix(1);
  if (equal_ignoring_case(scheme, "Basic")) return parse_basic(credentials);
  if (!equal_ignoring_case(scheme, "Bearer"))
    return Error{Failure::unsupported, Side::client, false, "the Authorization header is neither Basic nor Bearer"};
  if (!is_token68(credentials)) return bad_authorization("is Bearer and no token");
  return Authorization(BearerToken{std::string(credentials)});
}

}  // namespace weir
