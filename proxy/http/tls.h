#pragma once
// TLS towards clients, 1.2 and 1.3 by OpenSSL; the second door to it.
//
// Sessions are resumed by tickets that only the context which gave them can read: it keeps none, and a new one knows
// none. Whatever a client offers by ALPN, it is told http/1.1 or nothing. Where the kernel has TLS (CONFIG_TLS) and the cipher
// is one of its, it encrypts what is sent, and files go out by sendfile.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/certificate_name.h"
#include "base/certified_key.h"
#include "base/result.h"

struct ssl_ctx_st;
struct ssl_st;

namespace weir {

// What one try at a socket came to. Nobody waited.
struct Io {
  enum class Kind {
    bytes,        // so many went over; the rest is for the next try
    wants_read,   // nothing, until the socket has become readable: it said EAGAIN
    wants_write,  // or writable
    ended,        // the client sends no more
    broken,
  };
  Kind kind = Kind::broken;
  std::size_t bytes = 0;
};

// What is shown to clients, and how it is spoken. Immutable. Thread: any.
class TlsContext {
 public:
  // Each client is shown the first certificate for the name it asks for, and the very first if there is none for it or
  // it asks for none. REQUIRES: one key or more.
  // With `authorities`, certificates as PEM, clients are asked for theirs: one that is shown leads to an authority, or the
  // handshake fails; none may be shown. Error: invalid, they cannot be used.
  static Result<std::shared_ptr<const TlsContext>> make(const std::vector<CertifiedKey>& keys, const std::string& authorities = {});

 private:
  friend class TlsSession;
  struct Free {
    void operator()(ssl_ctx_st* context) const;
  };
  static int choose(ssl_st* session, int* alert, void* self);
  std::vector<std::unique_ptr<ssl_ctx_st, Free>> contexts_;  // one for each certificate
};

// Whether this kernel could encrypt for us.
bool kernel_has_tls();

// One client's end of it, over a non-blocking socket. Thread: one at a time.
// REQUIRES: the process ignores SIGPIPE.
class TlsSession {
 public:
  // The descriptor is the caller's, and is there as long as this.
  TlsSession(std::shared_ptr<const TlsContext> context, int fd);
  TlsSession(const TlsSession&) = delete;

  // `bytes`, of which there are none: it is done. Comes before all else.
  Io handshake();
  // After it was done: the client came with a ticket.
  bool resumed() const noexcept;
  // After it broke: what the client sent was a request in the clear.
  bool met_plain_http() const noexcept { return met_plain_http_; }

  // After it was done: a name in the certificate that the client has shown and that was verified; nothing without one. Of a
  // resumed session it is the certificate of the first. It is read once: a connection is whose it was when it was first asked.
  std::optional<std::string> certificate_name(CertificateName kind) const;
  // After it was done: send_file() may be used in place of write().
  bool kernel_sends() const noexcept;

  // Until it says wants_read there may be bytes that the socket shows no sign of.
  Io read(char* out, std::size_t size);
  // One record of at most 16 KiB. After a `wants` the next call has the same bytes in front, and no fewer.
  Io write(std::string_view bytes);
  // From a file, not copied through us. `ended`: the file has no more there.
  Io send_file(int file, std::uint64_t offset, std::size_t size);
  // Bytes written to the socket beyond those that write() took: handshake, records, the end. Not what a kernel adds that
  // encrypts. It may shrink while a record is under way.
  std::uint64_t overhead() const noexcept;
  // Tells the client that nothing was cut off. `bytes`, of which there are none: it was told.
  Io close_notify();

 private:
  struct Free {
    void operator()(ssl_st* session) const;
  };
  Io outcome(int result);

  const std::shared_ptr<const TlsContext> context_;
  const std::unique_ptr<ssl_st, Free> session_;
  bool met_plain_http_ = false;
  std::uint64_t taken_ = 0;  // by write()
  struct Named {
    CertificateName kind;
    std::optional<std::string> name;
  };
  mutable std::optional<Named> named_;
};

}  // namespace weir
