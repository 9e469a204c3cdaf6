#include "tests/crash/state_folder.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>

#include "tests/support/temporary_directory.h"

namespace weir::testing {

namespace {

DiskEntry file(std::uint64_t identity, const std::string& bytes) {
  return {DiskEntry::Kind::file, identity, std::make_shared<const std::string>(bytes)};
}
const DiskEntry kFolder{.kind = DiskEntry::Kind::directory};

struct Folder : StateFolder {
  Folder() : Folder(std::make_unique<TemporaryDirectory>()) {}
  explicit Folder(std::unique_ptr<TemporaryDirectory> of) : StateFolder(of->file("folder")), scratch(std::move(of)) {}

  std::vector<std::string> unlike(const DiskContents& contents) { return differences(contents, contents_of(path())); }

  std::unique_ptr<TemporaryDirectory> scratch;
};

}  // namespace

TEST_CASE("a folder holds one thing after the other") {
  Folder folder;
  const DiskContents states[] = {
      {{"/p", kFolder}, {"/p/a", file(1, "a")}, {"/s", {.kind = DiskEntry::Kind::socket}}},
      {{"/p", file(2, "now a file")}},
      {},
      {{"/p", kFolder}, {"/p/q", kFolder}, {"/p/q/a", file(1, "a")}, {"/b", file(1, "a")}},
      {{"/p", kFolder}, {"/p/q", kFolder}, {"/p/q/a", file(1, "longer")}, {"/b", file(1, "longer")}},
  };
  for (const auto& state : states) {
    folder.hold(state);
    CHECK(folder.unlike(state).empty());
  }
  CHECK(std::filesystem::hard_link_count(folder.path() + "/b") == 2);
}

TEST_CASE("whatever was done to a folder in between, it holds what it should") {
  Folder folder;
  const DiskContents state{{"/p", kFolder}, {"/p/a", file(1, "bytes")}, {"/b", file(2, "b")}};
  folder.hold(state);
  SUBCASE("bytes written in place") { std::fstream(folder.path() + "/p/a", std::ios::in | std::ios::out) << "BYTES"; }
  SUBCASE("a file removed") { std::filesystem::remove(folder.path() + "/p/a"); }
  SUBCASE("a file replaced") { std::filesystem::rename(folder.path() + "/b", folder.path() + "/p/a"); }
  SUBCASE("a file made") { std::ofstream(folder.path() + "/p/c") << "c"; }
  SUBCASE("a folder removed") { std::filesystem::remove_all(folder.path() + "/p"); }
  SUBCASE("a name more for one of them") { std::filesystem::create_hard_link(folder.path() + "/b", folder.path() + "/c"); }
  folder.hold(state);
  CHECK(folder.unlike(state).empty());
}

TEST_CASE("differences are told by path") {
  const DiskContents expected{{"/a", file(1, "a")}, {"/b", file(2, "b")}, {"/c", kFolder}};
  const DiskContents found{{"/a", file(8, "a")}, {"/b", file(2, "other")}, {"/d", kFolder}};
  CHECK(differences(expected, found) ==
        std::vector<std::string>{"/b has 5 bytes that differ from the 1 expected", "/c is missing", "/d should not be there"});
}

}  // namespace weir::testing
