#include "conf/address.h"

#include <doctest/doctest.h>

using namespace weir;

namespace {
std::string url_of(std::string_view text) {
  const auto url = parse_upstream_url(text);
  return url ? *url : "wrong";
}
std::string wrong_with(std::string_view text) {
  const auto url = parse_upstream_url(text);
  return url ? "right" : url.error().what;
}
}  // namespace

TEST_CASE("a listen address is an address or a star or nothing, and a port") {
  for (const char* good : {"127.0.0.1:5000", "0.0.0.0:0", "[::1]:5000", "[::]:65535", "*:5000", ":5000"})
    CHECK_MESSAGE(valid_listen_address(good), good);
  for (const char* bad : {"", ":", "5000", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1", "127.0.0.1:+1",
                          "127.0.0.1:5000x", "1.2.3:5000", "localhost:5000", "::1:5000", "[::1]", "[::1", "[::1]5000",
                          "[127.0.0.1]:5000", "[]:5000", "**:5000", "127.0.0.1:000005000"}) {
    CHECK_MESSAGE(!valid_listen_address(bad), bad);
  }
}

TEST_CASE("a host is a name or an address, maybe with a port from 1") {
  for (const char* good : {"auth.docker.io", "registry", "a_b.example", "10.0.0.7", "10.0.0.7:5001", "[fd00::7]", "[fd00::7]:443"})
    CHECK_MESSAGE(valid_host_and_port(good), good);
  for (const char* bad : {"", ".", "a..b", "-a", "a-", "a b", "a/b", "https://a", "a:0", "a:", "a:65536", "256.0.0.1", "fd00::7",
                          "[fd00::7", "user@host"}) {
    CHECK_MESSAGE(!valid_host_and_port(bad), bad);
  }
  CHECK_FALSE(valid_host_and_port(std::string(64, 'a')));
  CHECK(valid_host_and_port(std::string(63, 'a')));
}

TEST_CASE("an upstream's url is kept with scheme and host in lower case and no slash at its end") {
  CHECK(url_of("https://registry-1.docker.io") == "https://registry-1.docker.io");
  CHECK(url_of("HTTPS://Registry.Example:8443/Path/") == "https://registry.example:8443/Path");
  CHECK(url_of("http://[::1]:5000//") == "http://[::1]:5000");
  CHECK(url_of("http://10.0.0.7/a%20b") == "http://10.0.0.7/a%20b");
}

TEST_CASE("only http and https are urls of upstreams") {
  for (const char* bad : {"ftp://x", "registry.example", "//x", "https:/x", "https", "", "://x", "unix:///run/x"}) {
    CHECK_MESSAGE(wrong_with(bad).ends_with("does not start with http:// or https://"), bad);
  }
}

TEST_CASE("a url needs a host and a port that exists") {
  for (const char* bad : {"https://", "https:///v2", "https://a b", "https://a:0", "https://a:70000",
                          "https://a:", "https://[::1", "https://a\\b"}) {
    CHECK_MESSAGE(wrong_with(bad).find("no valid host") != std::string::npos, bad);
  }
}

TEST_CASE("a path of a url has only characters of a path") {
  for (const char* bad : {"https://x/a b", "https://x/%zz", "https://x/\"", "https://x/\xc3\xa9"})
    CHECK_MESSAGE(wrong_with(bad).ends_with("has a path with characters a url cannot have"), bad);
}

TEST_CASE("what may hold a secret is refused and never repeated") {
  for (const char* bad :
       {"https://user:hunter2@x", "htps://user:hunter2@x", "hunter2@x", "https://x/?token=hunter2", "https://x/#hunter2"}) {
    CHECK_MESSAGE(wrong_with(bad).find("hunter2") == std::string::npos, bad);
    CHECK_MESSAGE(url_of(bad) == "wrong", bad);
  }
  CHECK(wrong_with("https://user@x") == "a url holds no user and no password");
  CHECK(wrong_with("https://x?a") == "a url has no query (?) and no fragment (#)");
}

TEST_CASE("the host of a url is told without its port and its path") {
  CHECK(host_of_url("https://registry.example.com") == "registry.example.com");
  CHECK(host_of_url("http://10.0.0.7:5000/path") == "10.0.0.7");
  CHECK(host_of_url("https://[fd00::7]:5000") == "[fd00::7]");
}
