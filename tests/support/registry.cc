#include "tests/support/registry.h"

#include <utility>

namespace weir::testing {

std::string Registry::put_blob(const std::string& repository, const Content& content, Algorithm algorithm) {
  // Hashing a large content takes a while, so it is done before anybody is locked out.
  const std::string& digest = content.digest(algorithm);
  put_blob_as(repository, digest, content);
  return digest;
}

void Registry::put_blob_as(const std::string& repository, const std::string& digest, const Content& content) {
  std::lock_guard lock(mutex_);
  repositories_[repository].blobs[digest] = content;
}

std::string Registry::put_manifest(const std::string& repository, const Manifest& manifest, const std::string& tag,
                                   Algorithm algorithm) {
  auto digest = digest_of(manifest.bytes, algorithm);
  std::lock_guard lock(mutex_);
  auto& held = repositories_[repository];
  held.manifests[digest] = manifest;
  if (!tag.empty()) held.tags[tag] = digest;
  return digest;
}

void Registry::tag(const std::string& repository, const std::string& tag, const std::string& digest) {
  std::lock_guard lock(mutex_);
  repositories_[repository].tags[tag] = digest;
}

void Registry::untag(const std::string& repository, const std::string& tag) {
  std::lock_guard lock(mutex_);
  repositories_[repository].tags.erase(tag);
}

void Registry::remove_blob(const std::string& repository, const std::string& digest) {
  std::lock_guard lock(mutex_);
  repositories_[repository].blobs.erase(digest);
}

void Registry::remove_manifest(const std::string& repository, const std::string& digest) {
  std::lock_guard lock(mutex_);
  auto& held = repositories_[repository];
  held.manifests.erase(digest);
  std::erase_if(held.tags, [&](const auto& tag) { return tag.second == digest; });
}

void Registry::remove_repository(const std::string& repository) {
  std::lock_guard lock(mutex_);
  repositories_.erase(repository);
}

void Registry::put_object(const std::string& path, const Content& content, const std::string& media_type) {
  std::lock_guard lock(mutex_);
  objects_[path] = {"", media_type, content};
}

void Registry::set_referrers_api(bool on) {
  std::lock_guard lock(mutex_);
  referrers_api_ = on;
}

bool Registry::has_repository(const std::string& repository) const {
  std::lock_guard lock(mutex_);
  return repositories_.contains(repository);
}

std::optional<Registry::Found> Registry::blob(const std::string& repository, const std::string& digest) const {
  std::lock_guard lock(mutex_);
  auto held = repositories_.find(repository);
  if (held == repositories_.end()) return std::nullopt;
  auto found = held->second.blobs.find(digest);
  if (found == held->second.blobs.end()) return std::nullopt;
  return Found{digest, "application/octet-stream", found->second};
}

std::optional<Registry::Found> Registry::manifest(const std::string& repository, const std::string& reference) const {
  std::lock_guard lock(mutex_);
  auto held = repositories_.find(repository);
  if (held == repositories_.end()) return std::nullopt;
  const auto& [blobs, manifests, tags] = held->second;
  auto tag = tags.find(reference);
  auto found = manifests.find(tag == tags.end() ? reference : tag->second);
  if (found == manifests.end()) return std::nullopt;
  return Found{found->first, found->second.media_type, found->second.bytes};
}

std::optional<Registry::Found> Registry::object(const std::string& path) const {
  std::lock_guard lock(mutex_);
  auto found = objects_.find(path);
  if (found == objects_.end()) return std::nullopt;
  return found->second;
}

std::vector<std::string> Registry::tags(const std::string& repository) const {
  std::lock_guard lock(mutex_);
  std::vector<std::string> names;
  auto held = repositories_.find(repository);
  if (held == repositories_.end()) return names;
  for (const auto& [name, digest] : held->second.tags) names.push_back(name);
  return names;
}

std::vector<Registry::Referrer> Registry::referrers(const std::string& repository, const std::string& subject) const {
  std::lock_guard lock(mutex_);
  std::vector<Referrer> found;
  auto held = repositories_.find(repository);
  if (held == repositories_.end()) return found;
  for (const auto& [digest, manifest] : held->second.manifests) {
    if (manifest.subject == subject) found.push_back({digest, manifest});
  }
  return found;
}

bool Registry::referrers_api() const {
  std::lock_guard lock(mutex_);
  return referrers_api_;
}

}  // namespace weir::testing
