#pragma once
// Digest: the name of immutable bytes, `algorithm:hex` (OCI image-spec, descriptor.md "Digests").

#include <compare>
#include <string>
#include <string_view>

#include "base/hash.h"
#include "base/result.h"

namespace weir {

class Digest {
 public:
  // sha256 and sha512 with lower-case hex of the right length; all else is `invalid`.
  static Result<Digest> parse(std::string_view text);
  // From the raw bytes that a Hasher returned; CHECKs their number.
  static Digest from_raw(HashAlgorithm algorithm, std::string_view raw);
  static Digest of(HashAlgorithm algorithm, std::string_view bytes);

  HashAlgorithm algorithm() const noexcept { return algorithm_; }
  std::string_view algorithm_name() const noexcept { return hash_name(algorithm_); }
  const std::string& raw() const noexcept { return raw_; }
  std::string hex() const;
  std::string text() const;

  friend auto operator<=>(const Digest&, const Digest&) = default;

 private:
  Digest(HashAlgorithm algorithm, std::string raw) : algorithm_(algorithm), raw_(std::move(raw)) {}
  HashAlgorithm algorithm_;
  std::string raw_;
};

}  // namespace weir
