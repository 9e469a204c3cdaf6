#include "tests/crash/disk_model.h"

#include <doctest/doctest.h>

#include <set>
#include <stdexcept>

namespace weir::testing {

namespace {

constexpr std::uint64_t kRoot = 1;

// A disk with an empty folder, and steps in a few letters.
struct Disk : DiskModel {
  Disk() { play({.kind = StepKind::start, .inode = kRoot}); }

  void create(const std::string& path, std::uint64_t inode) { make(StepKind::create, path, inode); }
  void directory(const std::string& path, std::uint64_t inode) { make(StepKind::directory, path, inode); }
  void make(StepKind kind, const std::string& path, std::uint64_t inode) { play({.kind = kind, .path = path, .inode = inode}); }
  void write(std::uint64_t inode, std::uint64_t at, const std::string& bytes, bool synced = false) {
    play({.kind = StepKind::write, .inode = inode, .number = at, .synced = synced, .bytes = bytes});
  }
  void resize(std::uint64_t inode, std::uint64_t size) { play({.kind = StepKind::resize, .inode = inode, .number = size}); }
  void sync(std::uint64_t inode) { play({.kind = StepKind::sync, .inode = inode}); }
  void rename(const std::string& from, const std::string& to) { play({.kind = StepKind::rename, .path = from, .other = to}); }
  void link(const std::string& from, const std::string& to) { play({.kind = StepKind::link, .path = from, .other = to}); }
  void unlink(const std::string& path) { play({.kind = StepKind::unlink, .path = path}); }

