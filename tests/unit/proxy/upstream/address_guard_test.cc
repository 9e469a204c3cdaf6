#include "proxy/upstream/address_guard.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/un.h>

#include <string>

#include <doctest/doctest.h>

using namespace weir;

namespace {

bool is_private(const std::string& text) {
  sockaddr_in v4{};
  v4.sin_family = AF_INET;
  if (::inet_pton(AF_INET, text.c_str(), &v4.sin_addr) == 1) return is_private_address(reinterpret_cast<const sockaddr*>(&v4));
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  REQUIRE_MESSAGE(::inet_pton(AF_INET6, text.c_str(), &v6.sin6_addr) == 1, text);
  return is_private_address(reinterpret_cast<const sockaddr*>(&v6));
}

}  // namespace

TEST_CASE("addresses of this machine and of the networks behind it are private") {
  for (const std::string address :
       {"0.0.0.0",         "0.1.2.3",         "10.0.0.0",        "10.255.255.255",  "100.64.0.0",     "100.127.255.255",
        "127.0.0.1",       "127.255.255.255", "169.254.0.1",     "169.254.169.254", "172.16.0.0",     "172.31.255.255",
        "192.0.0.1",       "192.168.0.0",     "192.168.255.255", "198.18.0.1",      "198.19.255.255", "224.0.0.1",
        "239.255.255.255", "240.0.0.1",       "255.255.255.255"}) {
    CHECK_MESSAGE(is_private(address), address);
  }
}

TEST_CASE("the neighbours of those networks are public") {
  for (const std::string address : {"1.1.1.1", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255",
                                    "128.0.0.0", "169.253.255.255", "169.255.0.0", "172.15.255.255", "172.32.0.0", "192.0.1.0",
                                    "192.167.255.255", "192.169.0.0", "198.17.255.255", "198.20.0.0", "223.255.255.255"}) {
    CHECK_MESSAGE(!is_private(address), address);
  }
}

TEST_CASE("of IPv6 only global unicast is public") {
  for (const std::string address : {"2001:4860:4860::8888", "2600::1", "3fff:ffff::1"})
    CHECK_MESSAGE(!is_private(address), address);
  for (const std::string address : {"::", "::1", "fe80::1", "fc00::1", "fd00::7", "fec0::1", "ff02::1", "4000::1", "1::1",
                                    "::10.0.0.1", "::8.8.8.8", "64:ff9b:1::1", "100::1"}) {
    CHECK_MESSAGE(is_private(address), address);
  }
}

TEST_CASE("an IPv4 address within an IPv6 one is judged as what it is") {
  for (const std::string address : {"::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::ffff:0.0.0.0",
                                    "64:ff9b::10.0.0.1", "64:ff9b::169.254.169.254"})
    CHECK_MESSAGE(is_private(address), address);
  CHECK_FALSE(is_private("::ffff:8.8.8.8"));
  CHECK_FALSE(is_private("64:ff9b::8.8.8.8"));
}

TEST_CASE("6to4 does not hide a private address") {
  CHECK(is_private("2002:7f00:0001::1"));   // 127.0.0.1
  CHECK(is_private("2002:0a00:0001::1"));   // 10.0.0.1
  CHECK(is_private("2002:a9fe:a9fe::1"));   // 169.254.169.254
}

TEST_CASE("what is neither IPv4 nor IPv6 is private") {
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  CHECK(is_private_address(reinterpret_cast<const sockaddr*>(&name)));
}
