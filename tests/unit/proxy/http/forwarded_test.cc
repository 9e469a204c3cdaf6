#include "proxy/http/forwarded.h"

#include "proxy/http/parser.h"

#include <doctest/doctest.h>

using namespace weir;

namespace {

TrustedProxies trusted(const std::vector<std::string>& words) {
  auto parsed = TrustedProxies::parse(words);
  REQUIRE_MESSAGE(parsed.ok(), parsed.error().what);
  return *std::move(parsed);
}

// `client scheme host`, `-` for what is not said.
std::string said(const std::string& fields, const std::string& peer = "10.0.0.1:4000",
                 const std::vector<std::string>& words = {"10.0.0.0/8", "fd00::/8"}) {
  const auto request = parse_request_head("GET / HTTP/1.1\r\nHost: inner\r\n" + fields + "\r\n");
  REQUIRE_MESSAGE(request.ok(), fields);
  const auto forwarded = read_forwarded(**request, peer, trusted(words));
  return forwarded.client.value_or("-") + ' ' + std::string(forwarded.scheme.value_or("-")) + ' ' +
         std::string(forwarded.host.value_or("-"));
}

std::string client(const std::string& list) { return said("X-Forwarded-For: " + list + "\r\n"); }

}  // namespace

TEST_CASE("a proxy that is trusted speaks for its client, and nobody else does") {
  const std::string fields = "X-Forwarded-For: 192.0.2.7\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: weir.example.com\r\n";
  CHECK(said(fields) == "192.0.2.7 https weir.example.com");
  CHECK(said(fields, "[fd00::1]:4000") == "192.0.2.7 https weir.example.com");
  CHECK(said(fields, "192.0.2.1:4000") == "- - -");
  CHECK(said(fields, "unix") == "- - -");
  CHECK(said(fields, "unix", {"unix"}) == "192.0.2.7 https weir.example.com");
  CHECK(said(fields, "unix:proxied", {"unix"}) == "- - -");
  CHECK(said(fields, "unknown") == "- - -");
  CHECK(said("", "10.0.0.1:4000") == "- - -");
}

TEST_CASE("what a client wrote in front of what the proxies added counts for nothing") {
  CHECK(client("1.1.1.1, 192.0.2.7") == "192.0.2.7 - -");
  CHECK(client("1.1.1.1, 192.0.2.7, 10.0.0.9, 10.0.0.8") == "192.0.2.7 - -");
  CHECK(said("X-Forwarded-For: 1.1.1.1\r\nX-Forwarded-For: 192.0.2.7\r\n") == "192.0.2.7 - -");
  CHECK(client("10.0.0.9, 10.0.0.8") == "10.0.0.9 - -");  // a client within the proxies' network
}

TEST_CASE("where the chain breaks off, who wrote the break is the client") {
  CHECK(client("192.0.2.7, nonsense, 10.0.0.9") == "10.0.0.9 - -");
  CHECK(client("192.0.2.7, , 10.0.0.9") == "10.0.0.9 - -");
  CHECK(client("nonsense") == "- - -");
  CHECK(client("unix") == "- - -");
  CHECK(client("") == "- - -");
  std::string endless = "192.0.2.7";
  for (int i = 0; i < 40; ++i) endless += ", 10.0.0." + std::to_string(i);
  CHECK(client(endless) == "10.0.0.8 - -");
}

TEST_CASE("addresses are taken in all their spellings, and shown as a peer is") {
  CHECK(client("192.0.2.7:49152") == "192.0.2.7:49152 - -");
  CHECK(client("2001:DB8::7") == "2001:db8::7 - -");
  CHECK(client("[2001:db8::7]") == "2001:db8::7 - -");
  CHECK(client("[2001:db8::7]:49152") == "[2001:db8::7]:49152 - -");
  CHECK(client("[::ffff:192.0.2.7]:49152") == "192.0.2.7:49152 - -");
  for (const char* bad :
       {"192.0.2.7:x", "192.0.2.7:65536", "[2001:db8::7", "[2001:db8::7]x", "\"192.0.2.7\"", "_hidden", "192.0.2"})
    CHECK_MESSAGE(client(bad) == "- - -", bad);
}

TEST_CASE("scheme and host count when they are said once") {
  CHECK(said("X-Forwarded-Proto: HTTPS\r\n") == "- https -");
  CHECK(said("X-Forwarded-Proto: http\r\n") == "- http -");
  CHECK(said("X-Forwarded-Proto: ftp\r\n") == "- - -");
  CHECK(said("X-Forwarded-Proto: https, http\r\n") == "- - -");
  CHECK(said("X-Forwarded-Proto: https\r\nX-Forwarded-Proto: https\r\n") == "- - -");
  CHECK(said("X-Forwarded-Host: [2001:db8::7]:5000\r\n") == "- - [2001:db8::7]:5000");
  for (const char* bad : {"a, b", "a b", "a/b", "\"a\"", "a@b", ""})
    CHECK_MESSAGE(said(std::string("X-Forwarded-Host: ") + bad + "\r\n") == "- - -", bad);
}

TEST_CASE("the standard's Forwarded is not read: nobody may hide behind the other one") {
  CHECK(said("Forwarded: for=192.0.2.7;proto=https\r\n") == "- - -");
}

TEST_CASE("a word that is no network is a mistake") {
  CHECK(TrustedProxies::parse({}).value().empty());
  for (const char* bad : {"proxy.example.com", "10.0.0.1/8", "10.0.0.0/8,", "Unix"})
    CHECK_MESSAGE(!TrustedProxies::parse({bad}).ok(), bad);
}
