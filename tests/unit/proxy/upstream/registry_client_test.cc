#include "proxy/upstream/registry_client.h"

#include "tests/unit/proxy/upstream/asking.h"

#include <doctest/doctest.h>

using namespace weir;
using namespace weir::testing;
using Request = TinyServer::Request;
using Peer = TinyServer::Peer;

namespace {

UpstreamOptions options_of(const std::string& url) {
  UpstreamOptions options;
  options.name = "test";
  options.urls = {url};
  return options;
}

struct Registry {
  TinyServer server;
  Asking asking;
  ManualClock clock;
  std::shared_ptr<RegistryClient> client;

  explicit Registry(TinyServer::Answer answer, const std::string& base = "") : server(std::move(answer)) {
    client = client_of(clock, options_of(server.url(base)));
  }
  Fetched ask(RegistryClient::Request request = manifest_of("library/alpine")) {
    return asking.ask_all(*client, std::move(request));
  }
};

TinyServer::Answer status(int code, const std::string& body = "") {
  return [=](const Request&, Peer& peer) { return peer.send(reply(code, body)); };
}

}  // namespace

TEST_CASE("a request goes to its repository below the upstream's own path, with what it accepts and wants of it") {
  Registry registry(status(200, "body"), "/base/");
  auto request = manifest_of("library/alpine", "3");
  request.accept = "a/b, c/d";
  CHECK(registry.ask(request).body == "body");
  auto ranged = manifest_of("a", "x");
  ranged.range_first = 5;
  registry.ask(ranged);
  ranged.range_last = 9;
  registry.ask(ranged);
  const auto seen = registry.server.requests();
  REQUIRE(seen.size() == 3);
  CHECK(seen[0].target == "/base/v2/library/alpine/manifests/3");
  CHECK(seen[0].header("Accept") == "a/b, c/d");
  CHECK(seen[0].header("Range").empty());
  CHECK(seen[0].header("Authorization").empty());
  CHECK(seen[1].header("Range") == "bytes=5-");
  CHECK(seen[2].header("Range") == "bytes=5-9");
}

TEST_CASE("a partial answer is an answer, and its length is known") {
  Registry registry([](const Request&, Peer& peer) { return peer.send(reply(206, "part", "Content-Range: bytes 5-8/100\r\n")); });
  const auto length = registry.asking.thread().run([&]() -> Task<std::optional<std::uint64_t>> {
    auto response = co_await registry.client->request(registry.asking.context(), manifest_of("a"));
    if (!response) co_return std::nullopt;
    co_return response->content_length();
  });
  CHECK(length == 4);
}

TEST_CASE("each status is a failure of its own kind, and the status itself is told") {
  const std::pair<int, std::string> kinds[] = {{400, "refused"}, {401, "unauthorized"}, {403, "denied"},    {404, "not_found"},
                                               {410, "refused"}, {416, "invalid"},      {429, "throttled"}, {500, "refused"},
                                               {502, "refused"}, {503, "refused"},      {204, "refused"},   {304, "refused"},
                                               {418, "refused"}};
  for (const auto& [code, kind] : kinds) {
    const int answered = code;
    Registry registry([answered](const Request&, Peer& peer) {
      return peer.send(answered == 204 || answered == 304 ? "HTTP/1.1 " + std::to_string(answered) + " X\r\n\r\n"
                                                          : reply(answered, "why"));
    });
    const auto fetched = registry.ask();
    CHECK_MESSAGE(fetched.failed() == kind, code);
    CHECK(fetched.status == code);
  }
}

TEST_CASE("what may be tried again says so: throttling and the upstream's own faults") {
  for (const auto& [code, retryable] :
       {std::pair(429, true), std::pair(500, true), std::pair(503, true), std::pair(404, false), std::pair(403, false)}) {
    Registry registry(status(code));
    const bool said = registry.asking.thread().run([&]() -> Task<bool> {
      auto response = co_await registry.client->request(registry.asking.context(), manifest_of("a"));
      co_return !response && response.error().retryable && response.error().side == Side::upstream;
    });
    CHECK_MESSAGE(said == retryable, code);
  }
}

