#include "proxy/upstream/router.h"

#include "tests/unit/oci/values.h"

#include <doctest/doctest.h>

using namespace weir;
using namespace weir::testing;

namespace {

UpstreamOptions upstream(const std::string& name, std::vector<std::string> namespaces = {}, bool is_default = false) {
  UpstreamOptions options;
  options.name = name;
  options.urls = {"https://" + name + ".example"};
  options.namespaces = std::move(namespaces);
  options.is_default = is_default;
  return options;
}

struct Routing {
  const ManualClock clock;
  std::shared_ptr<const Router> router;

  explicit Routing(const std::vector<UpstreamOptions>& upstreams) {
    auto made = Router::make(clock, upstreams);
    REQUIRE(made.ok());
    router = *std::move(made);
  }
  // `UPSTREAM NAME`, or the failure.
  std::string routed(const std::string& path, std::optional<std::string_view> ns = std::nullopt,
                     std::string_view host = "weir:5000") const {
    const auto target = router->resolve(path_of(path), ns, host);
    if (!target) return failure_name(target.error().failure);
    return target->upstream->options().name + ' ' + target->repository.text();
  }
};

const std::vector<UpstreamOptions> kThree{upstream("hub", {"docker.io", "registry-1.docker.io"}, true),
                                          upstream("quay", {"quay.io"}), upstream("local", {"registry.local:5000"})};

}  // namespace

TEST_CASE("the ns parameter decides before everything else") {
  const Routing routing(kThree);
  CHECK(routing.routed("prometheus/node", "quay.io") == "quay quay.io/prometheus/node");
  CHECK(routing.routed("quay.io/x", "docker.io", "quay.io") == "hub docker.io/quay.io/x");
  CHECK(routing.routed("a/b", "registry.local:5000") == "local registry.local:5000/a/b");
  CHECK(routing.routed("a/b", "QUAY.io") == "quay quay.io/a/b");
  CHECK(routing.router->resolve(path_of("a"), "Quay.IO", "")->ns == "Quay.IO");  // the answer repeats it as it came
  CHECK(routing.router->resolve(path_of("a"), std::nullopt, "")->ns.empty());
}

TEST_CASE("a path that begins with the host that ns names says it twice (a mirror reached under a path)") {
  const Routing routing(kThree);
  CHECK(routing.routed("quay.io/prometheus/node", "quay.io") == "quay quay.io/prometheus/node");
  CHECK(routing.routed("docker.io/alpine", "registry-1.docker.io") == "hub docker.io/library/alpine");
  CHECK(routing.routed("registry.local:5000/a", "registry.local:5000") == "local registry.local:5000/a");
  // An organisation may be called like its registry, but for the dot.
  const Routing word({upstream("quay", {"quay.io", "quay"})});
  CHECK(word.routed("quay/quay", "quay.io") == "quay quay.io/quay/quay");
  CHECK(word.routed("quay.io", "quay.io") == "quay quay.io/quay.io");
}

TEST_CASE("an ns that names no upstream is not found, though there is a default; one that cannot be a name is invalid") {
  const Routing routing(kThree);
  CHECK(routing.routed("a/b", "ghcr.io") == "not_found");
  CHECK(routing.routed("a/b", "registry.local") == "not_found");
  for (const std::string bad : {"", "a/b", "https://quay.io", "quay.io/", "a b", "quay.io\r\n"})
    CHECK_MESSAGE(routing.routed("a/b", bad) == "invalid", bad);
  CHECK(routing.routed("a/b", std::string(101, 'a')) == "invalid");
}

TEST_CASE("a first component that names an upstream is taken off the path") {
  const Routing routing(kThree);
  CHECK(routing.routed("quay.io/prometheus/node") == "quay quay.io/prometheus/node");
  CHECK(routing.routed("registry.local:5000/a") == "local registry.local:5000/a");
  CHECK(routing.routed("quay.io") == "hub docker.io/library/quay.io");  // alone it is a repository
  CHECK(routing.routed("ghcr.io/a") == "hub docker.io/ghcr.io/a");
  CHECK(routing.routed("docker.io/quay.io/a") == "hub docker.io/quay.io/a");  // once
}

