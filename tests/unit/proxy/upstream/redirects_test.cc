// Redirects: followed, but not with our credentials, not for ever, and not to where nobody sent us.

#include "tests/unit/proxy/upstream/asking.h"

#include <doctest/doctest.h>

using namespace weir;
using namespace weir::testing;
using Request = TinyServer::Request;
using Peer = TinyServer::Peer;

namespace {

// An upstream that answers what `locate` says for a target: a Location, or "" for 200.
struct Redirecting {
  TinyServer server;
  Asking asking;
  const ManualClock clock;
  std::vector<std::string> named;

  explicit Redirecting(std::function<std::string(const std::string& target)> locate, int status = 307)
      : server([locate = std::move(locate), status](const Request& request, Peer& peer) {
          const auto location = locate(request.target);
          return peer.send(location.empty() ? reply(200, "at " + request.target)
                                            : reply(status, "", "Location: " + location + "\r\n"));
        }) {}
  Fetched ask() {
    UpstreamOptions options;
    options.name = "test";
    options.urls = {server.url()};
    options.auth = UpstreamAuth::basic;  // so that there are credentials to be careful with
    options.username = "user";
    options.password = "secret";
    const auto client = client_of(clock, options, named);
    return asking.ask_all(*client, manifest_of("a", "start"));
  }
};

const std::string kStart = "/v2/a/manifests/start";

}  // namespace

TEST_CASE("every kind of redirect is followed, by the same method") {
  for (const int status : {301, 302, 303, 307, 308}) {
    Redirecting upstream([](const std::string& target) { return target == kStart ? "/there?x=1" : ""; }, status);
    const auto fetched = upstream.ask();
    CHECK(fetched.body == "at /there?x=1");
    CHECK(upstream.server.requests().at(1).method == "GET");
  }
}

TEST_CASE("within the upstream's own origin the credentials go along, to any other they do not") {
  TinyServer store([](const Request&, Peer& peer) { return peer.send(reply(200, "stored")); });
  Redirecting upstream([&store](const std::string& target) -> std::string {
    if (target == kStart) return "/within";
    return target == "/within" ? store.url("/object") : "";
  });
  CHECK(upstream.ask().body == "stored");
  for (const auto& request : upstream.server.requests()) CHECK_FALSE(request.header("Authorization").empty());
  CHECK(store.requests().at(0).header("Authorization").empty());
  CHECK(store.requests().at(0).header("Cookie").empty());
}

TEST_CASE("credentials that were dropped come back only with the upstream's own origin") {
  std::string back;
  TinyServer detour([&back](const Request&, Peer& peer) { return peer.send(reply(307, "", "Location: " + back + "\r\n")); });
  Redirecting upstream([&detour](const std::string& target) { return target == kStart ? detour.url("/") : ""; });
  back = upstream.server.url("/back");
  CHECK(upstream.ask().body == "at /back");
  CHECK(detour.requests().at(0).header("Authorization").empty());
}

TEST_CASE("five redirects are followed, six are not") {
  const auto chain = [](int length) {
    return [length](const std::string& target) -> std::string {
      const int at = target == kStart ? 0 : std::atoi(target.c_str() + 1);
      return at < length ? "/" + std::to_string(at + 1) : "";
    };
  };
  Redirecting five(chain(5)), six(chain(6));
  CHECK(five.ask().body == "at /5");
  CHECK(six.ask().failed() == "corrupt");
  CHECK(six.server.count() == 6);
}

TEST_CASE("a redirect in a circle ends") {
  Redirecting upstream([](const std::string&) { return kStart; });
  CHECK(upstream.ask().failed() == "corrupt");
}

TEST_CASE("a redirect that leads nowhere is corrupt") {
  TinyServer without([](const Request&, Peer& peer) { return peer.send(reply(302)); });
  Asking asking;
  const ManualClock clock;
  UpstreamOptions options;
  options.name = "test";
  options.urls = {without.url()};
  const auto client = client_of(clock, options);
  CHECK(asking.ask_all(*client, manifest_of("a")).failed() == "corrupt");
  for (const std::string bad : {"ftp://a/", "file:///etc/passwd", "http://", "http://user:password@127.0.0.1/"}) {
    Redirecting upstream([&bad](const std::string&) { return bad; });
    const auto fetched = upstream.ask();
    CHECK_MESSAGE(fetched.failed() != "nothing", bad);
    CHECK(upstream.server.count() == 1);
  }
}

TEST_CASE("a redirect to a private address is refused unless the configuration names its host") {
  TinyServer inner([](const Request&, Peer& peer) { return peer.send(reply(200, "inner")); });
  Redirecting upstream([&inner](const std::string&) { return inner.named_url("/metadata"); });
  CHECK(upstream.ask().failed() == "unreachable");
  CHECK(inner.connections() == 0);
  upstream.named = {"localhost"};
  CHECK(upstream.ask().body == "inner");
}

TEST_CASE("a private address has many spellings, and none of them is let through") {
  TinyServer inner([](const Request&, Peer& peer) { return peer.send(reply(200, "inner")); });
  const auto port = std::to_string(inner.port());
  for (const std::string host : {"127.1", "2130706433", "0x7f000001", "0177.0.0.1", "0", "[::ffff:127.0.0.1]", "[::1]",
                                 "127.0.0.1.", "LOCALHOST", "localhost."}) {
    Redirecting upstream([&](const std::string&) { return "http://" + host + ':' + port + "/"; });
    CHECK_MESSAGE(upstream.ask().failed() != "nothing", host);
  }
  CHECK(inner.connections() == 0);
}

TEST_CASE("an error at the end of a redirect is told by its status") {
  TinyServer store([](const Request&, Peer& peer) { return peer.send(reply(404, "NoSuchKey")); });
  Redirecting to_store([&store](const std::string&) { return store.url("/x"); });
  const auto fetched = to_store.ask();
  CHECK(fetched.failed() == "not_found");
  CHECK(fetched.status == 404);
}
