#include "cache/pins.h"

#include <algorithm>

namespace weir {

void Pins::configure(const std::vector<std::string>& patterns) {
  std::vector<Pattern> parsed;
  for (const auto& text : patterns) {
    if (auto pattern = Pattern::parse(text)) parsed.push_back(*std::move(pattern));
  }
  std::lock_guard lock(mutex_);
  configured_ = std::move(parsed);
}

void Pins::refresh() {
  repositories_.clear();
  digests_.clear();
  std::vector<Pattern> all;
  {
    std::lock_guard lock(mutex_);
    all = configured_;
  }
  index_.each_pin([&all](std::string_view text, WallSeconds) {
    if (auto pattern = Pattern::parse(text)) all.push_back(*std::move(pattern));
  });
  for (const auto& pattern : all) add(pattern);
}

void Pins::add(const Pattern& pattern) {
  if (pattern.whole_repository()) {
    repositories_.push_back(pattern);
    return;
  }
  if (pattern.digest()) {
    for (const auto& repository : index_.repositories_of(*pattern.digest())) {
      if (pattern.names_repository(repository)) add_closure(index_, disk_, layout_, repository, *pattern.digest(), digests_);
    }
    return;
  }
  index_.each_tag(pattern.literal_prefix(), [&](std::string_view repository, std::string_view tag, const TagRecord& record) {
    if (pattern.names_repository(repository) && pattern.names_tag(tag))
      add_closure(index_, disk_, layout_, repository, record.digest, digests_);
  });
}

bool Pins::pinned(const IndexWriter& writer, const Digest& digest) const {
  if (digests_.contains(digest)) return true;
  if (repositories_.empty()) return false;
  return writer.linked_where(digest, [this](std::string_view repository) {
    return std::ranges::any_of(repositories_,
                               [repository](const Pattern& pattern) { return pattern.names_repository(repository); });
  });
}

}  // namespace weir
