// Bearer tokens: fetched once for many, kept while they are good, and the realm left alone when it fails.

#include "tests/unit/proxy/upstream/asking.h"

#include <doctest/doctest.h>

using namespace weir;
using namespace weir::testing;
using Request = TinyServer::Request;
using Peer = TinyServer::Peer;

namespace {

// A registry that wants a token, and the realm that issues it, on one port.
struct Guarded {
  std::mutex mutex;
  std::string good = "token-1";                                            // guarded by mutex: what the registry takes
  std::function<std::string(const Request&)> issue = [this](const Request&) {  // guarded by mutex: the realm's whole answer
    return reply(200, R"({"token":")" + good + R"(","expires_in":300})");
  };
  std::string challenge;                                                   // guarded by mutex: instead of the usual one
  TinyServer server{[this](const Request& request, Peer& peer) {
    std::lock_guard lock(mutex);
    if (request.target.starts_with("/token")) return peer.send(issue(request));
    if (request.header("Authorization") == "Bearer " + good) return peer.send(reply(200, "body"));
    const auto wanted = challenge.empty()
                            ? "Bearer realm=\"" + server.url("/token") + "\",service=\"s\",scope=\"repository:a:pull\""
                            : challenge;
    return peer.send(reply(401, "no", "WWW-Authenticate: " + wanted + "\r\n"));
  }};
  Asking asking;
  ManualClock clock;
  std::shared_ptr<RegistryClient> client = client_of(clock, options());

  UpstreamOptions options() {
    UpstreamOptions made;
    made.name = "test";
    made.urls = {server.url()};
    return made;
  }
  Fetched ask(const std::string& repository = "a") { return asking.ask_all(*client, manifest_of(repository)); }
  std::size_t tokens() { return server.count("/token"); }
  template <typename Change>
  void change(Change what) {
    std::lock_guard lock(mutex);
    what();
  }
};

}  // namespace

TEST_CASE("a token is asked for as the challenge says, and used again") {
  Guarded registry;
  CHECK(registry.ask().body == "body");
  auto seen = registry.server.requests();
  REQUIRE(seen.size() == 3);
  CHECK(seen[0].header("Authorization").empty());
  CHECK(seen[1].target == "/token?service=s&scope=repository%3Aa%3Apull");
  CHECK(seen[1].header("Authorization").empty());
  CHECK(seen[2].header("Authorization") == "Bearer token-1");
  CHECK(registry.ask().body == "body");
  CHECK(registry.server.requests().size() == 4);  // straight with the token
  CHECK(registry.asking.meter().total(Metric::token_fetches, "test,ok") == 1);
}

TEST_CASE("however many ask at once, the realm is asked once") {
  Guarded registry;
  std::vector<std::future<Fetched>> all;
  for (int i = 0; i < 10; ++i) all.push_back(registry.asking.start(*registry.client, manifest_of("a")));
  for (auto& each : all) CHECK(take(each).body == "body");
  CHECK(registry.tokens() == 1);
}

TEST_CASE("a challenge without a scope is asked for the repository's") {
  Guarded registry;
  registry.change([&] { registry.challenge = "Bearer realm=\"" + registry.server.url("/token?account=x") + "\""; });
  CHECK(registry.ask("library/alpine").body == "body");
  CHECK(registry.server.requests().at(1).target == "/token?account=x&scope=repository%3Alibrary%2Falpine%3Apull");
}

TEST_CASE("several scopes are parameters of their own") {
  Guarded registry;
  registry.change([&] {
    registry.challenge = "Bearer realm=\"" + registry.server.url("/token") + "\",scope=\"repository:a:pull repository:b:pull\"";
  });
  CHECK(registry.ask().body == "body");
  CHECK(registry.server.requests().at(1).target == "/token?scope=repository%3Aa%3Apull&scope=repository%3Ab%3Apull");
}

