#include "base/lmdb.h"

#include <filesystem>
#include <fstream>
#include <thread>

#include "tests/unit/base/scratch.h"

#include <doctest/doctest.h>

using namespace weir;
using weir::testing::Scratch;

namespace {

enum : Table { kFirst, kSecond };

std::unique_ptr<LmdbEnvironment> opened(const Scratch& scratch, bool read_only = false, std::uint64_t map_size = 1ull << 30) {
  auto environment = LmdbEnvironment::open(
      {.directory = scratch.path(), .tables = {"first", "second"}, .map_size = map_size, .read_only = read_only});
  REQUIRE(environment.ok());
  return *std::move(environment);
}

void put_all(const LmdbEnvironment& environment, Table table, const std::vector<std::string>& keys) {
  WriteTransaction transaction(environment);
  for (const auto& key : keys) REQUIRE(transaction.put(table, key, "value of " + key).ok());
  REQUIRE(transaction.commit().ok());
}

std::string scanned(const LmdbEnvironment& environment, std::string_view prefix, std::string_view from, std::size_t most = 100) {
  std::string keys;
  const ReadTransaction transaction(environment);
  transaction.scan(kFirst, prefix, from, [&](std::string_view key, std::string_view) {
    keys.append(key).append(1, ' ');
    return --most > 0;
  });
  return keys;
}

}  // namespace

TEST_CASE("what was committed is there for the next to open it") {
  const Scratch scratch;
  {
    const auto environment = opened(scratch);
    put_all(*environment, kFirst, {"a", std::string("with\0nul", 8)});
  }
  const auto environment = opened(scratch);
  const ReadTransaction transaction(*environment);
  CHECK(transaction.get(kFirst, "a") == "value of a");
  CHECK(transaction.get(kFirst, std::string_view("with\0nul", 8)).has_value());
  CHECK_FALSE(transaction.get(kFirst, "with"));
  CHECK_FALSE(transaction.get(kFirst, "b"));
  CHECK_FALSE(transaction.get(kFirst, ""));
}

TEST_CASE("a map that does not fit into the address space is made smaller") {
  const Scratch scratch;
  const auto environment = opened(scratch, false, 1ull << 60);
  put_all(*environment, kFirst, {"a"});
  CHECK(ReadTransaction(*environment).get(kFirst, "a") == "value of a");
}

TEST_CASE("a file that was not finished when the program was killed is made anew") {
  const Scratch scratch;
  std::ofstream(scratch.file("unfinished")) << "half a page";
  const auto environment = opened(scratch);
  put_all(*environment, kFirst, {"a"});
  CHECK(scanned(*environment, "", "") == "a ");
  CHECK(std::filesystem::exists(scratch.file("data.mdb")));
  CHECK_FALSE(std::filesystem::exists(scratch.file("unfinished")));
}

TEST_CASE("the maps of one file do not see each other") {
  const Scratch scratch;
  const auto environment = opened(scratch);
  put_all(*environment, kFirst, {"a", "b"});
  put_all(*environment, kSecond, {"c"});
  const ReadTransaction transaction(*environment);
  CHECK(transaction.count(kFirst) == 2);
  CHECK(transaction.count(kSecond) == 1);
  CHECK_FALSE(transaction.get(kSecond, "a"));
}

TEST_CASE("a transaction that is not committed never happened") {
  const Scratch scratch;
  const auto environment = opened(scratch);
  put_all(*environment, kFirst, {"kept"});
  {
    WriteTransaction transaction(*environment);
    REQUIRE(transaction.put(kFirst, "lost", "x").ok());
    REQUIRE(transaction.remove(kFirst, "kept").ok());
    CHECK(transaction.get(kFirst, "lost") == "x");  // a writer sees what it wrote
    CHECK_FALSE(transaction.get(kFirst, "kept"));
  }
  const ReadTransaction transaction(*environment);
  CHECK_FALSE(transaction.get(kFirst, "lost"));
  CHECK(transaction.get(kFirst, "kept"));
}

TEST_CASE("a reader keeps its snapshot while another thread writes") {
  const Scratch scratch;
  const auto environment = opened(scratch);
  put_all(*environment, kFirst, {"a"});
  const ReadTransaction before(*environment);
  std::thread([&] { put_all(*environment, kFirst, {"b"}); }).join();
  CHECK_FALSE(before.get(kFirst, "b"));
  CHECK(before.count(kFirst) == 1);
  std::thread([&] {
    const ReadTransaction after(*environment);
    CHECK(after.get(kFirst, "b"));
  }).join();
}

