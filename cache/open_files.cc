#include "cache/open_files.h"

#include <algorithm>

namespace weir {
namespace {

bool anybody_holds(const std::vector<std::weak_ptr<const UniqueFd>>& files) {
  return std::ranges::any_of(files, [](const auto& one) { return !one.expired(); });
}

}  // namespace

std::shared_ptr<const UniqueFd> OpenFiles::find(const Digest& digest) {
  Part& part = part_of(digest);
  std::lock_guard lock(part.mutex);
  const auto found = part.files.find(digest);
  if (found == part.files.end()) return nullptr;
  for (auto& files = found->second; !files.empty(); files.pop_back()) {
    if (auto file = files.back().lock()) return file;
  }
  part.files.erase(found);
  return nullptr;
}

void OpenFiles::add(const Digest& digest, const std::shared_ptr<const UniqueFd>& file) {
  Part& part = part_of(digest);
  std::lock_guard lock(part.mutex);
  auto& files = part.files[digest];
  std::erase_if(files, [](const auto& one) { return one.expired(); });
  files.push_back(file);
  if (part.files.size() < part.clean_at) return;
  std::erase_if(part.files, [](const auto& entry) { return !anybody_holds(entry.second); });
  part.clean_at = std::max<std::size_t>(64, 2 * part.files.size());
}

void OpenFiles::forget(const Digest& digest) {
  Part& part = part_of(digest);
  std::lock_guard lock(part.mutex);
  part.files.erase(digest);
}

std::size_t OpenFiles::size() {
  std::size_t count = 0;
  for (auto& part : parts_) {
    std::lock_guard lock(part.mutex);
    count += static_cast<std::size_t>(
        std::ranges::count_if(part.files, [](const auto& entry) { return anybody_holds(entry.second); }));
  }
  return count;
}

std::size_t OpenFiles::remembered() {
  std::size_t count = 0;
  for (auto& part : parts_) {
    std::lock_guard lock(part.mutex);
    count += part.files.size();
  }
  return count;
}

}  // namespace weir