TEST_CASE("a token may be called access_token") {
  Guarded registry;
  registry.change([&] { registry.issue = [](const Request&) { return reply(200, R"({"access_token":"token-1"})"); }; });
  CHECK(registry.ask().body == "body");
}

TEST_CASE("a token is good for as long as it says, at least a minute, less what a request may take") {
  for (const auto& [said, good_for] :
       {std::pair<std::string, int>("300", 290), std::pair<std::string, int>("1", 50), std::pair<std::string, int>("-5", 50),
        std::pair<std::string, int>("\"x\"", 50), std::pair<std::string, int>("99999999999", 24 * 3600 - 10)}) {
    Guarded registry;
    const auto whole = reply(200, R"({"token":"token-1","expires_in":)" + said + "}");
    registry.change([&] { registry.issue = [whole](const Request&) { return whole; }; });
    registry.ask();
    registry.clock.advance(Seconds(good_for - 1));
    CHECK(registry.ask().body == "body");
    CHECK_MESSAGE(registry.tokens() == 1, said);
    registry.clock.advance(Seconds(1));
    CHECK(registry.ask().body == "body");
    CHECK_MESSAGE(registry.tokens() == 2, said);
  }
}

TEST_CASE("a token the upstream no longer takes is replaced once") {
  Guarded registry;
  CHECK(registry.ask().body == "body");
  registry.change([&] { registry.good = "token-2"; });
  CHECK(registry.ask().body == "body");
  CHECK(registry.tokens() == 2);
  CHECK(registry.ask().body == "body");
  CHECK(registry.tokens() == 2);
}

TEST_CASE("a fresh token that is refused is final") {
  Guarded registry;
  registry.change([&] { registry.issue = [](const Request&) { return reply(200, R"({"token":"never-good"})"); }; });
  const auto fetched = registry.ask();
  CHECK(fetched.failed() == "unauthorized");
  CHECK(fetched.status == 401);
  CHECK(registry.tokens() == 1);
  CHECK(registry.server.count("/v2/") == 2);
}

TEST_CASE("a realm that fails is left alone for a second, then for longer") {
  Guarded registry;
  registry.change([&] { registry.issue = [](const Request&) { return reply(500, "broken"); }; });
  const auto asked_after = [&registry](Milliseconds pause) {
    registry.clock.advance(pause);
    CHECK(registry.ask().failed() == "refused");
    return registry.tokens();
  };
  CHECK(asked_after(Milliseconds(0)) == 1);
  CHECK(asked_after(Milliseconds(999)) == 1);
  CHECK(asked_after(Milliseconds(1)) == 2);
  CHECK(asked_after(Milliseconds(1999)) == 2);
  CHECK(asked_after(Milliseconds(1)) == 3);
  std::size_t asked = 3;
  for (int i = 0; i < 10; ++i) CHECK(asked_after(Seconds(30)) == ++asked);  // never longer than half a minute
  registry.change([&] { registry.issue = [](const Request&) { return reply(200, R"({"token":"token-1"})"); }; });
  registry.clock.advance(Seconds(30));
  CHECK(registry.ask().body == "body");
  CHECK(registry.asking.meter().total(Metric::token_fetches, "test,failed") == asked);
}

TEST_CASE("what a realm answers in place of a token is a failure with a name") {
  const std::pair<std::string, std::string> answers[] = {{reply(401), "unauthorized"},
                                                         {reply(403), "unauthorized"},
                                                         {reply(429), "throttled"},
                                                         {reply(404), "refused"},
                                                         {reply(200, "no JSON"), "corrupt"},
                                                         {reply(200, "{}"), "corrupt"},
                                                         {reply(200, R"({"token":""})"), "corrupt"},
                                                         {reply(200, R"({"token":5})"), "corrupt"},
                                                         {reply(200, R"({"token":"a\r\nEvil: yes"})"), "corrupt"},
                                                         {reply(200, R"({"token":"a b"})"), "corrupt"},
                                                         {reply(200, R"({"token":"a)"
                                                                     "\x7f"
                                                                     R"("})"),
                                                          "corrupt"},
                                                         {reply(200, R"({"token":")" + std::string(300 << 10, 'x') + "\"}"),
                                                          "too_large"}};
  for (const auto& [answer, failure] : answers) {
    Guarded registry;
    const std::string whole = answer;
    registry.change([&] { registry.issue = [whole](const Request&) { return whole; }; });
    CHECK_MESSAGE(registry.ask().failed() == failure, answer.substr(0, 100));
  }
}

