// WWW-Authenticate headers of upstreams.

#include "proxy/upstream/challenge.h"
#include "tests/fuzz/fuzz.h"

using namespace weir;
using namespace weir::fuzzing;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto text = as_text(data, size);
  const auto challenge = parse_challenge(text);
  if (!challenge) return 0;
  if (challenge->scheme == Challenge::Scheme::bearer) expect(!challenge->realm.empty(), "a bearer challenge names its realm");
  for (const auto& value : {challenge->realm, challenge->service, challenge->scope})
    expect(value.size() <= text.size(), "no value is longer than the header");
  return 0;
}
