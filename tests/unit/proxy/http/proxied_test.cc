// Connections behind proxies: whom a handler sees.
#include "tests/unit/proxy/http/serving.h"

#include <doctest/doctest.h>

using namespace weir;
using namespace weir::testing;

namespace {

Task<void> tell_peer(Exchange& exchange) {
  auto status = co_await exchange.respond(ResponseHead(200), exchange.peer() + ' ' + std::string(exchange.scheme()) + ' ' +
                                                                 std::string(exchange.host()));
  (void)status;
}

HttpOptions behind(const std::vector<std::string>& proxies, bool proxy_protocol) {
  auto options = Serving::quick();
  options.trusted_proxies = TrustedProxies::parse(proxies).value();
  options.proxy_protocol = proxy_protocol;
  return options;
}

// Of 192.0.2.7:49153.
const std::string kHeader = std::string("\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c", 16) +
                            std::string("\xc0\x00\x02\x07\xc6\x33\x64\x01\xc0\x01\x01\xbb", 12);
const std::string kRequest = "GET / HTTP/1.1\r\nHost: inner\r\n";

}  // namespace

TEST_CASE("without trusted proxies nobody is believed") {
  Serving serving(&tell_peer);
  auto client = serving.client();
  client->send(kRequest + "X-Forwarded-For: 192.0.2.7\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: outer\r\n\r\n");
  const auto answer = client->answer();
  CHECK(answer.body.starts_with("127.0.0.1:"));
  CHECK(answer.body.ends_with(" http inner"));
}

TEST_CASE("from a trusted proxy each request of a connection is its own client's") {
  Serving serving(&tell_peer, behind({"127.0.0.0/8"}, false));
  auto client = serving.client();
  client->send(kRequest + "X-Forwarded-For: 192.0.2.7\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: outer\r\n\r\n");
  CHECK(client->answer().body == "192.0.2.7 https outer");
  client->send(kRequest + "X-Forwarded-For: 192.0.2.8\r\n\r\n");
  CHECK(client->answer().body == "192.0.2.8 http inner");
  client->send(kRequest + "\r\n");
  CHECK(client->answer().body.starts_with("127.0.0.1:"));
}

TEST_CASE("a PROXY header says whose the connection is, for all its requests, in whatever pieces it comes") {
  Serving serving(&tell_peer, behind({}, true));
  auto client = serving.client();
  for (const char byte : kHeader) {
    client->send(std::string(1, byte));
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  for (int i = 0; i < 2; ++i) {
    client->send(kRequest + "\r\n");
    CHECK(client->answer().body == "192.0.2.7:49153 http inner");
  }
  auto at_once = serving.client();
  at_once->send(kHeader + kRequest + "\r\n" + kRequest + "\r\n");
  for (int i = 0; i < 2; ++i) CHECK(at_once->answer().body == "192.0.2.7:49153 http inner");
}

TEST_CASE("where a PROXY header has to be and is not, the connection ends without a word") {
  Serving serving(&tell_peer, behind({}, true));
  for (const std::string& first :
       {kRequest + "\r\n", std::string("PROXY TCP4 192.0.2.7 198.51.100.1 1 2\r\n"), kHeader.substr(0, 12) + "\x22"}) {
    auto client = serving.client();
    client->send(first);
    CHECK(client->rest().empty());
  }
}

TEST_CASE("a PROXY header that does not come in time ends the connection") {
  auto options = behind({}, true);
  options.header_timeout = Milliseconds(300);
  Serving serving(&tell_peer, options);
  auto silent = serving.client();
  auto half = serving.client();
  half->send(kHeader.substr(0, 20));
  CHECK(silent->rest().empty());
  CHECK(half->rest().empty());
}

TEST_CASE("with trusted proxies they alone begin with a PROXY header; from others it is a bad request") {
  Serving serving(&tell_peer, behind({"192.0.2.0/24"}, true));
  auto client = serving.client();
  client->send(kRequest + "\r\n");
  CHECK(client->answer().body.starts_with("127.0.0.1:"));
  auto liar = serving.client();
  liar->send(kHeader + kRequest + "\r\n");
  CHECK(liar->answer().status == 400);
  Serving within(&tell_peer, behind({"127.0.0.1"}, true));
  auto proxy = within.client();
  proxy->send(kHeader + kRequest + "\r\n");
  CHECK(proxy->answer().body == "192.0.2.7:49153 http inner");
}

TEST_CASE("behind a PROXY header the forwarded headers are believed from the address that it names") {
  Serving serving(&tell_peer, behind({"127.0.0.1", "192.0.2.7"}, true));
  auto client = serving.client();
  client->send(kHeader + kRequest + "X-Forwarded-For: 203.0.113.5\r\n\r\n");
  CHECK(client->answer().body == "203.0.113.5 http inner");
}
