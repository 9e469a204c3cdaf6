#include "proxy/proof_cache.h"

#include "proxy/upstream/registry_client.h"
#include "tests/unit/oci/values.h"

#include <doctest/doctest.h>

using namespace weir;
using namespace weir::testing;

namespace {

std::shared_ptr<RegistryClient> some_upstream(const Clock& clock) {
  UpstreamOptions options;
  options.name = "up";
  options.urls = {"http://127.0.0.1:1"};
  return *RegistryClient::make(clock, options, {});
}

}  // namespace

TEST_CASE("a proof counts for its caller, its repository and its upstream, for five minutes") {
  ManualClock clock;
  ProofCache proofs(clock);
  const auto upstream = some_upstream(clock), reloaded = some_upstream(clock);
  const Name app("up", path_of("app")), other("up", path_of("other"));
  const auto key = proofs.key(app, "Basic Ym9iOnNlY3JldA==");
  CHECK_FALSE(proofs.holds(key, upstream));
  proofs.insert(key, upstream);
  CHECK(proofs.holds(key, upstream));
  CHECK_FALSE(proofs.holds(proofs.key(app, "Basic ZXZlOmd1ZXNz"), upstream));
  CHECK_FALSE(proofs.holds(proofs.key(app, ""), upstream));
  CHECK_FALSE(proofs.holds(proofs.key(other, "Basic Ym9iOnNlY3JldA=="), upstream));
  CHECK_FALSE(proofs.holds(key, reloaded));
  clock.advance(ProofCache::kLife - Milliseconds(1));
  CHECK(proofs.holds(key, upstream));
  clock.advance(Milliseconds(1));
  CHECK_FALSE(proofs.holds(key, upstream));
}

TEST_CASE("a proof of an upstream that is gone counts for none that comes after it") {
  ManualClock clock;
  ProofCache proofs(clock);
  auto upstream = some_upstream(clock);
  const auto key = proofs.key(Name("up", path_of("app")), "");
  proofs.insert(key, upstream);
  upstream = some_upstream(clock);
  CHECK_FALSE(proofs.holds(key, upstream));
}

TEST_CASE("what stands for a caller is this process's own, and holds nothing of the credential") {
  ManualClock clock;
  const ProofCache one(clock), another(clock);
  const Name app("up", path_of("app"));
  CHECK(one.key(app, "Bearer token") == one.key(app, "Bearer token"));
  CHECK(one.key(app, "Bearer token") != another.key(app, "Bearer token"));
  CHECK(one.key(app, "Bearer token").find("token") == std::string::npos);
  CHECK(one.key(app, "Bearer token").size() == 32);
}
