#pragma once
// Identity: who asks, and how that is known.

#include <string>
#include <string_view>

namespace weir {

struct Identity {
  enum class How {
    anonymous,    // nobody has said, or nobody we know
    password,     // a user of the users file
    certificate,  // a client certificate
    oidc,         // a token of the OpenID Connect issuer
    token,        // a token of ours
  };
  std::string name = "anonymous";
  How how = How::anonymous;
};

constexpr std::string_view how_name(Identity::How how) {
  constexpr std::string_view kNames[] = {"anonymous", "password", "certificate", "oidc", "token"};
  return kNames[static_cast<std::size_t>(how)];
}

// What may name somebody in rules and logs: 1 to 255 bytes, no blank and no control character among them.
constexpr bool valid_identity(std::string_view name) {
  if (name.empty() || name.size() > 255) return false;
  for (const char c : name) {
    if (static_cast<unsigned char>(c) <= 0x20 || c == 0x7f) return false;
  }
  return true;
}

}  // namespace weir
