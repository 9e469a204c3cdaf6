#include "oci/name.h"

#include "tests/unit/oci/values.h"

#include <doctest/doctest.h>

using namespace weir;
using namespace weir::testing;

namespace {
bool is_path(std::string_view text) { return RepositoryPath::parse(text).ok(); }
}  // namespace

TEST_CASE("a path is components of the distribution's grammar") {
  for (const std::string good : {"a", "0", "library/alpine", "a/b/c/d/e/f", "a.b", "a_b", "a__b", "a-b", "a---b", "0a/9z",
                                 "docker.io/library/alpine", "a.b-c__d", "v2", "manifests/blobs/tags"}) {
    CHECK_MESSAGE(is_path(good), good);
  }
  for (const std::string bad : {"",      "/",   "a/",    "/a",   "a//b", "A",   "aB",  "a b",  ".",        "..",   "../a", "a/..",
                                "a/./b", ".a",  "a.",    "-a",   "a-",   "_a",  "a_",  "a..b", "a___b",    "a._b", "a.-b", "a-.b",
                                "a_-b",  "a@b", "a%2fb", "a\\b", "a?b",  "a#b", "a+b", "a~b",  "\xc3\xa4", "a\n",  "a/b:c"}) {
    CHECK_MESSAGE(!is_path(bad), bad);
  }
  CHECK_FALSE(is_path(std::string_view("a\0b", 3)));
}

TEST_CASE("the first of several components may carry a port") {
  for (const std::string good : {"localhost:5000/a", "registry.example:1/a/b", "127.0.0.1:65535/a", "r:80/a/b"})
    CHECK_MESSAGE(is_path(good), good);
  for (const std::string bad :
       {"localhost:5000", "a:5000", "a/b:80/c", "a:/b", ":80/b", "a:0/b", "a:65536/b", "a:x/b", "a:8 0/b", "a:+80/b", "a:80:80/b"})
    CHECK_MESSAGE(!is_path(bad), bad);
}

TEST_CASE("a path is at most 255 bytes long") {
  CHECK(is_path(std::string(255, 'a')));
  CHECK_FALSE(is_path(std::string(256, 'a')));
  std::string deep = "a";
  while (deep.size() < 255) deep += "/a";
  CHECK(is_path(deep));
  CHECK_FALSE(is_path(deep + "/a"));
}

TEST_CASE("a path comes apart at its first component") {
  const auto path = path_of("localhost:5000/team/app");
  CHECK(path.first() == "localhost:5000");
  CHECK(path.rest().text() == "team/app");
  CHECK(path.rest().first() == "team");
  CHECK_FALSE(path.single());
  const auto single = path_of("alpine");
  CHECK(single.single());
  CHECK(single.first().empty());
  CHECK(single.in_library().text() == "library/alpine");
}

TEST_CASE("a namespace is a host, maybe with a port, or a word, of at most 100 bytes") {
  for (const std::string good : {"docker.io", "localhost", "registry.example.com:5000", "10.0.0.1:80", "hub"})
    CHECK_MESSAGE(valid_namespace(good), good);
  for (const std::string bad :
       {"", "a/b", "a:", ":80", "a:0", "a:65536", "A.io", "https://a", "a b", "a..b", "[::1]:80", "a\r\nb", "a@b"})
    CHECK_MESSAGE(!valid_namespace(bad), bad);
  CHECK(valid_namespace(std::string(100, 'a')));
  CHECK_FALSE(valid_namespace(std::string(101, 'a')));
}

TEST_CASE("a name is a namespace and a path, told apart again") {
  const Name name("registry.example:5000", path_of("library/alpine"));
  CHECK(name.text() == "registry.example:5000/library/alpine");
  CHECK(name.name_space() == "registry.example:5000");
  CHECK(name.path().text() == "library/alpine");
}

TEST_CASE("names are one when their text is") {
  CHECK(name_of("docker.io/a") == Name("docker.io", path_of("a")));
  CHECK(name_of("docker.io/a") != name_of("docker.io/b"));
  CHECK(name_of("a.io/z") < name_of("b.io/a"));
}

TEST_CASE("the longest namespace, path and tag together fit a key of the index") {
  const Name name(std::string(100, 'n'), path_of(std::string(255, 'p')));
  CHECK(name.text().size() + 1 + 128 <= 511);
  const Name hub(std::string(100, 'n'), path_of(std::string(255, 'p')).in_library());
  CHECK(hub.text().size() + 1 + 128 <= 511);
}
