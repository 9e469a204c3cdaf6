#include "proxy/auth/keys.h"

#include <sys/stat.h>

#include <thread>

#include "proxy/auth/jwk.h"
#include "tests/unit/base/certificates.h"
#include "tests/unit/base/scratch.h"

#include <doctest/doctest.h>

using namespace weir;
using weir::testing::Scratch;

namespace {

unsigned mode_of(const std::string& path) {
  struct stat status{};
  return ::stat(path.c_str(), &status) == 0 ? status.st_mode & 0777 : 0;
}

std::string failure_of(const Result<std::shared_ptr<const KeyRing>>& ring) {
  return ring ? "ok" : failure_name(ring.error().failure);
}

}  // namespace

TEST_CASE("the first start makes a key that only its owner may read, and the next finds it") {
  const Scratch scratch;
  const auto path = scratch.file("keys.pem");
  CHECK(failure_of(KeyRing::read(path)) == "not_found");
  const auto first = KeyRing::read_or_make(path);
  REQUIRE(first.ok());
  CHECK(mode_of(path) == 0600);
  const auto second = KeyRing::read_or_make(path);
  REQUIRE(second.ok());
  CHECK((*first)->current_kid() == (*second)->current_kid());
  CHECK((*first)->current_kid() == thumbprint((*first)->current().public_key()));
  CHECK(weir::testing::count_files(scratch.path()) == 1);
}

TEST_CASE("of several who make the file at once all end with the same key") {
  const Scratch scratch;
  const auto path = scratch.file("keys.pem");
  std::vector<std::string> kids(8);
  std::vector<std::thread> threads;
  for (auto& kid : kids) {
    threads.emplace_back([&path, &kid] {
      if (const auto ring = KeyRing::read_or_make(path)) kid = (*ring)->current_kid();
    });
  }
  for (auto& thread : threads) thread.join();
  for (const auto& kid : kids) CHECK(kid == kids.front());
  CHECK(weir::testing::count_files(scratch.path()) == 1);
}

TEST_CASE("a rotation puts a new key in front and keeps the one before it") {
  const Scratch scratch;
  const auto path = scratch.file("keys.pem");
  const auto first = KeyRing::read_or_make(path);
  REQUIRE(first.ok());
  REQUIRE(KeyRing::rotate(path).ok());
  const auto second = KeyRing::read(path);
  REQUIRE(second.ok());
  CHECK((*second)->current_kid() != (*first)->current_kid());
  CHECK((*second)->find((*first)->current_kid()) != nullptr);
  REQUIRE(KeyRing::rotate(path).ok());
  const auto third = KeyRing::read(path);
  REQUIRE(third.ok());
  CHECK((*third)->find((*second)->current_kid()) != nullptr);
  CHECK((*third)->find((*first)->current_kid()) == nullptr);
  CHECK(mode_of(path) == 0600);
  CHECK(weir::testing::count_files(scratch.path()) == 1);
  CHECK_FALSE(KeyRing::rotate(scratch.file("absent.pem")).ok());
}

TEST_CASE("the set that is published names every key and none of their secrets") {
  const auto one = PrivateKey::generate(), other = PrivateKey::generate();
  const auto ring = KeyRing::parse(one.to_pem() + other.to_pem());
  REQUIRE(ring.ok());
  const auto keys = parse_jwks((*ring)->jwks());
  REQUIRE(keys.ok());
  REQUIRE(keys->size() == 2);
  CHECK(keys->at(0).kid == (*ring)->current_kid());
  CHECK(keys->at(0).key.verify("m", one.sign("m")));
  CHECK(keys->at(1).key.verify("m", other.sign("m")));
  CHECK((*ring)->find(keys->at(1).kid)->verify("m", other.sign("m")));
  CHECK((*ring)->find("unknown") == nullptr);
  CHECK((*ring)->find("") == nullptr);
}

TEST_CASE("a file that holds anything but keys of ours is refused, and so is one that everybody may read") {
  const auto key = PrivateKey::generate().to_pem();
  std::string many;
  for (int i = 0; i < 9; ++i) many += key;
  for (const auto& bad : std::initializer_list<std::string>{"", "no key", many, key + weir::testing::make_certificate("x", 2048).key,
                                                            key + weir::testing::make_certificate("x").certificate}) {
    CHECK(failure_of(KeyRing::parse(bad)) == "invalid");
  }
  const Scratch scratch;
  const auto path = scratch.file("keys.pem");
  weir::testing::write_file(path, key);
  ::chmod(path.c_str(), 0640);
  CHECK(failure_of(KeyRing::read(path)) == "ok");
  ::chmod(path.c_str(), 0644);
  CHECK(failure_of(KeyRing::read_or_make(path)) == "denied");
}
