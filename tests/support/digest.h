// Digests in the notation of the OCI image specification: algorithm, colon, lower-case hex.
#pragma once

#include <memory>
#include <string>
#include <string_view>

struct evp_md_ctx_st;

namespace weir::testing {

enum class Algorithm { sha256, sha512 };

// "sha256" or "sha512".
std::string_view algorithm_name(Algorithm algorithm);

std::string digest_of(std::string_view bytes, Algorithm algorithm = Algorithm::sha256);

// A digest of bytes that arrive piece by piece. Used by one thread at a time.
class Hasher {
 public:
  explicit Hasher(Algorithm algorithm = Algorithm::sha256);

  void update(std::string_view bytes);

  // The digest of everything so far; more may follow.
  std::string digest() const;

 private:
  struct Free {
    void operator()(evp_md_ctx_st* context) const;
  };
  Algorithm algorithm_;
  std::unique_ptr<evp_md_ctx_st, Free> context_;
};

}  // namespace weir::testing
