// One side's TLS settings: which certificate it shows and whom it believes.
#pragma once

#include <memory>
#include <string>

#include "tests/support/certificate_authority.h"

struct ssl_ctx_st;

namespace weir::testing {

class TlsContext {
 public:
  // A server that shows `certificate`. With `client_ca_pem` it refuses clients that show none signed by it.
  static TlsContext server(const Certificate& certificate, const std::string& client_ca_pem = "");

  // A client that believes `ca_pem`, or anybody when that is empty, and shows `certificate` when it has one.
  static TlsContext client(const std::string& ca_pem = "", const Certificate& certificate = {});

  ssl_ctx_st* get() const { return context_.get(); }
  bool verifies_peer() const { return verifies_peer_; }

 private:
  TlsContext(bool is_server, const Certificate& certificate, const std::string& ca_pem);

  struct Free {
    void operator()(ssl_ctx_st* context) const;
  };
  std::unique_ptr<ssl_ctx_st, Free> context_;
  bool verifies_peer_ = false;
};

}  // namespace weir::testing