  // "name=bytes name=bytes name/".
  std::string text(Survives survives, std::uint64_t seed = 0) const {
    std::string text;
    for (const auto& [path, entry] : contents(survives, seed)) {
      text += (text.empty() ? "" : " ") + path.substr(1) + (entry.kind == DiskEntry::Kind::directory ? "/" : "=" + *entry.bytes);
    }
    return text;
  }
  std::string safe() const { return text(Survives::nothing); }
  std::string seen() const { return text(Survives::everything); }
  // All that may be left, as far as some hundred seeds tell.
  std::set<std::string> possible() const {
    std::set<std::string> found;
    for (std::uint64_t seed = 0; seed < 500; ++seed) found.insert(text(Survives::some, seed));
    return found;
  }
};

using Texts = std::set<std::string>;

}  // namespace

TEST_CASE("a new file is safe when it and its folder were synced, in either order") {
  Disk disk;
  disk.create("/a", 2);
  disk.write(2, 0, "xy");
  CHECK(disk.safe() == "");
  CHECK(disk.seen() == "a=xy");
  CHECK(disk.possible() == Texts{"", "a=", "a=xy"});
  SUBCASE("the file first") {
    disk.sync(2);
    CHECK(disk.safe() == "");
    CHECK(disk.possible() == Texts{"", "a=xy"});
    disk.sync(kRoot);
  }
  SUBCASE("the folder first") {
    disk.sync(kRoot);
    CHECK(disk.safe() == "a=");
    CHECK(disk.possible() == Texts{"a=", "a=xy"});
    disk.sync(2);
  }
  CHECK(disk.safe() == "a=xy");
  CHECK(disk.possible() == Texts{"a=xy"});
}

TEST_CASE("a rename is a new name in one folder and a name less in another") {
  Disk disk;
  disk.directory("/p", 2);
  disk.directory("/q", 3);
  disk.create("/p/a", 4);
  for (auto inode : {kRoot, std::uint64_t{2}}) disk.sync(inode);
  disk.rename("/p/a", "/q/b");
  CHECK(disk.seen() == "p/ q/ q/b=");
  CHECK(disk.safe() == "p/ p/a= q/");
  CHECK(disk.possible() == Texts{"p/ p/a= q/", "p/ q/", "p/ p/a= q/ q/b=", "p/ q/ q/b="});
  disk.sync(3);
  CHECK(disk.safe() == "p/ p/a= q/ q/b=");
  const auto both = disk.contents(Survives::nothing);
  CHECK(both.at("/p/a").identity == both.at("/q/b").identity);
  disk.sync(2);
  CHECK(disk.safe() == "p/ q/ q/b=");
}

TEST_CASE("a rename replaces, and between two names of one file it does nothing") {
  Disk disk;
  disk.create("/a", 2);
  disk.write(2, 0, "a");
  disk.create("/b", 3);
  disk.rename("/a", "/b");
  CHECK(disk.seen() == "b=a");
  disk.link("/b", "/c");
  disk.rename("/b", "/c");
  CHECK(disk.seen() == "b=a c=a");
}

TEST_CASE("what is in a folder whose name is lost is lost, however often it was synced") {
  Disk disk;
  disk.directory("/p", 2);
  disk.create("/p/a", 3);
  disk.sync(3);
  disk.sync(2);
  CHECK(disk.safe() == "");
  disk.sync(kRoot);
  CHECK(disk.safe() == "p/ p/a=");
}

TEST_CASE("an unlinked file comes back unless its folder was synced") {
  Disk disk;
  disk.create("/a", 2);
  disk.write(2, 0, "x");
  disk.sync(2);
  disk.sync(kRoot);
  disk.unlink("/a");
  CHECK(disk.seen() == "");
  CHECK(disk.safe() == "a=x");
  disk.create("/a", 2);  // its number is given anew
  CHECK(disk.possible() == Texts{"", "a=", "a=x"});
  disk.sync(kRoot);
  CHECK(disk.safe() == "a=");
}

TEST_CASE("a write that syncs itself saves its own bytes and no others") {
  Disk disk;
  disk.create("/a", 2);
  disk.sync(kRoot);
  disk.write(2, 0, "....");
  disk.write(2, 1, "xy", true);
  CHECK(disk.safe() == std::string("a=\0xy", 5));
  CHECK(disk.possible() == Texts{std::string("a=\0xy", 5), "a=.xy."});
  disk.write(2, 1, "z");
  CHECK(disk.safe() == std::string("a=\0xy", 5));
  CHECK(disk.possible().contains("a=.zy."));
  disk.sync(2);
  CHECK(disk.possible() == Texts{"a=.zy."});
}

TEST_CASE("a write that syncs itself, with nothing else unsynced, leaves nothing to lose") {
  Disk disk;
  disk.create("/a", 2);
  disk.sync(kRoot);
  disk.write(2, 0, "xy", true);
  disk.write(2, 2, "z");
  CHECK(disk.possible() == Texts{"a=xy", "a=xyz"});
}

TEST_CASE("a write is lost by blocks, and the size covers what is left") {
  Disk disk;
  disk.create("/a", 2);
  disk.sync(kRoot);
  disk.write(2, 4000, std::string(200, 'x'));
  std::set<std::size_t> sizes;
  for (std::uint64_t seed = 0; seed < 500; ++seed) {
    const auto bytes = *disk.contents(Survives::some, seed).at("/a").bytes;
    sizes.insert(bytes.size());
    const auto whole = [&](std::size_t begin, std::size_t end) {
      const auto piece = bytes.substr(std::min(begin, bytes.size()), end - begin);
      return piece.empty() || piece == std::string(end - begin, 'x') || piece == std::string(end - begin, '\0');
    };
    CHECK(whole(4000, 4096));
    CHECK(whole(4096, 4200));
  }
  CHECK(sizes == std::set<std::size_t>{0, 4096, 4200});
}

TEST_CASE("a new size is lost or kept as a whole, and a shorter one takes its bytes along") {
  Disk disk;
  disk.create("/a", 2);
  disk.write(2, 0, "abcd");
  disk.sync(2);
  disk.sync(kRoot);
  disk.resize(2, 2);
  disk.resize(2, 3);
  CHECK(disk.safe() == "a=abcd");
  CHECK(disk.possible() == Texts{"a=abcd", "a=ab", "a=abc", std::string("a=ab\0", 5)});
  CHECK(disk.seen() == std::string("a=ab\0", 5));
}

TEST_CASE("both names of a file show the same bytes, whatever is lost") {
  Disk disk;
  disk.create("/a", 2);
  disk.link("/a", "/b");
  disk.sync(kRoot);
  disk.write(2, 0, "x");
  CHECK(disk.possible() == Texts{"a= b=", "a=x b=x"});
}

TEST_CASE("a step that cannot follow those before is an error") {
  Disk disk;
  CHECK_THROWS_AS(disk.sync(99), std::logic_error);
  CHECK_THROWS_AS(disk.unlink("/a"), std::logic_error);
  CHECK_THROWS_AS(disk.create("/p/a", 2), std::logic_error);
}

}  // namespace weir::testing
