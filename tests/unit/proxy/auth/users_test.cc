#include "proxy/auth/users.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <algorithm>
#include <ctime>
#include <fstream>

using namespace weir;

namespace {

std::shared_ptr<const Users> users_of(const std::string& text) {
  const auto file = UsersFile::parse(text);
  REQUIRE_MESSAGE(file.ok(), file.error().what);
  return std::make_shared<const Users>(*file);
}

// The first as `htpasswd -nbB` made it, the second from crypt(3); the passwords are `correct horse` and `Pa:ss w\xc3\xb6rd`.
const std::string kAnn = "ann:$2y$05$8LntNOu5u/uVDvh3rL0ltu9U9DtONeeadOHQUQHj2bAMGCHZaC7BG\n";
const std::string kBob = "bob:$y$j75$ePXWRLGGBpmy2d4mL1wPH.$jtljwOA3bbhS1tdrVVduKo4E5aPuL6BHOoYgfADuqN4\n";

// Of this thread: what else runs on the machine does not count.
double processor_seconds() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

double seconds_of(const Users& users, const char* name) {
  const double start = processor_seconds();
  CHECK_FALSE(users.verify(name, "wrong"));
  return processor_seconds() - start;
}

}  // namespace

TEST_CASE("bcrypt and yescrypt passwords are told right from wrong") {
  const auto users = users_of(kAnn + kBob);
  CHECK(users->size() == 2);
  CHECK(users->verify("ann", "correct horse"));
  CHECK(users->verify("bob", "Pa:ss w\xc3\xb6rd"));
  for (const char* wrong : {"", "correct hors", "correct horsee", "Correct horse", "correct horse "})
    CHECK_FALSE(users->verify("ann", wrong));
  CHECK_FALSE(users->verify("bob", "correct horse"));
  CHECK_FALSE(users->verify("Ann", "correct horse"));
  CHECK_FALSE(users->verify("", "correct horse"));
}

TEST_CASE("a name that nobody has is refused whatever the password") {
  // With one user, everybody else is tried at his hash.
  const auto users = users_of(kAnn);
  for (const char* name : {"carl", "", "ann ", "ann:", "an"}) CHECK_FALSE(users->verify(name, "correct horse"));
}

TEST_CASE("without users nobody is right") {
  const auto users = users_of("# nobody yet\n");
  CHECK(users->empty());
  CHECK_FALSE(users->verify("ann", "correct horse"));
}

TEST_CASE("passwords that the library does not take are wrong, not cut off") {
  const auto users = users_of(kAnn);
  CHECK_FALSE(users->verify("ann", std::string("correct horse\0x", 15)));
  CHECK_FALSE(users->verify("ann", "correct horse" + std::string(512, 'x')));
  CHECK_FALSE(users->verify("ann", std::string(Users::kMostPasswordBytes, 'x')));
}

TEST_CASE("a name that nobody has takes as long as one that somebody has") {
  const auto users = users_of(kAnn);
  double known = 1e9, unknown = 1e9;
  for (int i = 0; i < 20; ++i) {  // by turns, as a processor is not always as fast
    known = std::min(known, seconds_of(*users, "ann"));
    unknown = std::min(unknown, seconds_of(*users, "carl"));
  }
  CHECK(unknown > known * 0.6);
  CHECK(unknown < known / 0.6);
}

TEST_CASE("what is hashed is a good line of the file, and another one each time") {
  for (const auto scheme : {HashScheme::bcrypt, HashScheme::yescrypt}) {
    const auto hash = hash_password("s\xc3\xa9same: ", scheme), again = hash_password("s\xc3\xa9same: ", scheme);
    REQUIRE(hash.ok());
    REQUIRE(again.ok());
    CHECK(*hash != *again);
    CHECK(hash->starts_with(scheme == HashScheme::bcrypt ? "$2b$10$" : "$y$j9T$"));
    const auto users = users_of("ann:" + *hash + '\n');
    CHECK(users->verify("ann", "s\xc3\xa9same: "));
    CHECK_FALSE(users->verify("ann", "s\xc3\xa9same:"));
  }
}

TEST_CASE("no password is hashed that would be looked at in part") {
  CHECK(hash_password("", HashScheme::bcrypt).error().failure == Failure::invalid);
  CHECK(hash_password(std::string("a\0b", 3), HashScheme::yescrypt).error().failure == Failure::invalid);
  CHECK(hash_password(std::string(73, 'x'), HashScheme::bcrypt).error().what.find("72 bytes") != std::string::npos);
  CHECK(hash_password(std::string(512, 'x'), HashScheme::yescrypt).error().what.find("511 bytes") != std::string::npos);
  CHECK(hash_password(std::string(511, 'x'), HashScheme::yescrypt).ok());
}

TEST_CASE("a file that cannot be used says where") {
  const std::string path = "/tmp/weir-users-test-" + std::to_string(::getpid());
  CHECK(Users::read(path).error().failure == Failure::not_found);
  std::ofstream(path) << "# ours\n" << kAnn << "bob:$apr1$r31.....$HqJZimcKQFAMYayBlzkrA/\n";
  const auto users = Users::read(path);
  ::unlink(path.c_str());
  REQUIRE(!users.ok());
  CHECK(users.error().what.starts_with(path + ":3: the hash is neither bcrypt nor yescrypt"));
  CHECK(users.error().what.find("HqJZ") == std::string::npos);
}

TEST_CASE("what stands for a password is another one for each, and tells nothing of it") {
  const auto users = users_of(kAnn);
  const auto mark = users->mark("ann");
  REQUIRE(mark);
  CHECK(mark == users_of(kAnn)->mark("ann"));
  CHECK_FALSE(users->mark("bob"));
  const auto other = users_of("ann:" + *hash_password("another", HashScheme::bcrypt) + '\n');
  CHECK(mark != other->mark("ann"));
  CHECK(std::string(kAnn).find(*mark) == std::string::npos);
}
