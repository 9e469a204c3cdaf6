#include "oci/pattern.h"

#include <doctest/doctest.h>

using namespace weir;

namespace {

Pattern pattern(const std::string& text) {
  auto parsed = Pattern::parse(text);
  REQUIRE_MESSAGE(parsed.ok(), text);
  return *std::move(parsed);
}

}  // namespace

TEST_CASE("one star stays within a component, two cross them") {
  struct Case {
    const char* pattern;
    const char* text;
    bool matches;
  };
  const Case cases[] = {
      {"docker.io/library/alpine", "docker.io/library/alpine", true},
      {"docker.io/library/alpine", "docker.io/library/alpine2", false},
      {"docker.io/library/alpine", "docker.io/library/alpin", false},
      {"docker.io/library/*", "docker.io/library/alpine", true},
      {"docker.io/library/*", "docker.io/library/", true},
      {"docker.io/*", "docker.io/library/alpine", false},
      {"docker.io/**", "docker.io/library/alpine", true},
      {"docker.io/**/alpine", "docker.io/library/alpine", true},
      {"docker.io/**/alpine", "docker.io/a/b/c/alpine", true},
      {"docker.io/*/alpine", "docker.io/a/b/alpine", false},
      {"*/library/alp*e", "docker.io/library/alpine", true},
      {"**", "anything/at:all", true},
      {"**", "", true},
      {"*", "", true},
      {"", "", true},
      {"", "a", false},
      {"a*b*c", "aXbYbZc", true},
      {"a*b*c", "aXbYbZ", false},
      {"***", "a/b", true},
  };
  for (const auto& [glob, text, matches] : cases) {
    CAPTURE(glob);
    CAPTURE(text);
    CHECK(matches_glob(glob, text) == matches);
  }
}

TEST_CASE("a pattern that was made to take long does not") {
  std::string glob, text(2000, 'a');
  for (int i = 0; i < 500; ++i) glob += "*a";
  CHECK_FALSE(matches_glob(glob + "b", text));
  CHECK(matches_glob(glob, text));
}

TEST_CASE("a repository, tags of it, or one digest of it") {
  const auto repository = pattern("docker.io/library/**");
  CHECK(repository.whole_repository());
  CHECK(repository.names_repository("docker.io/library/alpine"));
  CHECK_FALSE(repository.names_tag("3"));
  CHECK(repository.literal_prefix() == "docker.io/library/");

  const auto tags = pattern("quay.io/site/app:v2.*");
  CHECK_FALSE(tags.whole_repository());
  CHECK(tags.names_repository("quay.io/site/app"));
  CHECK(tags.names_tag("v2.1"));
  CHECK_FALSE(tags.names_tag("v3"));

  // A port is no tag.
  const auto port = pattern("registry.local:5000/app");
  CHECK(port.whole_repository());
  CHECK(pattern("registry.local:5000/app:1").names_tag("1"));

  const std::string digest = "sha256:" + std::string(64, 'a');
  const auto one = pattern("ghcr.io/site/app@" + digest);
  REQUIRE(one.digest());
  CHECK(one.digest()->text() == digest);
  CHECK(one.names_repository("ghcr.io/site/app"));
  CHECK_FALSE(one.whole_repository());
}

TEST_CASE("what is no pattern says why") {
  for (const char* text : {"", "alpine", "docker.io", "docker.io/a b", "docker.io/a\n", "docker.io/a:", "docker.io/a@sha256:12",
                           "a/b?c", "a/b#c", "a/b\\c"}) {
    CAPTURE(text);
    const auto parsed = Pattern::parse(text);
    REQUIRE_FALSE(parsed.ok());
    CHECK(parsed.error().failure == Failure::invalid);
    CHECK(parsed.error().what.starts_with('"'));
  }
  CHECK_FALSE(Pattern::parse("docker.io/a:" + std::string(129, 't')).ok());
  CHECK_FALSE(Pattern::parse("docker.io/" + std::string(600, 'a')).ok());
}
