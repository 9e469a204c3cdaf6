#pragma once
// What the HTTP server can be told; each field with its unit and what it bounds.

#include <string>
#include <vector>

#include "base/certified_key.h"
#include "base/clock.h"
#include "proxy/http/forwarded.h"

namespace weir {

// Of the file client-ca.
inline constexpr std::size_t kMostAuthoritiesBytes = 4 << 20;

struct HttpOptions {
  // `127.0.0.1:5000`, `[::1]:5000`, `*:5000` or `:5000` (both families). Port 0 asks the kernel.
  std::vector<std::string> listen{"127.0.0.1:5000"};
  // Likewise, for clients that speak TLS.
  std::vector<std::string> listen_tls;
  // PEM files in pairs, in their order: a certificate with those above it, and its key.
  std::vector<std::string> tls_certificates, tls_keys;
  // PEM certificates of the authorities whose clients' certificates are believed; empty: no client is asked for one.
  std::string client_ca;
  // What those files were found to hold.
  std::vector<CertifiedKey> certified_keys;
  std::string client_authorities;
  // How clients reach this server where that is not what their requests say: scheme, host, maybe port and path.
  std::string public_url;
  // Who may speak for others: by X-Forwarded-For, -Proto and -Host, and by the PROXY protocol.
  TrustedProxies trusted_proxies;
  // A connection begins with a header of the PROXY protocol, version 2: one from trusted_proxies, or every one where that is
  // empty.
  bool proxy_protocol = false;
  // Event loops; 0 means one per core.
  unsigned threads = 0;
  // Over all loops; one more is answered 503 and closed, under TLS only closed.
  unsigned max_connections = 20'000;
  // Between two requests of a connection.
  Milliseconds idle_timeout = Seconds(75);
  // From the first byte of a request's head to its last; under TLS also from the connection to the handshake's end. A body
  // that no handler wants has as long.
  Milliseconds header_timeout = Seconds(10);
  // Without a single byte of a body moving in either direction. Never bounds a whole transfer.
  Milliseconds progress_timeout = Seconds(60);
  // After SIGTERM: what is still being answered then is cut.
  Milliseconds drain_timeout = Seconds(30);
  // When set, the real addresses are written there, one `server HOST:PORT`, `server-tls HOST:PORT` or `admin HOST:PORT` a line,
  // once they accept.
  std::string ports_file;
};

}  // namespace weir
