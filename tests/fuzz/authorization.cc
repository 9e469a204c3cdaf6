// Authorization headers of clients.

#include "proxy/auth/authorization.h"

#include "base/text.h"
#include "tests/fuzz/fuzz.h"

using namespace weir;
using namespace weir::fuzzing;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto text = as_text(data, size);
  const auto read = parse_authorization(text);
  if (!read) return 0;
  if (const auto* basic = std::get_if<BasicCredentials>(&*read)) {
    expect(basic->name.find(':') == std::string::npos, "no name has a colon");
    const auto encoded = to_base64(basic->name + ':' + basic->password);
    expect(text.find(encoded) != std::string_view::npos, "what was read is what was written");
    const auto again = parse_authorization("Basic " + encoded);
    expect(again.ok() && std::get<BasicCredentials>(*again).password == basic->password, "written again it is the same");
  } else {
    const auto& token = std::get<BearerToken>(*read).token;
    expect(!token.empty() && text.find(token) != std::string_view::npos, "a token is what was written");
  }
  return 0;
}
