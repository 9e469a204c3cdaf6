// Manifests and indexes of upstreams. The first line is the Content-Type, the rest the bytes.

#include "oci/manifest.h"
#include "oci/media_type.h"
#include "tests/fuzz/fuzz.h"

using namespace weir;
using namespace weir::fuzzing;

namespace {
void check(const Descriptor& descriptor) {
  const auto digest = Digest::parse(descriptor.digest.text());
  expect(digest.ok() && *digest == descriptor.digest, "a descriptor's digest is one");
  expect(descriptor.size <= INT64_MAX, "a descriptor's size is one");
}
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  auto bytes = as_text(data, size);
  const auto content_type = take_line(bytes);
  if (const auto platform = platform_of_config(bytes)) expect(platform->size() <= 100, "a platform is short");
  const auto manifest = Manifest::parse(bytes, content_type);
  if (!manifest) {
    expect(manifest.error().side == Side::upstream, "a bad manifest is the upstream's fault");
    expect(!manifest.error().what.empty(), "and there is a word for it");
    return 0;
  }
  expect(media_type::is_manifest(manifest->media_type), "what is taken is a kind of manifest");
  if (!content_type.empty())
    expect(media_type::without_parameters(content_type) == manifest->media_type, "and the kind it was sent as");
  if (!manifest->linkable) {
    expect(manifest->blobs.empty() && manifest->manifests.empty() && !manifest->subject, "an ambiguous one refers to nothing");
    return 0;
  }
  expect(manifest->blobs.size() + manifest->manifests.size() <= Manifest::kMostDescriptors, "what is kept is bounded");
  if (media_type::is_index(manifest->media_type)) expect(manifest->blobs.empty(), "an index has no blobs");
  else expect(!manifest->blobs.empty() && manifest->manifests.empty(), "an image has a config and no children");
  for (const auto& blob : manifest->blobs) check(blob);
  for (const auto& child : manifest->manifests) check(child);
  if (manifest->subject) check(*manifest->subject);
  expect(media_type::accepts("", manifest->media_type) && media_type::accepts("*/*", manifest->media_type),
         "any client can have it");
  return 0;
}
