#pragma once
// CertifiedKey: a certificate, those that lead from it to its root, and its private key; the door to OpenSSL's X.509.

#include <memory>
#include <string>

#include "base/result.h"

struct evp_pkey_st;
struct stack_st_X509;
struct x509_st;

namespace weir {

// A value: immutable, cheap to copy. Thread: any.
class CertifiedKey {
 public:
  // PEM files: the certificate with those above it behind it, and its key without a passphrase. One file may be both.
  // Error: a file cannot be read, holds no such thing, the two do not belong together, or are too weak to be used.
  static Result<CertifiedKey> load(const std::string& certificate_file, const std::string& key_file);

  // The same certificates and the same key.
  friend bool operator==(const CertifiedKey& a, const CertifiedKey& b) noexcept { return a.same_as(b); }

  // All three live as long as a copy of this.
  x509_st* certificate() const noexcept;
  evp_pkey_st* key() const noexcept;
  stack_st_X509* chain() const noexcept;

 private:
  struct State;
  bool same_as(const CertifiedKey& other) const noexcept;
  explicit CertifiedKey(std::shared_ptr<const State> state) : state_(std::move(state)) {}
  std::shared_ptr<const State> state_;
};

}  // namespace weir
