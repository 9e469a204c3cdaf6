#include "cache/layout.h"

#include "base/hash.h"
#include "base/text.h"

namespace weir {

namespace {

constexpr std::size_t kOwnerHex = 16;  // digits of the hash of a repository's name

std::string flat_name(const Digest& digest) { return std::string(digest.algorithm_name()) + '-' + digest.hex(); }

}  // namespace

std::string Layout::partial_name(const Digest& digest, std::string_view repository) {
  return flat_name(digest) + '-' + to_hex(hash_of(HashAlgorithm::sha256, repository)).substr(0, kOwnerHex);
}

std::string Layout::staging(const Digest& digest, unsigned long number) const {
  return in(partials(), flat_name(digest) + '.' + std::to_string(number));
}

std::string Layout::quarantined(const Digest& digest) const { return quarantine() + '/' + flat_name(digest); }

std::string Layout::blobs(HashAlgorithm algorithm) const { return directory_ + "/blobs/" + hash_name(algorithm); }

std::string Layout::blob_folder(const Digest& digest) const {
  return blobs(digest.algorithm()) + '/' + digest.hex().substr(0, 2);
}

std::string Layout::blob(const Digest& digest) const { return blob_folder(digest) + '/' + digest.hex(); }

std::optional<Digest> Layout::partial_digest(std::string_view file_name) {
  const auto dash = file_name.rfind('-');
  if (dash == std::string_view::npos || file_name.size() - dash - 1 != kOwnerHex || !from_hex(file_name.substr(dash + 1)))
    return std::nullopt;
  return quarantined_digest(file_name.substr(0, dash));
}

std::optional<Digest> Layout::quarantined_digest(std::string_view file_name) {
  const auto dash = file_name.find('-');
  if (dash == std::string_view::npos) return std::nullopt;
  auto digest = Digest::parse(std::string(file_name.substr(0, dash)) + ':' + std::string(file_name.substr(dash + 1)));
  if (!digest) return std::nullopt;
  return *std::move(digest);
}

std::optional<Digest> Layout::blob_digest(HashAlgorithm algorithm, std::string_view file_name) {
  auto digest = Digest::parse(std::string(hash_name(algorithm)) + ':' + std::string(file_name));
  if (!digest) return std::nullopt;
  return *std::move(digest);
}

}  // namespace weir
