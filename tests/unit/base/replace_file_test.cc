#include "base/replace_file.h"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <thread>
#include <vector>

#include "tests/unit/base/scratch.h"

using namespace weir;
using namespace weir::testing;

namespace {

unsigned mode_of_file(const std::string& path) {
  struct stat status{};
  return ::stat(path.c_str(), &status) == 0 ? status.st_mode & 07777 : 0;
}

Result<std::string> append_x(std::string_view before) { return std::string(before) + 'x'; }

}  // namespace

TEST_CASE("a new file is for its owner alone, an old one keeps its mode") {
  const Scratch scratch;
  const auto path = scratch.file("users");
  CHECK(rewrite_file(path, 100, append_x).ok());
  CHECK(read_file(path) == "x");
  CHECK(mode_of_file(path) == 0600);
  CHECK(::chmod(path.c_str(), 0640) == 0);
  CHECK(rewrite_file(path, 100, append_x).ok());
  CHECK(read_file(path) == "xx");
  CHECK(mode_of_file(path) == 0640);
  CHECK(count_files(scratch.path()) == 1);
}

TEST_CASE("a symbolic link stays one, and the file behind it is replaced") {
  const Scratch scratch;
  write_file(scratch.file("real"), "a");
  CHECK(::symlink("real", scratch.file("link").c_str()) == 0);
  CHECK(rewrite_file(scratch.file("link"), 100, append_x).ok());
  CHECK(std::filesystem::is_symlink(scratch.file("link")));
  CHECK(read_file(scratch.file("real")) == "ax");
}

TEST_CASE("what cannot be changed stays, and nothing is left beside it") {
  const Scratch scratch;
  const auto path = scratch.file("users");
  write_file(path, "old");
  const auto refused = rewrite_file(path, 100, [](std::string_view before) -> Result<std::string> {
    CHECK(before == "old");
    return Error{Failure::not_found, Side::local, false, "no such line"};
  });
  CHECK(refused.error().what == "no such line");
  CHECK(rewrite_file(path, 2, append_x).error().failure == Failure::too_large);
  CHECK(rewrite_file(scratch.file("nowhere/users"), 2, append_x).error().failure == Failure::not_found);
  CHECK(read_file(path) == "old");
  CHECK(count_files(scratch.path()) == 1);
}

TEST_CASE("many at once each change what the others have left") {
  const Scratch scratch;
  const auto path = scratch.file("users");
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&path] {
      for (int k = 0; k < 10; ++k) CHECK(rewrite_file(path, 100, append_x).ok());
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(read_file(path) == std::string(40, 'x'));
}
