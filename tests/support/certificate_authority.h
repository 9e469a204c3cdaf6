// A throw-away certificate authority: signs certificates that only this test believes.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

struct x509_st;
struct evp_pkey_st;

namespace weir::testing {

struct Certificate {
  std::string certificate_pem = {};
  std::string key_pem = {};

  // The two files' text. Empty strings when they cannot be read.
  static Certificate from_files(const std::string& certificate_file, const std::string& key_file);
};

struct CertificateOptions {
  std::string common_name = "localhost";
  std::vector<std::string> dns_names = {"localhost"};
  std::vector<std::string> addresses = {"127.0.0.1", "::1"};
  bool for_client = false;                      // clientAuth in place of serverAuth
  std::chrono::seconds valid_from{-3600};       // from now
  std::chrono::seconds valid_until{24 * 3600};  // from now; in the past: an expired certificate
};

class CertificateAuthority {
 public:
  explicit CertificateAuthority(const std::string& common_name = "weir tests");
  ~CertificateAuthority();
  CertificateAuthority(const CertificateAuthority&) = delete;
  CertificateAuthority& operator=(const CertificateAuthority&) = delete;

  const std::string& certificate_pem() const { return certificate_pem_; }

  // A new key (EC P-256) and a certificate for it.
  Certificate issue(const CertificateOptions& options = {});

 private:
  struct Free {
    void operator()(x509_st* certificate) const;
    void operator()(evp_pkey_st* key) const;
  };
  std::unique_ptr<evp_pkey_st, Free> key_;
  std::unique_ptr<x509_st, Free> certificate_;
  std::string certificate_pem_;
};

}  // namespace weir::testing
