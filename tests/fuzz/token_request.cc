// Queries and forms of the token endpoint.

#include "proxy/auth/token_request.h"
#include "base/text.h"
#include "tests/fuzz/fuzz.h"

using namespace weir;
using namespace weir::fuzzing;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto text = as_text(data, size);
  if (const auto query = parse_token_query(text)) {
    expect(query->scopes.size() <= kMostScopes, "scopes are bounded");
    std::string again = "service=" + percent_encode(query->service) + (query->offline ? "&offline_token=true" : "");
    for (const auto& scope : query->scopes) again += "&scope=" + percent_encode(scope.text());
    const auto same = parse_token_query(again);
    expect(same.ok() && same->service == query->service && same->scopes == query->scopes && same->offline == query->offline,
           "a query that is written is read again");
  }
  if (const auto form = parse_token_form(text)) {
    expect(form->proof != TokenRequest::Proof::header, "a form proves by what is in it");
    expect(form->password.size() <= text.size() && form->refresh_token.size() <= text.size(), "nothing grows");
  }
  return 0;
}
