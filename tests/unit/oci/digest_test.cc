#include "oci/digest.h"

#include <map>

#include "base/text.h"

#include <doctest/doctest.h>

using namespace weir;

namespace {
const std::string kHex256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
const std::string kHex512 = std::string(64, 'a') + std::string(64, '0');
}  // namespace

TEST_CASE("a digest of either algorithm is read and written the same") {
  for (const auto& text : {"sha256:" + kHex256, "sha512:" + kHex512}) {
    const auto digest = Digest::parse(text);
    REQUIRE(digest.ok());
    CHECK(digest->text() == text);
    CHECK(digest->hex() == text.substr(7));
    CHECK(std::string(digest->algorithm_name()) + ':' == text.substr(0, 7));
    CHECK(to_hex(digest->raw()) == digest->hex());
  }
}

TEST_CASE("anything else is no digest") {
  const std::string bad[] = {"",
                             ":",
                             "sha256",
                             "sha256:",
                             kHex256,
                             ":" + kHex256,
                             "sha256:" + kHex256.substr(1),
                             "sha256:" + kHex256 + "0",
                             "sha256:" + kHex256 + "00",
                             "sha256:" + kHex512,
                             "sha512:" + kHex256,
                             "SHA256:" + kHex256,
                             "sha256:" + std::string(64, 'A'),
                             "sha256:" + std::string(64, 'g'),
                             "sha256: " + kHex256,
                             " sha256:" + kHex256,
                             "sha256:" + kHex256 + " ",
                             "sha256:" + kHex256 + "\n",
                             "md5:d41d8cd98f00b204e9800998ecf8427e",
                             "sha384:" + std::string(96, '0'),
                             "sha256+b64:" + kHex256,
                             "sha256:sha256:" + kHex256,
                             "sha256:../../" + std::string(58, '0'),
                             "sha256:" + std::string(63, '0') + '\0'};
  for (const auto& text : bad) {
    const auto digest = Digest::parse(text);
    CHECK_MESSAGE(!digest.ok(), text);
    if (!digest) CHECK(digest.error().failure == Failure::invalid);
  }
}

TEST_CASE("the digest of bytes is their hash") {
  CHECK(Digest::of(HashAlgorithm::sha256, "").text() == "sha256:" + kHex256);
  Hasher hasher(HashAlgorithm::sha512);
  hasher.update("abc");
  CHECK(Digest::from_raw(HashAlgorithm::sha512, hasher.finish()) == Digest::of(HashAlgorithm::sha512, "abc"));
}

TEST_CASE("digests are ordered, and those of two algorithms are never equal") {
  std::map<Digest, int> ordered;
  ordered.emplace(Digest::of(HashAlgorithm::sha256, "a"), 1);
  ordered.emplace(Digest::of(HashAlgorithm::sha512, "a"), 2);
  ordered.emplace(Digest::of(HashAlgorithm::sha256, "b"), 3);
  CHECK(ordered.size() == 3);
  CHECK(ordered.at(Digest::of(HashAlgorithm::sha512, "a")) == 2);
}
