#include "oci/digest.h"

#include "base/text.h"

namespace weir {

Result<Digest> Digest::parse(std::string_view text) {
  const auto colon = text.find(':');
  const auto name = text.substr(0, colon);
  if (colon == std::string_view::npos || (name != "sha256" && name != "sha512")) {
    return Error{Failure::invalid, Side::client, false, "a digest is sha256:… or sha512:…"};
  }
  const auto algorithm = name == "sha256" ? HashAlgorithm::sha256 : HashAlgorithm::sha512;
  auto raw = from_hex(text.substr(colon + 1));
  if (!raw || raw->size() != hash_size(algorithm)) {
    return Error{Failure::invalid, Side::client, false,
                 "a " + std::string(name) + " digest has " + std::to_string(2 * hash_size(algorithm)) + " lower-case hex digits"};
  }
  return Digest(algorithm, std::move(*raw));
}

Digest Digest::from_raw(HashAlgorithm algorithm, std::string_view raw) {
  MUST(raw.size() == hash_size(algorithm));
  return Digest(algorithm, std::string(raw));
}

Digest Digest::of(HashAlgorithm algorithm, std::string_view bytes) { return Digest(algorithm, hash_of(algorithm, bytes)); }

std::string Digest::hex() const { return to_hex(raw_); }

std::string Digest::text() const { return std::string(algorithm_name()) + ':' + hex(); }

}  // namespace weir
