// JSON Web Tokens, and what their claims make of a clock.

#include "proxy/auth/jwt.h"
#include "base/text.h"
#include "tests/fuzz/fuzz.h"

using namespace weir;
using namespace weir::fuzzing;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const PrivateKey key = PrivateKey::generate();
  const auto text = as_text(data, size);
  // As it is; and as header and payload in the clear, so that the search need not invent base64.
  std::string_view rest = text;
  const auto header = take_line(rest);
  const auto made = to_base64url(header) + '.' + to_base64url(rest) + ".AAAA";
  for (const std::string_view token : {text, std::string_view(made)}) {
    const auto jwt = parse_jwt(token);
    if (!jwt) continue;
    expect(token.size() <= Jwt::kMostBytes, "a token is bounded");
    expect(looks_like_jwt(token) || !token.starts_with("ey"), "what is read as a token looks like one");
    expect(token.starts_with(jwt->message), "what is signed is the token's beginning");
    expect(!verify_jwt(*jwt, key.public_key()), "nobody guesses a signature");
    if (check_times(jwt->claims, 1'000'000, Seconds(60))) {
      expect(jwt->claims.exp && *jwt->claims.exp + 60 > 1'000'000, "what has ended is over");
      expect(!check_times(jwt->claims, *jwt->claims.exp + 60, Seconds(60)), "everything ends");
    }
    // Our own tokens say nothing that could not be read again.
    const auto again = parse_jwt(sign_jwt(jwt->claims, key, jwt->kid));
    if (!again) continue;  // bytes that are not UTF-8 or that grow over the limit
    expect(verify_jwt(*again, key.public_key()).ok(), "what we sign we verify");
    expect(again->claims.exp == jwt->claims.exp && again->claims.access.size() == jwt->claims.access.size(), "claims survive");
  }
  return 0;
}
