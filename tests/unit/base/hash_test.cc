#include "base/hash.h"

#include "base/text.h"

#include <doctest/doctest.h>

using namespace weir;

TEST_CASE("the digests of FIPS 180 come out") {
  CHECK(to_hex(hash_of(HashAlgorithm::sha256, "")) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(to_hex(hash_of(HashAlgorithm::sha256, "abc")) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(to_hex(hash_of(HashAlgorithm::sha512, "abc")) ==
        "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
        "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f");
}

TEST_CASE("the same bytes in pieces have the same digest") {
  for (const auto algorithm : {HashAlgorithm::sha256, HashAlgorithm::sha512}) {
    const std::string bytes(100'000, 'x');
    Hasher hasher(algorithm);
    hasher.update(std::string_view());
    for (std::size_t at = 0; at < bytes.size(); at += 777) hasher.update(std::string_view(bytes).substr(at, 777));
    const auto digest = hasher.finish();
    CHECK(digest == hash_of(algorithm, bytes));
    CHECK(digest.size() == hash_size(algorithm));
  }
}

TEST_CASE("a hasher that was moved goes on where it was") {
  Hasher first(HashAlgorithm::sha256);
  first.update("a");
  Hasher second(std::move(first));
  second.update("bc");
  CHECK(second.finish() == hash_of(HashAlgorithm::sha256, "abc"));
}

TEST_CASE("keyed hashes are those of RFC 4231") {
  CHECK(to_hex(keyed_hash(std::string(20, '\x0b'), "Hi There")) ==
        "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
  CHECK(to_hex(keyed_hash("Jefe", "what do ya want for nothing?")) ==
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  CHECK(to_hex(keyed_hash(std::string(131, '\xaa'), "Test Using Larger Than Block-Size Key - Hash Key First")) ==
        "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

TEST_CASE("secrets are equal when every byte is, and of one length") {
  CHECK(equal_secrets("secret", "secret"));
  CHECK(equal_secrets("", ""));
  CHECK_FALSE(equal_secrets("secret", "secreT"));
  CHECK_FALSE(equal_secrets("secret", "secret "));
  CHECK_FALSE(equal_secrets("", "x"));
}

TEST_CASE("random bytes are as many as asked and not twice the same") {
  CHECK(random_bytes(0).empty());
  const auto one = random_bytes(32), other = random_bytes(32);
  CHECK(one.size() == 32);
  CHECK(one != other);
}
