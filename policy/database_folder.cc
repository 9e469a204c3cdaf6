#include "policy/database_folder.h"

#include <algorithm>
#include <span>

#include "base/hash.h"

namespace weir {
namespace {

constexpr std::string_view kSuffix = ".hsdb", kUnfinished = ".new";
constexpr std::size_t kHashBytes = hash_size(HashAlgorithm::sha256);
constexpr std::uint64_t kMostDatabase = 1ull << 30;

}  // namespace

// A file is the hash of the rest, and the rest.
std::optional<std::string> DatabaseFolder::read(const std::string& name) const {
  if (!disk_) return std::nullopt;
  const auto file = disk_->open(path_of(name), FileSystem::Mode::read);
  if (!file) return std::nullopt;
  const auto size = disk_->size(file->get());
  if (!size || *size <= kHashBytes || *size > kMostDatabase) return std::nullopt;
  std::string bytes(*size, '\0');
  const auto count = disk_->read_at(file->get(), std::as_writable_bytes(std::span(bytes)), 0);
  if (!count || *count != bytes.size()) return std::nullopt;
  const auto rest = std::string_view(bytes).substr(kHashBytes);
  if (hash_of(HashAlgorithm::sha256, rest) != std::string_view(bytes).substr(0, kHashBytes)) return std::nullopt;
  bytes.erase(0, kHashBytes);
  return bytes;
}

Status DatabaseFolder::write_file(const std::string& path, std::string_view bytes) const {
  auto file = disk_->open(path, FileSystem::Mode::create_or_append);
  if (!file) return std::move(file).error();
  if (auto status = disk_->truncate(file->get(), 0); !status) return status;
  const auto hash = hash_of(HashAlgorithm::sha256, bytes);
  if (auto status = disk_->write_at(file->get(), std::as_bytes(std::span(hash)), 0); !status) return status;
  return disk_->write_at(file->get(), std::as_bytes(std::span(bytes)), hash.size());
}

// Not synced: what a power cut tears has the wrong hash.
void DatabaseFolder::write(const std::string& name, std::string_view bytes) const {
  if (!disk_ || !disk_->make_directories(folder_)) return;
  const auto unfinished = path_of(name) + std::string(kUnfinished);
  auto status = write_file(unfinished, bytes);
  if (status) status = disk_->rename(unfinished, path_of(name));
  if (status) remove_oldest();
  else (void)disk_->remove(unfinished);
}

void DatabaseFolder::remove_oldest() const {
  auto entries = disk_->list(folder_);
  if (!entries) return;
  std::erase_if(*entries, [](const FileSystem::Entry& entry) { return !std::string_view(entry.name).ends_with(kSuffix); });
  std::ranges::sort(*entries, std::ranges::greater(), [](const FileSystem::Entry& entry) { return entry.modified; });
  for (std::size_t i = kMostKept; i < entries->size(); ++i) (void)disk_->remove(folder_ + '/' + (*entries)[i].name);
}

}  // namespace weir
