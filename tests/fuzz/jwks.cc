// Sets of public keys that issuers publish.

#include "proxy/auth/jwk.h"
#include "tests/fuzz/fuzz.h"

using namespace weir;
using namespace weir::fuzzing;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto keys = parse_jwks(as_text(data, size));
  if (!keys) return 0;
  expect(!keys->empty() && keys->size() <= 64, "a set holds keys, and not without end");
  const auto again = parse_jwks(jwks_document(*keys));
  expect(again.ok() && again->size() == keys->size(), "a set that is written is read again");
  for (std::size_t i = 0; i < keys->size(); ++i)
    expect(thumbprint(keys->at(i).key) == thumbprint(again->at(i).key), "with the same keys in it");
  return 0;
}
