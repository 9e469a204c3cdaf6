#include "cache/closure.h"

#include <vector>

#include "oci/manifest.h"

namespace weir {
namespace {

// More than any image has; a chain that was made to be long ends here.
constexpr std::size_t kMostManifests = 10'000;

// The manifest of that digest; nothing: it is none, is not held, or cannot be read.
std::optional<Manifest> read_manifest(const Index& index, FileSystem& disk, const Layout& layout, std::string_view repository,
                                      const Digest& digest) {
  const auto link = index.link(repository, digest);
  const auto record = index.blob(digest);
  if (!link || link->kind != Link::Kind::manifest || !record || record->size > Manifest::kMostBytes) return std::nullopt;
  const auto file = disk.open(layout.blob(digest), FileSystem::Mode::read);
  if (!file) return std::nullopt;
  std::string bytes(record->size, '\0');
  const auto count = disk.read_at(file->get(), std::as_writable_bytes(std::span(bytes)), 0);
  if (!count || *count != bytes.size()) return std::nullopt;
  auto manifest = Manifest::parse(bytes, link->media_type);
  if (!manifest) return std::nullopt;
  return *std::move(manifest);
}

}  // namespace

void add_closure(const Index& index, FileSystem& disk, const Layout& layout, std::string_view repository, const Digest& root,
                 std::set<Digest>& into) {
  std::set<Digest> seen{root};
  std::vector<Digest> to_do{root};
  while (!to_do.empty() && seen.size() <= kMostManifests) {
    const auto digest = to_do.back();
    to_do.pop_back();
    into.insert(digest);
    const auto manifest = read_manifest(index, disk, layout, repository, digest);
    if (!manifest) continue;
    for (const auto& child : manifest->blobs) into.insert(child.digest);
    for (const auto& child : manifest->manifests) {
      if (seen.insert(child.digest).second) to_do.push_back(child.digest);
    }
  }
  into.insert(to_do.begin(), to_do.end());
}

}  // namespace weir
