#include "node/write.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <span>

#include "base/file_system.h"

namespace weir {
namespace {

constexpr std::size_t kMostBytes = 1 << 20;

Status write_whole(const std::string& path, const NodeFile& file) {
  RealFileSystem disk;
  if (auto status = disk.remove(path); !status) return status;
  const auto fd = disk.open(path, FileSystem::Mode::create_or_append);
  if (!fd) return fd.error();
  auto status = disk.write_at(fd->get(), std::as_bytes(std::span(file.content)), 0);
  if (status && ::fchmod(fd->get(), file.secret ? 0600 : 0644) != 0) status = system_error(errno, "change the mode");
  if (status) status = disk.sync(fd->get());
  if (status) return status;
  Error error = std::move(status).error();
  error.what = path + ": " + error.what;
  return error;
}

std::string temporary(const std::string& path) { return path + ".new"; }

}  // namespace

Result<std::vector<WrittenFile>> write_node_files(const std::string& folder, const std::vector<NodeFile>& files, bool replace) {
  std::vector<WrittenFile> written;
  std::string conflicts;
  for (const auto& file : files) {
    const auto path = folder + '/' + file.path;
    const auto there = read_small_file(path, kMostBytes);
    if (!there && there.error().failure != Failure::not_found && !replace) return there.error();
    const bool same = there && *there == file.content;
    if (there && !same) conflicts += (conflicts.empty() ? "" : ", ") + path;
    written.push_back({path, !same});
  }
  if (!conflicts.empty() && !replace)
    return Error{Failure::conflict, Side::local, false, "there with other contents: " + conflicts};

  const auto give_up = [&written](Error error) {
    for (const auto& file : written) ::unlink(temporary(file.path).c_str());
    return error;
  };
  for (std::size_t i = 0; i < files.size(); ++i) {
    if (!written[i].changed) continue;
    const auto parent = std::filesystem::path(written[i].path).parent_path();
    std::error_code code;
    std::filesystem::create_directories(parent, code);
    if (code) return give_up(system_error(code.value(), "make the folder " + parent.string()));
    if (auto status = write_whole(temporary(written[i].path), files[i]); !status) return give_up(std::move(status).error());
  }
  for (const auto& file : written) {
    if (file.changed && ::rename(temporary(file.path).c_str(), file.path.c_str()) != 0)
      return give_up(system_error(errno, "replace " + file.path));
  }
  return written;
}

}  // namespace weir
