#include "base/network.h"

#include <doctest/doctest.h>

using namespace weir;

namespace {

std::string address(std::string_view text) {
  const auto parsed = IpAddress::parse(text);
  return parsed ? parsed->text() : "none";
}

std::string of_peer(std::string_view peer) {
  const auto parsed = IpAddress::of_peer(peer);
  return parsed ? parsed->text() : "none";
}

bool holds(std::string_view network, std::string_view text) {
  const auto parsed = Network::parse(network);
  REQUIRE_MESSAGE(parsed.ok(), network);
  return parsed->holds(IpAddress::parse(text).value());
}

}  // namespace

TEST_CASE("addresses have one spelling, and a mapped one is the IPv4 address") {
  CHECK(address("192.0.2.7") == "192.0.2.7");
  CHECK(address("2001:DB8:0:0::7") == "2001:db8::7");
  CHECK(address("::ffff:192.0.2.7") == "192.0.2.7");
  for (const char* bad : {"", "192.0.2", "192.0.2.256", "192.0.2.07x", "1.2.3.4 ", "fd00::g", "[fd00::7]", "host", "1.2.3.4:5"})
    CHECK_MESSAGE(address(bad) == "none", bad);
  CHECK(address("2001:db8::7" + std::string(100, '0')) == "none");
}

TEST_CASE("a peer is an address and a port") {
  CHECK(of_peer("192.0.2.7:49152") == "192.0.2.7");
  CHECK(of_peer("[fd00::7]:49152") == "fd00::7");
  CHECK(of_peer("[fe80::1%eth0]:1") == "fe80::1");
  CHECK(of_peer("unix") == "none");
  CHECK(of_peer("unknown:1") == "none");
}

TEST_CASE("a peer that a proxy speaks for is an address alone") {
  for (const char* text : {"10.0.0.7", "2001:db8::1", "2001::b:c:d:e:f"}) {
    const auto peer = IpAddress::of_peer(text);
    REQUIRE(peer);
    CHECK(peer->text() == IpAddress::parse(text)->text());
  }
}

TEST_CASE("a network holds the addresses with its prefix") {
  CHECK(holds("10.0.0.0/8", "10.255.255.255"));
  CHECK_FALSE(holds("10.0.0.0/8", "11.0.0.0"));
  CHECK(holds("192.0.2.128/25", "192.0.2.129"));
  CHECK_FALSE(holds("192.0.2.128/25", "192.0.2.127"));
  CHECK(holds("192.0.2.7", "192.0.2.7"));
  CHECK_FALSE(holds("192.0.2.7", "192.0.2.6"));
  CHECK(holds("fd00::/8", "fdff::1"));
  CHECK_FALSE(holds("fd00::/8", "fc00::1"));
  CHECK(holds("2001:db8::8/125", "2001:db8::f"));
  CHECK_FALSE(holds("2001:db8::8/125", "2001:db8::10"));
  CHECK(holds("0.0.0.0/0", "203.0.113.9"));
}

TEST_CASE("the two families are apart, but for mapped addresses") {
  CHECK_FALSE(holds("::/0", "192.0.2.7"));
  CHECK_FALSE(holds("0.0.0.0/0", "2001:db8::7"));
  CHECK(holds("192.0.2.0/24", "::ffff:192.0.2.7"));
}

TEST_CASE("a network with bits behind its prefix is a mistake, and the one that was meant is named") {
  const auto wrong = Network::parse("10.1.2.3/8");
  REQUIRE(!wrong.ok());
  CHECK(wrong.error().what.find("did you mean \"10.0.0.0/8\"?") != std::string::npos);
  for (const char* bad : {"", "/8", "10.0.0.0/", "10.0.0.0/33", "fd00::/129", "10.0.0.0/-1", "10.0.0.0/8/8", "10/8", "*"})
    CHECK_MESSAGE(!Network::parse(bad).ok(), bad);
}
