#include "cache/closure.h"

#include "oci/manifest.h"

namespace weir {

void add_closure(const Index& index, FileSystem& disk, const Layout& layout, std::string_view repository, const Digest& root,
                 std::set<Digest>& into) {
  if (!into.insert(root).second) return;
  const auto link = index.link(repository, root);
  const auto record = index.blob(root);
  if (!link || link->kind != Link::Kind::manifest || !record || record->size > Manifest::kMostBytes) return;
  const auto file = disk.open(layout.blob(root), FileSystem::Mode::read);
  if (!file) return;
  std::string bytes(record->size, '\0');
  const auto count = disk.read_at(file->get(), std::as_writable_bytes(std::span(bytes)), 0);
  if (!count || *count != bytes.size()) return;
  const auto manifest = Manifest::parse(bytes, link->media_type);
  if (!manifest) return;
  for (const auto& child : manifest->blobs) into.insert(child.digest);
  for (const auto& child : manifest->manifests) add_closure(index, disk, layout, repository, child.digest, into);
}

}  // namespace weir