TEST_CASE("the body of a refusal is read, so that the connection is used again") {
  Registry registry(status(404, std::string(10'000, 'x')));
  for (int i = 0; i < 3; ++i) CHECK(registry.ask().failed() == "not_found");
  CHECK(registry.server.connections() == 1);
}

TEST_CASE("a refusal whose body does not come is a refusal all the same, soon") {
  TinyServer server([](const Request&, Peer& peer) {
    peer.send("HTTP/1.1 404 Not Found\r\nContent-Length: 100\r\n\r\npart");
    peer.hang();
    return false;
  });
  Asking asking;
  const ManualClock clock;
  auto options = options_of(server.url());
  options.stall_timeout = Seconds(6);
  const auto client = client_of(clock, options);
  const auto begun = std::chrono::steady_clock::now();
  CHECK(asking.ask_all(*client, manifest_of("a")).failed() == "not_found");
  CHECK(std::chrono::steady_clock::now() - begun < Seconds(5));
}

TEST_CASE("requests are counted by status, bodies by bytes") {
  Registry registry([](const Request& request, Peer& peer) {
    return peer.send(request.target.ends_with("missing") ? reply(404, "gone") : reply(200, "12345"));
  });
  registry.ask();
  registry.ask(manifest_of("a", "missing"));
  auto& meter = registry.asking.meter();
  CHECK(meter.total(Metric::upstream_requests, "test,GET,200") == 1);
  CHECK(meter.total(Metric::upstream_requests, "test,GET,404") == 1);
  CHECK(meter.total(Metric::upstream_received, "test") == 5 + 4);
}

TEST_CASE("an upstream that is not there is unreachable, counted with status 0, and after a few times not asked") {
  Registry registry([](const Request&, Peer&) { return false; });  // accepts, and leaves
  for (unsigned i = 0; i < Health::kFailures; ++i) CHECK(registry.ask().failed() == "unreachable");
  CHECK(registry.ask().failed() == "unavailable");
  const auto asked = registry.server.count();
  CHECK(registry.ask().failed() == "unavailable");
  CHECK(registry.server.count() == asked);
  registry.clock.advance(Health::kRetryAfter);
  CHECK(registry.ask().failed() == "unreachable");
  CHECK(registry.server.count() > asked);
  CHECK(registry.asking.meter().total(Metric::upstream_requests, "test,GET,0") == Health::kFailures + 1);
}

TEST_CASE("error statuses never open the circuit") {
  Registry registry(status(503));
  for (unsigned i = 0; i < 2 * Health::kFailures; ++i) CHECK(registry.ask().failed() == "refused");
}

TEST_CASE("no more layers run at once than there are places, and a manifest finds a place besides them") {
  std::atomic<bool> go{false};
  std::atomic<int> layers{0};
  TinyServer server([&](const Request& request, Peer& peer) {
    if (request.target.find("/blobs/") != std::string::npos) {
      ++layers;
      comes_true([&] { return go.load(); });
    }
    return peer.send(reply(200, "body"));
  });
  Asking asking;
  const ManualClock clock;
  auto options = options_of(server.url());
  options.max_concurrency = 4;  // three for layers, one for manifests
  const auto client = client_of(clock, options);
  std::vector<std::future<Fetched>> blobs;
  for (int i = 0; i < 6; ++i) {
    RegistryClient::Request request;
    request.repository = path_of("a");
    request.path = "blobs/x";
    request.large = true;
    blobs.push_back(asking.start(*client, request));
  }
  CHECK(comes_true([&] { return layers == 3; }));
  CHECK(asking.ask_all(*client, manifest_of("a")).body == "body");
  CHECK(layers == 3);
  go = true;
  for (auto& blob : blobs) CHECK(take(blob).body == "body");
  CHECK(layers == 6);
}

TEST_CASE("with basic authorization user and password go with every request, and with nothing else") {
  TinyServer store(status(200, "from the store"));
  TinyServer server([&](const Request& request, Peer& peer) {
    if (request.target.ends_with("elsewhere")) return peer.send(reply(307, "", "Location: " + store.url("/x") + "\r\n"));
    return peer.send(reply(request.header("Authorization").empty() ? 401 : 200, "body"));
  });
  Asking asking;
  const ManualClock clock;
  auto options = options_of(server.url());
  options.auth = UpstreamAuth::basic;
  options.username = "AWS";
  options.password = "secret:with:colons";
  const auto client = client_of(clock, options);
  CHECK(asking.ask_all(*client, manifest_of("a")).body == "body");
  CHECK(asking.ask_all(*client, manifest_of("a", "elsewhere")).body == "from the store");
  for (const auto& request : server.requests())
    CHECK(request.header("Authorization") == "Basic QVdTOnNlY3JldDp3aXRoOmNvbG9ucw==");
  CHECK(store.requests().at(0).header("Authorization").empty());
}

TEST_CASE("a password that is refused is not tried again at once, and other repositories are asked all the same") {
  std::atomic<bool> right{false};
  TinyServer server([&](const Request& request, Peer& peer) {
    const bool open = right || request.target.find("/open/") != std::string::npos;
    return peer.send(open ? reply(200, "body") : reply(401, "no", "WWW-Authenticate: Basic realm=\"x\"\r\n"));
  });
  Asking asking;
  ManualClock clock;
  auto options = options_of(server.url());
  options.auth = UpstreamAuth::basic;
  options.username = "user";
  options.password = "wrong";
  const auto client = client_of(clock, options);
  for (int i = 0; i < 3; ++i) CHECK(asking.ask_all(*client, manifest_of("closed")).failed() == "refused");
  CHECK(server.count() == 1);
  CHECK(asking.ask_all(*client, manifest_of("open")).body == "body");
  clock.advance(Milliseconds(1000));
  CHECK(asking.ask_all(*client, manifest_of("closed")).failed() == "refused");
  CHECK(server.count() == 3);
  clock.advance(Milliseconds(1999));  // twice as long now
  CHECK(asking.ask_all(*client, manifest_of("closed")).failed() == "refused");
  CHECK(server.count() == 3);
  clock.advance(Milliseconds(1));
  right = true;
  CHECK(asking.ask_all(*client, manifest_of("closed")).body == "body");
  CHECK(asking.ask_all(*client, manifest_of("closed")).body == "body");
}

TEST_CASE("of several URLs the next is asked where one fails, in their order") {
  for (const auto& answer : {reply(503, ""), reply(429, ""), reply(500, ""), std::string("nonsense\r\n\r\n"), std::string()}) {
    CAPTURE(answer);
    TinyServer first([&](const Request&, Peer& peer) { return !answer.empty() && peer.send(answer); });
    TinyServer second(status(200, "second"));
    TinyServer third(status(200, "third"));
    Asking asking;
    const ManualClock clock;
    auto options = options_of(first.url());
    options.urls = {first.url(), second.url("/below"), third.url()};
    const auto client = client_of(clock, options);
    CHECK(asking.ask_all(*client, manifest_of("a")).body == "second");
    CHECK(first.count() >= 1);
    CHECK(second.requests().at(0).target == "/below/v2/a/manifests/latest");
    CHECK(third.count() == 0);
  }
}

TEST_CASE("what the first URL has not, or does not show, no other is asked for") {
  for (const int code : {401, 403, 404, 416}) {
    TinyServer first(status(code)), second(status(200, "second"));
    Asking asking;
    const ManualClock clock;
    auto options = options_of(first.url());
    options.urls = {first.url(), second.url()};
    const auto client = client_of(clock, options);
    CHECK(asking.ask_all(*client, manifest_of("a")).failed() != "nothing");
    CHECK(second.count() == 0);
  }
}

TEST_CASE("a URL that answers nothing is left out while its circuit is open, and found again") {
  std::atomic<bool> up{false};
  TinyServer first([&](const Request&, Peer& peer) { return up && peer.send(reply(200, "first")); });
  TinyServer second(status(200, "second"));
  Asking asking;
  ManualClock clock;
  auto options = options_of(first.url());
  options.urls = {first.url(), second.url()};
  const auto client = client_of(clock, options);
  for (unsigned i = 0; i < Health::kFailures; ++i) CHECK(asking.ask_all(*client, manifest_of("a")).body == "second");
  const auto asked = first.count();
  CHECK(asking.ask_all(*client, manifest_of("a")).body == "second");
  CHECK(first.count() == asked);
  up = true;
  clock.advance(Health::kRetryAfter);
  CHECK(asking.ask_all(*client, manifest_of("a")).body == "first");
}

TEST_CASE("when every URL fails the error is the last one's") {
  TinyServer first(status(429)), second(status(503));
  Asking asking;
  const ManualClock clock;
  auto options = options_of(first.url());
  options.urls = {first.url(), second.url()};
  const auto fetched = asking.ask_all(*client_of(clock, options), manifest_of("a"));
  CHECK(fetched.failed() == "refused");
  CHECK(fetched.what.find("503") != std::string::npos);
}

TEST_CASE("a password goes to the URL that is asked, and a redirect to another of them gets none") {
  TinyServer second([](const Request& request, Peer& peer) { return peer.send(reply(200, request.header("Authorization"))); });
  TinyServer first([&](const Request&, Peer& peer) { return peer.send(reply(307, "", "Location: " + second.url("/x") + "\r\n")); });
  Asking asking;
  const ManualClock clock;
  auto options = options_of(first.url());
  options.urls = {first.url(), second.url()};
  options.auth = UpstreamAuth::basic;
  options.username = options.password = "x";
  const auto client = client_of(clock, options);
  const auto fetched = asking.ask_all(*client, manifest_of("a"));
  CHECK(fetched.status == 200);
  CHECK(fetched.body.empty());
  CHECK_FALSE(first.requests().at(0).header("Authorization").empty());
}

TEST_CASE("what failed at once is asked a second time where that was wished, and never a third") {
  for (const auto& [answer, tries] : std::vector<std::pair<std::string, std::size_t>>{{reply(503, ""), 2},
                                                                                      {reply(500, ""), 2},
                                                                                      {"", 2},
                                                                                      {reply(501, ""), 1},
                                                                                      {reply(404, ""), 1},
                                                                                      {reply(403, ""), 1},
                                                                                      {reply(429, ""), 1},
                                                                                      {"nonsense\r\n\r\n", 1}}) {
    CAPTURE(answer);
    Registry registry([&](const Request&, Peer& peer) { return !answer.empty() && peer.send(answer); });
    auto request = manifest_of("a");
    CHECK(registry.ask(request).failed() != "nothing");
    CHECK(registry.server.count() == 1);
    request.twice = true;
    CHECK(registry.ask(request).failed() != "nothing");
    CHECK(registry.server.count() == 1 + tries);
  }
  std::atomic<int> asked{0};
  Registry registry([&](const Request&, Peer& peer) { return peer.send(reply(asked++ == 0 ? 503 : 200, "body")); });
  auto request = manifest_of("a");
  request.twice = true;
  CHECK(registry.ask(request).body == "body");
}

TEST_CASE("an upstream whose url is none makes no client") {
  const ManualClock clock;
  CHECK_FALSE(RegistryClient::make(clock, options_of("registry.example"), {}).ok());
  CHECK_FALSE(RegistryClient::make(clock, options_of("ftp://a"), {}).ok());
}
