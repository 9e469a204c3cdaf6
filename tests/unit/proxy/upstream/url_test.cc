#include "proxy/upstream/url.h"

#include <doctest/doctest.h>

using namespace weir;

namespace {

std::string parsed_url(std::string_view text) {
  const auto url = Url::parse(text);
  return url ? url->text() : "wrong";
}
std::string resolved(std::string_view base, std::string_view location) {
  const auto from = Url::parse(base);
  REQUIRE(from.ok());
  const auto url = from->resolve(location);
  return url ? url->text() : "wrong";
}

}  // namespace

TEST_CASE("a URL comes apart into scheme, host, port and target") {
  const auto url = Url::parse("HTTPS://Registry.Example:5000/v2/a?b=c");
  REQUIRE(url.ok());
  CHECK(url->tls);
  CHECK(url->host == "registry.example");
  CHECK(url->port == 5000);
  CHECK(url->target == "/v2/a?b=c");
  const auto plain = Url::parse("http://a");
  REQUIRE(plain.ok());
  CHECK_FALSE(plain->tls);
  CHECK(plain->port == 80);
  CHECK(plain->target == "/");
  CHECK(Url::parse("https://a")->port == 443);
  CHECK(Url::parse("http://[fd00::7]:81/")->host == "fd00::7");
}

TEST_CASE("a URL is written in one way") {
  CHECK(parsed_url("http://a") == "http://a/");
  CHECK(parsed_url("http://a:80/x") == "http://a/x");
  CHECK(parsed_url("https://a:443/x") == "https://a/x");
  CHECK(parsed_url("http://a:443/x") == "http://a:443/x");
  CHECK(parsed_url("http://a:/x") == "http://a/x");
  CHECK(parsed_url("http://a?x=1") == "http://a/?x=1");
  CHECK(parsed_url("http://a/x#fragment") == "http://a/x");
  CHECK(parsed_url("http://a#fragment") == "http://a/");
  CHECK(parsed_url("https://[FD00::7]:5000/x") == "https://[fd00::7]:5000/x");
  CHECK(parsed_url("http://a/B%2fc?D=%20") == "http://a/B%2fc?D=%20");
}

TEST_CASE("what is no http or https URL is refused") {
  for (const std::string bad : {"",
                                "a",
                                "//a/",
                                "/path",
                                "ftp://a/",
                                "file:///etc/passwd",
                                "http:",
                                "http://",
                                "http:///x",
                                "https://?x",
                                "http://:80/",
                                "http://user@a/",
                                "http://user:secret@a/",
                                "http://a@b@c/",
                                "http://a:b/",
                                "http://a:80:80/",
                                "http://a:0/",
                                "http://a:65536/",
                                "http://a:-1/",
                                "http://[::1/",
                                "http://[]/",
                                "http://[::1]x/",
                                "http://a b/",
                                "http://a/b c",
                                "http://a/\r\nX: y",
                                "http://a\\b/",
                                "http://a/\\b",
                                "http://a/\x7f",
                                "javascript:alert(1)",
                                "unix:///run/x"}) {
    CHECK_MESSAGE(parsed_url(bad) == "wrong", bad);
  }
  CHECK(parsed_url(std::string_view("http://a/\0b", 11)) == "wrong");
}

TEST_CASE("brackets stand around an IPv6 address and nowhere else") {
  for (const std::string bad : {"http://[a]/", "http://[registry.example]/", "http://[[::1]/", "http://[::1]]/",
                                "http://[127.0.0.1]/", "http://a]b/", "http://a[b/"})
    CHECK_MESSAGE(parsed_url(bad) == "wrong", bad);
}

TEST_CASE("an error about a URL does not repeat its query") {
  const auto url = Url::parse("ftp://a/x?signature=secret");
  REQUIRE_FALSE(url.ok());
  CHECK(url.error().what.find("secret") == std::string::npos);
}

TEST_CASE("a URL for the log has no query") {
  CHECK(Url::parse("https://store.example/blob?X-Amz-Signature=secret")->shown() == "https://store.example/blob");
  CHECK(Url::parse("https://store.example/blob")->shown() == "https://store.example/blob");
}

TEST_CASE("a location is absolute, of another host, or relative") {
  const std::string base = "https://a:5000/v2/x/blobs/y?token=1";
  CHECK(resolved(base, "http://b/z") == "http://b/z");
  CHECK(resolved(base, "HTTPS://B:443/z?q") == "https://b/z?q");
  CHECK(resolved(base, "//b/z") == "https://b/z");
  CHECK(resolved("http://a/", "//b/z") == "http://b/z");
  CHECK(resolved(base, "/z?q=1") == "https://a:5000/z?q=1");
  CHECK(resolved(base, "z") == "https://a:5000/v2/x/blobs/z");
  CHECK(resolved("http://a", "z") == "http://a/z");
  CHECK(resolved("http://[::1]:81/a/b", "c") == "http://[::1]:81/a/c");
}

TEST_CASE("a location of a query alone keeps the path (RFC 3986 5.3)") {
  CHECK(resolved("https://a/v2/x?old=1", "?new=2") == "https://a/v2/x?new=2");
  CHECK(resolved("https://a/", "?new=2") == "https://a/?new=2");
}

TEST_CASE("a scheme within a location's query is no scheme of the location") {
  CHECK(resolved("https://a/x/y", "/z?to=http://b/") == "https://a/z?to=http://b/");
  CHECK(resolved("https://a/x/y", "z?to=http://b/") == "https://a/x/z?to=http://b/");
  CHECK(resolved("https://a/x/y", "?to=http://b/").starts_with("https://a/"));
}

TEST_CASE("a location that is no URL leads nowhere") {
  for (const std::string bad : {"ftp://b/", "file:///etc/passwd", "http://", "https://user@b/", "//", "//user@b/", "/a b",
                                "/a\r\nX: y", "http://b:99999/", "unix:/x", "mailto:a@b", "b:5000/x", ":/x"})
    CHECK_MESSAGE(resolved("https://a/x", bad) == "wrong", bad);
}

TEST_CASE("an origin is scheme, host and port") {
  const auto base = *Url::parse("https://a/x");
  CHECK(base.same_origin(*Url::parse("https://A:443/other?q")));
  for (const std::string other : {"http://a/x", "https://a:444/x", "https://b/x", "https://a.b/x"})
    CHECK_MESSAGE(!base.same_origin(*Url::parse(other)), other);
}
