#pragma once
// Running digests over OpenSSL; the door to its EVP digests.

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace weir {

enum class HashAlgorithm { sha256, sha512 };

constexpr std::size_t hash_size(HashAlgorithm algorithm) { return algorithm == HashAlgorithm::sha256 ? 32 : 64; }
constexpr const char* hash_name(HashAlgorithm algorithm) { return algorithm == HashAlgorithm::sha256 ? "sha256" : "sha512"; }

// Thread: one at a time. A running hash cannot be saved: what is resumed is hashed again from its first byte.
class Hasher {
 public:
  explicit Hasher(HashAlgorithm algorithm);
  ~Hasher();
  Hasher(Hasher&&) noexcept;

  void update(std::span<const std::byte> bytes);
  void update(std::string_view bytes);
  // The raw digest; the hasher is used up.
  std::string finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

std::string hash_of(HashAlgorithm algorithm, std::string_view bytes);

// HMAC with SHA-256 (RFC 2104): what nobody can compute, or undo, who does not know the key.
std::string keyed_hash(std::string_view key, std::string_view bytes);

// Constant time in the contents; for secrets.
bool equal_secrets(std::string_view a, std::string_view b);

// `size` bytes that nobody can guess.
std::string random_bytes(std::size_t size);

}  // namespace weir
