#include "node/write.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include "base/file_system.h"

#include <doctest/doctest.h>

using namespace weir;

namespace {

class Folder {
 public:
  Folder() {
    char name[] = "/tmp/weir-node.XXXXXX";
    REQUIRE(::mkdtemp(name) != nullptr);
    path = name;
  }
  ~Folder() { std::filesystem::remove_all(path); }

  std::string read(const std::string& file) const {
    const auto text = read_small_file(path + '/' + file, 1 << 20);
    return text ? *text : text.error().what;
  }
  unsigned mode(const std::string& file) const {
    struct stat status{};
    return ::stat((path + '/' + file).c_str(), &status) == 0 ? status.st_mode & 07777 : 0;
  }
  std::size_t entries() const {
    std::size_t count = 0;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(path)) count += entry.is_regular_file();
    return count;
  }

  std::string path;
};

}  // namespace

TEST_CASE("files and their folders are made, and a second time nothing changes") {
  const Folder folder;
  const std::vector<NodeFile> files = {{"a/b.toml", "one\n"}, {"c.toml", "two\n", true}};
  const auto first = write_node_files(folder.path + "/new", files, false);
  REQUIRE(first.ok());
  CHECK(first->at(0).changed);
  CHECK(folder.read("new/a/b.toml") == "one\n");
  CHECK(folder.mode("new/a/b.toml") == 0644);
  CHECK(folder.mode("new/c.toml") == 0600);
  const auto second = write_node_files(folder.path + "/new", files, false);
  REQUIRE(second.ok());
  CHECK(!second->at(0).changed);
  CHECK(!second->at(1).changed);
  CHECK(folder.entries() == 2);
}

TEST_CASE("what somebody else wrote is not destroyed, and then nothing at all is written") {
  const Folder folder;
  REQUIRE(write_node_files(folder.path, {{"daemon.json", "{\"mine\":1}\n"}}, false).ok());
  const std::vector<NodeFile> files = {{"first.conf", "new\n"}, {"daemon.json", "{}\n"}};
  const auto refused = write_node_files(folder.path, files, false);
  REQUIRE(!refused.ok());
  CHECK(refused.error().failure == Failure::conflict);
  CHECK(refused.error().what.find("daemon.json") != std::string::npos);
  CHECK(folder.read("daemon.json") == "{\"mine\":1}\n");
  CHECK(folder.entries() == 1);
  REQUIRE(write_node_files(folder.path, files, true).ok());
  CHECK(folder.read("daemon.json") == "{}\n");
  CHECK(folder.entries() == 2);
}

TEST_CASE("a folder that cannot be made is an error with its name, and leaves nothing half done") {
  const Folder folder;
  REQUIRE(write_node_files(folder.path, {{"file", "x\n"}}, false).ok());
  const auto refused = write_node_files(folder.path, {{"good.conf", "x\n"}, {"file/below.conf", "x\n"}}, true);
  REQUIRE(!refused.ok());
  CHECK(refused.error().what.find("file") != std::string::npos);
  CHECK(folder.entries() == 1);
}
