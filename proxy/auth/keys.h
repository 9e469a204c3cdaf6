#pragma once
// KeyRing: the private keys that sign our own tokens: the current one, and those before it that still verify.
//
// A file of PEM blocks, the current key first. A key's name is its thumbprint, so a file of keys is all there is to keep, and a
// key that is taken out of the file verifies nothing any more.

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/crypto.h"
#include "base/result.h"

namespace weir {

// Immutable. Thread: any.
class KeyRing {
 public:
  static constexpr std::size_t kMostKeys = 8;

  // From the text of a key file. Error: invalid, a block in it is no private key of P-256, or there are none or too many.
  static Result<std::shared_ptr<const KeyRing>> parse(std::string_view pem);
  // Reads the file; blocks. Error: not_found; denied when everybody may read it; io; invalid.
  static Result<std::shared_ptr<const KeyRing>> read(const std::string& path);
  // The same, and a file that is not there is made with one new key, mode 0600. Of several who make it at once one wins.
  static Result<std::shared_ptr<const KeyRing>> read_or_make(const std::string& path);
  // Puts a new key in front of the file's current one, which stays as the previous one; older ones are dropped. Error: as read().
  static Status rotate(const std::string& path);

  const PrivateKey& current() const noexcept { return keys_.front().key; }
  const std::string& current_kid() const noexcept { return keys_.front().kid; }
  // Nothing: not one of ours, or no longer.
  const PublicKey* find(std::string_view kid) const noexcept;
  // The public halves as a JSON Web Key Set.
  const std::string& jwks() const noexcept { return jwks_; }

 private:
  struct Entry {
    std::string kid;
    PrivateKey key;
  };
  explicit KeyRing(std::vector<PrivateKey> keys);

  std::vector<Entry> keys_;  // at least one
  std::string jwks_;
};

}  // namespace weir
