#include "oci/reference.h"

#include "tests/unit/oci/values.h"

#include <doctest/doctest.h>

using namespace weir;
using namespace weir::testing;

namespace {

// `REPOSITORY REFERENCE`, or `wrong`.
std::string written(std::string_view text) {
  const auto found = parse_written_reference(text);
  if (!found) return "wrong";
  return found->repository + (found->reference ? ' ' + found->reference->text() : "");
}

const std::string kDigest = some_digest().text();

}  // namespace

TEST_CASE("a tag starts with a letter, a digit or an underscore and has 128 characters at most") {
  for (const std::string good : {"latest", "3", "_", "v1.2.3-rc.1", "A_b.C-d", "sha256-0123"})
    CHECK_MESSAGE(Tag::parse(good).ok(), good);
  for (const std::string bad : {"", ".", ".a", "-a", "a b", "a/b", "a:b", "a@b", "a+b", "a~", "\xc3\xa4", "a\n", "..", "a%20"})
    CHECK_MESSAGE(!Tag::parse(bad).ok(), bad);
  CHECK(Tag::parse(std::string(128, 't')).ok());
  CHECK_FALSE(Tag::parse(std::string(129, 't')).ok());
  CHECK_FALSE(Tag::parse(std::string_view("a\0", 2)).ok());
}

TEST_CASE("what has a colon is a digest, all else a tag") {
  const auto tag = Reference::parse("3.20");
  REQUIRE(tag.ok());
  CHECK(tag->tag()->text() == "3.20");
  CHECK(tag->digest() == nullptr);
  CHECK(tag->text() == "3.20");
  const auto digest = Reference::parse(kDigest);
  REQUIRE(digest.ok());
  CHECK(*digest->digest() == some_digest());
  CHECK(digest->tag() == nullptr);
  CHECK(digest->text() == kDigest);
  for (const std::string bad : {"", "a:b", "sha256:", ":", "sha256:xyz"}) CHECK_MESSAGE(!Reference::parse(bad).ok(), bad);
}

TEST_CASE("a reference is written with a tag, a digest, both or none") {
  CHECK(written("docker.io/library/alpine:3") == "docker.io/library/alpine 3");
  CHECK(written("docker.io/library/alpine") == "docker.io/library/alpine");
  CHECK(written("docker.io/library/alpine@" + kDigest) == "docker.io/library/alpine " + kDigest);
  CHECK(written("docker.io/library/alpine:3@" + kDigest) == "docker.io/library/alpine " + kDigest);
  CHECK(written("alpine") == "alpine");
}

TEST_CASE("a colon before the last slash belongs to a port") {
  CHECK(written("localhost:5000/a") == "localhost:5000/a");
  CHECK(written("localhost:5000/a:latest") == "localhost:5000/a latest");
  CHECK(written("localhost:5000/a@" + kDigest) == "localhost:5000/a " + kDigest);
}

TEST_CASE("a written reference that is wrong anywhere is wrong") {
  for (const std::string& bad :
       {std::string(), std::string(":3"), "@" + kDigest, std::string("a:"), std::string("a:b c"), std::string("a@"),
        std::string("a@latest"), "a@" + kDigest + "0", "a:-x@" + kDigest, std::string("a:b@c@d"), "a:" + std::string(129, 't')}) {
    CHECK_MESSAGE(written(bad) == "wrong", bad);
  }
}
