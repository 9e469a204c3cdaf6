// Scopes of token requests.

#include "proxy/auth/scope.h"
#include "oci/name.h"
#include "tests/fuzz/fuzz.h"

using namespace weir;
using namespace weir::fuzzing;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto text = as_text(data, size);
  const auto scopes = parse_scopes(text);
  if (!scopes) return 0;
  expect(scopes->size() <= kMostScopes && text.size() <= kMostScopeBytes, "scopes are bounded");
  std::string again;
  for (const auto& scope : *scopes) {
    expect(RepositoryPath::parse(scope.name).ok(), "a resource is named as a repository is");
    again += (again.empty() ? "" : " ") + scope.text();
  }
  const auto same = parse_scopes(again);
  expect(same.ok() && *same == *scopes, "a scope that is written is read again");
  return 0;
}
