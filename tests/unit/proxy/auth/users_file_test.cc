#include "proxy/auth/users_file.h"

#include <doctest/doctest.h>

using namespace weir;

namespace {

const std::string kBcryptLine = "ann:$2y$05$c4WoMPo3SXsafkva.HHa6uXQZWr7oboPiC2bT/r7q1BB8I2s0BRqC";
const std::string kYescryptLine = "bob:$y$j9T$F5Jx5fExrKuPp53xLKQ..1$X3DX6M94c7o.9agCG9G317fhZg9SqC.5i5rd.RhAtQ7";

// The names, or what is wrong.
std::string names(std::string_view text) {
  const auto file = UsersFile::parse(text);
  if (!file) return file.error().what;
  std::string list;
  for (const auto& user : file->users()) list += user.name + ' ';
  return list;
}

std::string refused_hash(const std::string& hash) {
  const char* what = check_hash(hash);
  return what ? what : "good";
}

}  // namespace

TEST_CASE("users, comments and empty lines") {
  CHECK(names("") == "");
  CHECK(names(kBcryptLine) == "ann ");
  CHECK(names("# who may\n\n" + kBcryptLine + "\n   \n" + kYescryptLine + "\n# the end") == "ann bob ");
  CHECK(names(kBcryptLine + "\r\n" + kYescryptLine + "\r\n") == "ann bob ");
}

TEST_CASE("what is wrong comes with its line, and never with the hash") {
  CHECK(names("# x\nann").starts_with("line 2: no colon"));
  CHECK(names("\n\n:" + kBcryptLine.substr(4)).starts_with("line 3: the name"));
  CHECK(names("an n:" + kBcryptLine.substr(4)).starts_with("line 1: the name"));
  CHECK(names(std::string(256, 'a') + kBcryptLine.substr(3)).starts_with("line 1: the name"));
  CHECK(names(kBcryptLine + '\n' + kYescryptLine + '\n' + kBcryptLine) == "line 3: the name is there twice");
  CHECK(names("ann:topsecret") == "line 1: the hash is neither bcrypt nor yescrypt (htpasswd -B, or `weir user add`)");
}

TEST_CASE("hashes that one guess undoes are refused") {
  for (const char* weak : {"$apr1$r31.....$HqJZimcKQFAMYayBlzkrA/", "{SHA}Et6pb+wgWTVmq3VpLJlJWWgzrck=", "rl1Pb9.nZ5bGE", "plain",
                           "", "$1$abcdefgh$G//4keteveJp0qb8z2DxG/", "$5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc8",
                           "$2x$05$c4WoMPo3SXsafkva.HHa6uXQZWr7oboPiC2bT/r7q1BB8I2s0BRqC", "$7$whatever", "*", "!"})
    CHECK_MESSAGE(refused_hash(weak).starts_with("the hash is neither"), weak);
}

TEST_CASE("hashes that are damaged or cost too much are refused") {
  const std::string bcrypt = kBcryptLine.substr(4), yescrypt = kYescryptLine.substr(4);
  CHECK(refused_hash(bcrypt) == "good");
  CHECK(refused_hash(yescrypt) == "good");
  for (std::size_t size = 4; size < bcrypt.size(); ++size) CHECK(refused_hash(bcrypt.substr(0, size)) != "good");
  for (std::size_t size = 3; size < yescrypt.size(); ++size) CHECK(refused_hash(yescrypt.substr(0, size)) != "good");
  CHECK(refused_hash(bcrypt + 'a') != "good");
  CHECK(refused_hash(bcrypt.substr(0, 59) + ':') != "good");
  CHECK(refused_hash(yescrypt + 'a') != "good");
  CHECK(refused_hash(std::string(bcrypt).replace(4, 2, "03")).find("from 4 to 16") != std::string::npos);
  CHECK(refused_hash(std::string(bcrypt).replace(4, 2, "17")).find("from 4 to 16") != std::string::npos);
  CHECK(refused_hash(std::string(bcrypt).replace(4, 2, "1a")) != "good");
  CHECK(refused_hash(std::string(bcrypt).replace(4, 2, "16")) == "good");
  // 128 MiB is the most; the gibibyte of the highest cost is not for a server.
  CHECK(refused_hash(std::string(yescrypt).replace(3, 3, "jCT")) == "good");
  CHECK(refused_hash(std::string(yescrypt).replace(3, 3, "jDT")).find("memory") != std::string::npos);
  CHECK(refused_hash(std::string(yescrypt).replace(3, 3, "jzT")).find("memory") != std::string::npos);
  CHECK(refused_hash(std::string(yescrypt).replace(3, 3, "j9z")).find("memory") != std::string::npos);
  CHECK(refused_hash(std::string(yescrypt).replace(3, 3, "j75")) == "good");
  CHECK(refused_hash(std::string(yescrypt).replace(3, 3, "j65")).find("memory") != std::string::npos);
  CHECK(refused_hash(std::string(yescrypt).replace(3, 3, "k9T")).find("parameters") != std::string::npos);
}

TEST_CASE("a file that is changed keeps its comments, its order and the other lines") {
  const std::string text = "# first\n" + kBcryptLine + "\n\n" + kYescryptLine + "\n# last\n";
  auto file = UsersFile::parse(text);
  REQUIRE(file.ok());
  CHECK(file->text() == text);
  CHECK(file->set("ann", kYescryptLine.substr(4)));
  CHECK_FALSE(file->set("carl", kBcryptLine.substr(4)));
  CHECK(file->text() ==
        "# first\nann" + kYescryptLine.substr(3) + "\n\n" + kYescryptLine + "\n# last\ncarl" + kBcryptLine.substr(3) + '\n');
  CHECK(file->remove("bob"));
  CHECK_FALSE(file->remove("bob"));
  CHECK(file->text() == "# first\nann" + kYescryptLine.substr(3) + "\n\n# last\ncarl" + kBcryptLine.substr(3) + '\n');
}

TEST_CASE("a last line without an end gets one before another comes") {
  auto file = UsersFile::parse(kBcryptLine);
  REQUIRE(file.ok());
  file->set("bob", kYescryptLine.substr(4));
  CHECK(file->text() == kBcryptLine + '\n' + kYescryptLine + '\n');
}