TEST_CASE("a realm on a private address is not asked unless the configuration names it") {
  Guarded registry;
  registry.change([&] { registry.challenge = "Bearer realm=\"" + registry.server.named_url("/token") + "\""; });
  auto options = registry.options();
  options.token_realms = {"localhost"};
  registry.client = client_of(registry.clock, options);
  CHECK(registry.ask().failed() == "unreachable");
  CHECK(registry.tokens() == 0);
  registry.client = client_of(registry.clock, options, {"localhost"});
  CHECK(registry.ask().body == "body");
}

TEST_CASE("a realm on another host is asked only when token-realms names it, with its port when that says one") {
  Guarded registry;
  registry.change([&] { registry.challenge = "Bearer realm=\"" + registry.server.named_url("/token") + "\""; });
  const auto port = registry.server.url().substr(registry.server.url().rfind(':') + 1);
  for (const std::string other : {"", "example.com", "localhost:1", "sub.localhost"}) {
    auto options = registry.options();
    if (!other.empty()) options.token_realms = {other};
    registry.client = client_of(registry.clock, options, {"localhost"});
    const auto refused = registry.ask();
    CHECK(refused.failed() == "refused");
    CHECK(refused.what == "test sends us for a token to localhost, which its token-realms do not name");
  }
  CHECK(registry.tokens() == 0);
  for (const std::string& named : {std::string("localhost"), "localhost:" + port}) {
    auto options = registry.options();
    options.token_realms = {"example.com", named};
    registry.client = client_of(registry.clock, options, {"localhost"});
    CHECK(registry.ask().body == "body");
  }
}

TEST_CASE("a realm that is no URL is corrupt, and another kind of challenge is a refusal") {
  Guarded registry;
  for (const std::string realm : {"ftp://a/", "file:///etc/passwd", "not a url", "http://user@a/"}) {
    registry.change([&] { registry.challenge = "Bearer realm=\"" + realm + "\""; });
    CHECK_MESSAGE(registry.ask().failed() == "corrupt", realm);
  }
  for (const std::string challenge : {"Basic realm=\"x\"", "Negotiate", "Bearer", "nonsense"}) {
    registry.change([&] { registry.challenge = challenge; });
    CHECK_MESSAGE(registry.ask().failed() == "unauthorized", challenge);
  }
}

TEST_CASE("with bearer authorization the password goes to the realm and to nobody else") {
  Guarded registry;
  auto options = registry.options();
  options.auth = UpstreamAuth::bearer;
  options.username = "user";
  options.password = "secret";
  registry.client = client_of(registry.clock, options);
  CHECK(registry.ask().body == "body");
  for (const auto& request : registry.server.requests()) {
    const auto authorization = request.header("Authorization");
    if (request.target.starts_with("/token")) CHECK(authorization == "Basic dXNlcjpzZWNyZXQ=");
    else CHECK((authorization.empty() || authorization == "Bearer token-1"));
  }
}

TEST_CASE("each repository has a token of its own") {
  Guarded registry;
  registry.change([&] { registry.challenge = "Bearer realm=\"" + registry.server.url("/token") + "\",service=\"s\""; });
  registry.ask("a");
  registry.ask("b");
  registry.ask("a");
  registry.ask("b");
  CHECK(registry.tokens() == 2);
}
