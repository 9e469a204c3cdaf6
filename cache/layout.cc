#include "cache/layout.h"

namespace weir {

std::string Layout::partial(const Digest& digest) const {
  return partials() + '/' + std::string(digest.algorithm_name()) + '-' + digest.hex();
}

std::string Layout::blob_folder(const Digest& digest) const {
  return directory_ + "/blobs/" + std::string(digest.algorithm_name()) + '/' + digest.hex().substr(0, 2);
}

std::string Layout::blob(const Digest& digest) const { return blob_folder(digest) + '/' + digest.hex(); }

std::optional<Digest> Layout::partial_digest(std::string_view file_name) {
  const auto dash = file_name.find('-');
  if (dash == std::string_view::npos) return std::nullopt;
  auto digest = Digest::parse(std::string(file_name.substr(0, dash)) + ':' + std::string(file_name.substr(dash + 1)));
  if (!digest) return std::nullopt;
  return *std::move(digest);
}

}  // namespace weir
