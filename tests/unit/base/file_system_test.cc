#include "base/file_system.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "tests/unit/base/scratch.h"

#include <doctest/doctest.h>

using namespace weir;
using namespace weir::testing;
using Mode = FileSystem::Mode;

namespace {

std::span<const std::byte> as_bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }

UniqueFd opened(FileSystem& disk, const std::string& path, Mode mode) {
  auto file = disk.open(path, mode);
  REQUIRE(file.ok());
  return *std::move(file);
}

unsigned mode_of(const std::string& path) {
  struct stat status{};
  return ::stat(path.c_str(), &status) == 0 ? status.st_mode & 07777 : 0;
}

}  // namespace

TEST_CASE("a file is written at an offset and read back, up to its end") {
  const Scratch scratch;
  RealFileSystem disk;
  const auto file = opened(disk, scratch.file("a"), Mode::create_or_append);
  CHECK(disk.write_at(file.get(), as_bytes_of("hello"), 0).ok());
  CHECK(disk.write_at(file.get(), as_bytes_of("world"), 7).ok());
  CHECK(*disk.size(file.get()) == 12);
  std::string read(20, '?');
  const auto count = disk.read_at(file.get(), std::as_writable_bytes(std::span(read)), 0);
  REQUIRE(count.ok());
  CHECK(*count == 12);
  CHECK(read.substr(0, 12) == std::string("hello\0\0world", 12));
  CHECK(*disk.read_at(file.get(), std::as_writable_bytes(std::span(read)), 12) == 0);
  CHECK(disk.sync(file.get()).ok());
}

TEST_CASE("opening to append keeps what is there, and makes what is not, for the owner alone") {
  const Scratch scratch;
  RealFileSystem disk;
  write_file(scratch.file("old"), "kept");
  CHECK(*disk.size(opened(disk, scratch.file("old"), Mode::create_or_append).get()) == 4);
  opened(disk, scratch.file("new"), Mode::create_or_append);
  CHECK(mode_of(scratch.file("new")) == 0600);
  const auto missing = disk.open(scratch.file("missing"), Mode::read);
  REQUIRE_FALSE(missing.ok());
  CHECK(missing.error().failure == Failure::not_found);
  CHECK_FALSE(exists(scratch.file("missing")));
}

TEST_CASE("a symbolic link is not followed") {
  const Scratch scratch;
  RealFileSystem disk;
  write_file(scratch.file("target"), "secret");
  REQUIRE(::symlink(scratch.file("target").c_str(), scratch.file("link").c_str()) == 0);
  CHECK_FALSE(disk.open(scratch.file("link"), Mode::read).ok());
  CHECK_FALSE(disk.open(scratch.file("link"), Mode::create_or_append).ok());
}

TEST_CASE("a file opened to be read cannot be written") {
  const Scratch scratch;
  RealFileSystem disk;
  write_file(scratch.file("a"), "x");
  const auto file = opened(disk, scratch.file("a"), Mode::read);
  CHECK_FALSE(disk.write_at(file.get(), as_bytes_of("y"), 0).ok());
}

TEST_CASE("truncating shortens a file") {
  const Scratch scratch;
  RealFileSystem disk;
  write_file(scratch.file("a"), "0123456789");
  const auto file = opened(disk, scratch.file("a"), Mode::create_or_append);
  CHECK(disk.truncate(file.get(), 4).ok());
  CHECK(read_file(scratch.file("a")) == "0123");
}

TEST_CASE("a rename replaces what bears the name, and is an error without its source") {
  const Scratch scratch;
  RealFileSystem disk;
  write_file(scratch.file("from"), "new");
  write_file(scratch.file("to"), "old");
  CHECK(disk.rename(scratch.file("from"), scratch.file("to")).ok());
  CHECK(read_file(scratch.file("to")) == "new");
  CHECK_FALSE(exists(scratch.file("from")));
  const auto again = disk.rename(scratch.file("from"), scratch.file("to"));
  REQUIRE_FALSE(again.ok());
  CHECK(again.error().failure == Failure::not_found);
  CHECK(read_file(scratch.file("to")) == "new");
}

TEST_CASE("removing what is not there is fine, removing a folder is not") {
  const Scratch scratch;
  RealFileSystem disk;
  write_file(scratch.file("a"), "x");
  CHECK(disk.remove(scratch.file("a")).ok());
  CHECK(disk.remove(scratch.file("a")).ok());
  CHECK_FALSE(exists(scratch.file("a")));
  REQUIRE(disk.make_directories(scratch.file("folder")).ok());
  CHECK_FALSE(disk.remove(scratch.file("folder")).ok());
}

TEST_CASE("folders are made with their parents, for the owner alone, and existing ones are fine") {
  const Scratch scratch;
  RealFileSystem disk;
  const auto deep = scratch.file("a/b/c");
  CHECK(disk.make_directories(deep).ok());
  CHECK(disk.make_directories(deep).ok());
  CHECK(mode_of(scratch.file("a")) == 0700);
  CHECK(mode_of(deep) == 0700);
  CHECK(disk.sync_directory(deep).ok());
  CHECK_FALSE(disk.sync_directory(scratch.file("missing")).ok());
  CHECK(disk.make_directories(deep + "/").ok());
}

TEST_CASE("where a file stands no folder can be made") {
  const Scratch scratch;
  RealFileSystem disk;
  write_file(scratch.file("file"), "x");
  CHECK_FALSE(disk.make_directories(scratch.file("file/below")).ok());
  CHECK_FALSE(disk.make_directories(scratch.file("file")).ok());
}

TEST_CASE("a list names plain files with their sizes, and neither folders nor links") {
  const Scratch scratch;
  RealFileSystem disk;
  write_file(scratch.file("one"), "1");
  write_file(scratch.file("three"), "333");
  REQUIRE(disk.make_directories(scratch.file("folder")).ok());
  REQUIRE(::symlink(scratch.file("one").c_str(), scratch.file("link").c_str()) == 0);
  auto entries = disk.list(scratch.path());
  REQUIRE(entries.ok());
  std::sort(entries->begin(), entries->end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  REQUIRE(entries->size() == 2);
  CHECK(entries->at(0).name == "one");
  CHECK(entries->at(1).name == "three");
  CHECK(entries->at(1).size == 3);
  CHECK(entries->at(1).modified > 1'600'000'000);
  CHECK_FALSE(disk.list(scratch.file("missing")).ok());
}

TEST_CASE("a small file is read whole, and one byte too many is an error") {
  const Scratch scratch;
  write_file(scratch.file("a"), std::string("four", 4));
  const auto whole = read_small_file(scratch.file("a"), 4);
  REQUIRE(whole.ok());
  CHECK(*whole == "four");
  const auto large = read_small_file(scratch.file("a"), 3);
  REQUIRE_FALSE(large.ok());
  CHECK(large.error().failure == Failure::too_large);
  CHECK(read_small_file(scratch.file("missing"), 3).error().failure == Failure::not_found);
  write_file(scratch.file("empty"), "");
  CHECK(*read_small_file(scratch.file("empty"), 0) == "");
}