TEST_CASE("removing what is not there is fine") {
  const Scratch scratch;
  const auto environment = opened(scratch);
  WriteTransaction transaction(*environment);
  CHECK(transaction.remove(kFirst, "never").ok());
  CHECK(transaction.commit().ok());
}

TEST_CASE("putting a key again replaces its value") {
  const Scratch scratch;
  const auto environment = opened(scratch);
  WriteTransaction transaction(*environment);
  REQUIRE(transaction.put(kFirst, "a", "old").ok());
  REQUIRE(transaction.put(kFirst, "a", "new").ok());
  CHECK(transaction.get(kFirst, "a") == "new");
  CHECK(transaction.count(kFirst) == 1);
}

TEST_CASE("a scan visits the keys of a prefix in the order of their bytes, from where it is told") {
  const Scratch scratch;
  const auto environment = opened(scratch);
  put_all(*environment, kFirst, {"b", "a", "ab", "aa", "b\xff", "\xff", "ab\x01"});
  CHECK(scanned(*environment, "", "") == "a aa ab ab\x01 b b\xff \xff ");
  CHECK(scanned(*environment, "a", "") == "a aa ab ab\x01 ");
  CHECK(scanned(*environment, "ab", "") == "ab ab\x01 ");
  CHECK(scanned(*environment, "a", "ab") == "ab ab\x01 ");
  CHECK(scanned(*environment, "a", std::string_view("ab\0", 3)) == "ab\x01 ");
  CHECK(scanned(*environment, "a", "b") == "");
  CHECK(scanned(*environment, "b", "a") == "b b\xff ");
  CHECK(scanned(*environment, "c", "") == "");
  CHECK(scanned(*environment, "\xff", "") == "\xff ");
  CHECK(scanned(*environment, "", "", 2) == "a aa ");
}

TEST_CASE("a key of 511 bytes fits, a longer or an empty one is an error and no crash") {
  const Scratch scratch;
  const auto environment = opened(scratch);
  WriteTransaction transaction(*environment);
  CHECK(transaction.put(kFirst, std::string(511, 'k'), "x").ok());
  CHECK_FALSE(transaction.put(kFirst, std::string(512, 'k'), "x").ok());
  CHECK_FALSE(transaction.put(kFirst, "", "x").ok());
}

TEST_CASE("a full map says no_space, and what was there before stays readable") {
  const Scratch scratch;
  const auto environment = opened(scratch, false, 256 << 10);
  put_all(*environment, kFirst, {"kept"});
  Failure failure{};
  {
    WriteTransaction transaction(*environment);
    const std::string value(1000, 'v');
    for (int i = 0; i < 1000; ++i) {
      if (const auto status = transaction.put(kFirst, std::to_string(i), value); !status) {
        failure = status.error().failure;
        break;
      }
    }
    CHECK_FALSE(transaction.commit().ok());
  }
  CHECK(failure == Failure::no_space);
  const ReadTransaction transaction(*environment);
  CHECK(transaction.get(kFirst, "kept"));
  CHECK(transaction.count(kFirst) == 1);
}

TEST_CASE("a read-only environment answers and refuses to write") {
  const Scratch scratch;
  {
    const auto environment = opened(scratch);
    put_all(*environment, kFirst, {"a"});
  }
  const auto environment = opened(scratch, true);
  {
    const ReadTransaction transaction(*environment);
    CHECK(transaction.get(kFirst, "a"));
  }
  WriteTransaction transaction(*environment);
  CHECK_FALSE(transaction.put(kFirst, "b", "x").ok());
  CHECK_FALSE(transaction.remove(kFirst, "a").ok());
  CHECK_FALSE(transaction.commit().ok());
  CHECK_FALSE(transaction.get(kFirst, "a"));
}

TEST_CASE("a directory that is not there is an error that says so") {
  const Scratch scratch;
  const auto missing = LmdbEnvironment::open({.directory = scratch.file("missing"), .tables = {"first"}});
  REQUIRE_FALSE(missing.ok());
  CHECK(missing.error().failure == Failure::not_found);
  CHECK(missing.error().what.find("missing") != std::string::npos);
}
