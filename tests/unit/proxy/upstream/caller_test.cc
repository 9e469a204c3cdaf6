// Requests that are a caller's and not this site's: its own credentials, and none of ours.
#include "proxy/upstream/registry_client.h"

#include "tests/unit/proxy/upstream/asking.h"

#include <doctest/doctest.h>

using namespace weir;
using namespace weir::testing;

namespace {

constexpr char kCaller[] = "Basic Y2FsbGVyOnNlY3JldA==";  // caller:secret
constexpr char kSite[] = "Basic c2l0ZTpvdXJz";            // site:ours

// A registry that wants bearer tokens, and a realm that gives each user its own.
struct Realm {
  TinyServer server{[this](const TinyServer::Request& request, TinyServer::Peer& peer) {
    const auto authorization = request.header("Authorization");
    if (request.target.starts_with("/token")) {
      if (authorization == kCaller) return peer.send(reply(200, R"({"token":"of-the-caller"})"));
      if (authorization == kSite) return peer.send(reply(200, R"({"token":"of-the-site"})"));
      return peer.send(authorization.empty() ? reply(200, R"({"token":"of-nobody"})") : reply(401));
    }
    if (authorization == "Bearer of-the-caller" || authorization == "Bearer of-the-site") return peer.send(reply(200, "body"));
    return peer.send(reply(401, "", "WWW-Authenticate: Bearer realm=\"" + server.url("/token") + "\",service=\"s\"\r\n"));
  }};
  Asking asking;
  ManualClock clock;
  std::shared_ptr<RegistryClient> client = client_of(clock, options());

  UpstreamOptions options() {
    UpstreamOptions made;
    made.name = "test";
    made.urls = {server.url()};
    made.auth = UpstreamAuth::bearer;
    made.username = "site";
    made.password = "ours";
    return made;
  }
  Fetched ask(std::optional<std::string> caller) {
    auto request = manifest_of("team/app");
    request.caller = std::move(caller);
    return asking.ask_all(*client, request);
  }
};

}  // namespace

TEST_CASE("a caller's password is tried at the upstream, and at the realm that it names") {
  Realm realm;
  CHECK(realm.ask(kCaller).body == "body");
  const auto seen = realm.server.requests();
  REQUIRE(seen.size() == 3);
  CHECK(seen[0].header("Authorization") == kCaller);
  CHECK(seen[1].target == "/token?service=s&scope=repository%3Ateam%2Fapp%3Apull");
  CHECK(seen[1].header("Authorization") == kCaller);
  CHECK(seen[2].header("Authorization") == "Bearer of-the-caller");
}

TEST_CASE("neither this site's tokens help a caller, nor a caller's this site") {
  Realm realm;
  CHECK(realm.ask(std::nullopt).body == "body");
  CHECK(realm.ask("").failed() == "unauthorized");
  CHECK(realm.ask("Basic d3Jvbmc6d3Jvbmc=").failed() == "unauthorized");
  CHECK(realm.ask(kCaller).body == "body");
  const auto before = realm.server.requests().size();
  CHECK(realm.ask(std::nullopt).body == "body");
  CHECK(realm.server.requests().back().header("Authorization") == "Bearer of-the-site");
  CHECK(realm.server.requests().size() == before + 1);
}

TEST_CASE("a caller that brings a token is not led to the realm with it") {
  Realm realm;
  CHECK(realm.ask("Bearer of-the-caller").body == "body");
  CHECK(realm.ask("bearer wrong").failed() == "unauthorized");
  CHECK(realm.server.count("/token") == 0);
}

TEST_CASE("a refused caller is unauthorized also where this site has a password of its own") {
  TinyServer registry([](const TinyServer::Request& request, TinyServer::Peer& peer) {
    const bool known = request.header("Authorization") == kSite;
    return peer.send(known ? reply(200, "body") : reply(401, "", "WWW-Authenticate: Basic realm=\"x\"\r\n"));
  });
  Asking asking;
  ManualClock clock;
  UpstreamOptions options;
  options.name = "test";
  options.urls = {registry.url()};
  options.auth = UpstreamAuth::basic;
  options.username = "site";
  options.password = "ours";
  const auto client = client_of(clock, options);
  auto request = manifest_of("app");
  request.caller = kCaller;
  CHECK(asking.ask_all(*client, request).failed() == "unauthorized");
  request.caller.reset();
  CHECK(asking.ask_all(*client, request).body == "body");
}

TEST_CASE("a caller's password does not go to a realm that the configuration does not name, nor where a redirect leads") {
  TinyServer stranger([](const TinyServer::Request&, TinyServer::Peer& peer) { return peer.send(reply(200, R"({"token":"t"})")); });
  TinyServer registry([&stranger](const TinyServer::Request& request, TinyServer::Peer& peer) {
    if (request.target.find("/moved/") != std::string::npos)
      return peer.send(reply(307, "", "Location: " + stranger.url("/x") + "\r\n"));
    return peer.send(reply(401, "", "WWW-Authenticate: Bearer realm=\"" + stranger.named_url("/token") + "\"\r\n"));
  });
  Asking asking;
  ManualClock clock;
  UpstreamOptions options;
  options.name = "test";
  options.urls = {registry.url()};
  const auto client = client_of(clock, options, {"localhost"});
  auto request = manifest_of("app");
  request.caller = kCaller;
  CHECK(asking.ask_all(*client, request).failed() == "refused");
  CHECK(stranger.requests().empty());
  request = manifest_of("moved");
  request.caller = kCaller;
  CHECK(asking.ask_all(*client, request).status == 200);
  REQUIRE(stranger.requests().size() == 1);
  CHECK(stranger.requests()[0].header("Authorization").empty());
}
