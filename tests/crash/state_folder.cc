#include "tests/crash/state_folder.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <stdexcept>

#include "tests/support/file_descriptor.h"
#include "tests/support/temporary_directory.h"

namespace weir::testing {

namespace {

// What this class has written bears a time that no write of today can give, so a file that was written to since shows it.
constexpr timespec kMark{1'000'000'000, 0};

[[noreturn]] void fail(const std::string& path) { throw std::runtime_error(path + ": " + std::strerror(errno)); }

DiskEntry::Kind kind_of(const struct stat& status) {
  if (S_ISDIR(status.st_mode)) return DiskEntry::Kind::directory;
  return S_ISSOCK(status.st_mode) ? DiskEntry::Kind::socket : DiskEntry::Kind::file;
}

}  // namespace

StateFolder::StateFolder(std::string path) : path_(std::move(path)) { std::filesystem::create_directories(path_); }

bool StateFolder::untouched(const std::string& place, const DiskEntry& entry) const {
  struct stat status{};
  if (::lstat((path_ + place).c_str(), &status) != 0 || kind_of(status) != entry.kind) return false;
  if (entry.kind != DiskEntry::Kind::file) return true;
  const auto known = written_.find(place);
  return known != written_.end() && known->second.entry.identity == entry.identity && known->second.entry.bytes == entry.bytes &&
         known->second.inode == status.st_ino && status.st_mtim.tv_sec == kMark.tv_sec &&
         status.st_mtim.tv_nsec == kMark.tv_nsec && static_cast<std::uint64_t>(status.st_size) == entry.bytes->size();
}

void StateFolder::clear_differing(const DiskContents& contents) {
  std::vector<std::string> differing;
  for (std::filesystem::recursive_directory_iterator each(path_), end; each != end; ++each) {
    const auto place = each->path().string().substr(path_.size());
    const auto wanted = contents.find(place);
    if (wanted != contents.end() && untouched(place, wanted->second)) continue;
    differing.push_back(place);
    each.disable_recursion_pending();
  }
  for (const auto& place : differing) std::filesystem::remove_all(path_ + place);
}

void StateFolder::make(const std::string& place, const DiskEntry& entry) {
  const auto path = path_ + place;
  if (entry.kind == DiskEntry::Kind::directory) {
    if (::mkdir(path.c_str(), 0700) != 0) fail(path);
  } else if (entry.kind == DiskEntry::Kind::socket) {
    if (::mknod(path.c_str(), S_IFSOCK | 0600, 0) != 0) fail(path);
  } else if (const auto first = first_name_.find(entry.identity); first != first_name_.end()) {
    if (::link((path_ + first->second).c_str(), path.c_str()) != 0) fail(path);
  } else {
    const FileDescriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    if (!file) fail(path);
    if (::write(file.get(), entry.bytes->data(), entry.bytes->size()) != static_cast<ssize_t>(entry.bytes->size())) fail(path);
    const timespec times[] = {kMark, kMark};
    if (::futimens(file.get(), times) != 0) fail(path);
  }
}

void StateFolder::hold(const DiskContents& contents) {
  clear_differing(contents);
  std::map<std::string, Written> written;
  first_name_.clear();
  for (const auto& [place, entry] : contents) {
    struct stat status{};
    const auto path = path_ + place;
    bool there = ::lstat(path.c_str(), &status) == 0;
    const auto first = first_name_.find(entry.identity);
    if (there && first != first_name_.end() && written.at(first->second).inode != status.st_ino) {
      std::filesystem::remove(path);
      there = false;
    }
    if (!there) make(place, entry);
    if (entry.kind != DiskEntry::Kind::file) continue;
    if (!there && ::lstat(path.c_str(), &status) != 0) fail(path);
    written[place] = {entry, status.st_ino};
    first_name_.emplace(entry.identity, place);
  }
  written_ = std::move(written);
}

DiskContents contents_of(const std::string& folder) {
  DiskContents found;
  for (const auto& each : std::filesystem::recursive_directory_iterator(folder)) {
    struct stat status{};
    if (::lstat(each.path().c_str(), &status) != 0) fail(each.path());
    const auto kind = kind_of(status);
    auto bytes = kind == DiskEntry::Kind::file ? std::make_shared<const std::string>(read_file(each.path())) : nullptr;
    found[each.path().string().substr(folder.size())] = {kind, status.st_ino, std::move(bytes)};
  }
  return found;
}

std::vector<std::string> differences(const DiskContents& expected, const DiskContents& found) {
  std::vector<std::string> lines;
  for (const auto& [path, entry] : expected) {
    const auto other = found.find(path);
    if (other == found.end()) lines.push_back(path + " is missing");
    else if (entry.kind != other->second.kind) lines.push_back(path + " is of another kind");
    else if (entry.bytes && *entry.bytes != *other->second.bytes) {
      lines.push_back(path + " has " + std::to_string(other->second.bytes->size()) + " bytes that differ from the " +
                      std::to_string(entry.bytes->size()) + " expected");
    }
  }
  for (const auto& [path, entry] : found) {
    if (!expected.contains(path)) lines.push_back(path + " should not be there");
  }
  return lines;
}

}  // namespace weir::testing