TEST_CASE("then the Host decides, with its port and without") {
  const Routing routing(kThree);
  CHECK(routing.routed("a/b", std::nullopt, "quay.io") == "quay quay.io/a/b");
  CHECK(routing.routed("a/b", std::nullopt, "Quay.IO:8443") == "quay quay.io/a/b");
  CHECK(routing.routed("a/b", std::nullopt, "registry.local:5000") == "local registry.local:5000/a/b");
  CHECK(routing.routed("a/b", std::nullopt, "registry.local:5001") == "hub docker.io/a/b");
  CHECK(routing.routed("a/b", std::nullopt, "") == "hub docker.io/a/b");
  CHECK(routing.routed("a/b", std::nullopt, ":") == "hub docker.io/a/b");
  CHECK(routing.routed("a/b", std::nullopt, "[::1]:5000") == "hub docker.io/a/b");
}

TEST_CASE("Docker Hub's names of one component are in library, nobody else's are") {
  const Routing routing(kThree);
  CHECK(routing.routed("alpine") == "hub docker.io/library/alpine");
  CHECK(routing.routed("docker.io/alpine") == "hub docker.io/library/alpine");
  CHECK(routing.routed("alpine", "docker.io") == "hub docker.io/library/alpine");
  CHECK(routing.routed("alpine", "registry-1.docker.io") == "hub docker.io/library/alpine");
  CHECK(routing.routed("library/alpine") == "hub docker.io/library/alpine");
  CHECK(routing.routed("alpine", "quay.io") == "quay quay.io/alpine");
}

TEST_CASE("whichever name of an upstream is used, the repository is one") {
  const Routing routing(kThree);
  CHECK(routing.routed("a/b", "registry-1.docker.io") == routing.routed("a/b", "docker.io"));
  CHECK(routing.routed("registry-1.docker.io/a/b") == routing.routed("a/b"));
}

TEST_CASE("an upstream without namespaces goes by its own name, in any case") {
  const Routing routing({upstream("Mirror")});
  CHECK(routing.routed("a/b", "mirror") == "Mirror Mirror/a/b");
  CHECK(routing.routed("mirror/a") == "Mirror Mirror/a");
}

TEST_CASE("without a default what names nobody is not found") {
  const Routing routing({upstream("quay", {"quay.io"})});
  CHECK(routing.routed("a/b") == "not_found");
  CHECK(routing.routed("quay.io/a") == "quay quay.io/a");
  CHECK(Routing({}).routed("a/b") == "not_found");
}

TEST_CASE("an upstream whose url does not stand makes no router") {
  const ManualClock clock;
  auto bad = upstream("bad");
  bad.urls = {"ftp://bad"};
  CHECK_FALSE(Router::make(clock, {bad}).ok());
  auto realm = upstream("realm");
  realm.token_realms = {"not a host"};
  CHECK_FALSE(Router::make(clock, {realm}).ok());
}

TEST_CASE("a request without a path means the upstream of its ns, of its Host, or the default") {
  const Routing routing(kThree);
  const auto named = [&](std::optional<std::string_view> ns, std::string_view host) {
    const auto found = routing.router->resolve_host(ns, host);
    return found ? found->options().name : "none";
  };
  CHECK(named("Quay.io", "weir:5000") == "quay");
  CHECK(named("elsewhere.io", "quay.io") == "none");
  CHECK(named(std::nullopt, "quay.io:5000") == "quay");
  CHECK(named(std::nullopt, "registry.local:5000") == "local");
  CHECK(named(std::nullopt, "weir:5000") == "hub");
  CHECK_FALSE(Routing({upstream("only")}).router->resolve_host(std::nullopt, "weir"));
}
