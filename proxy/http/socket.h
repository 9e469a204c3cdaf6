#pragma once
// Socket: one client's socket, in the clear or under TLS. Every call is one try; none waits.
//
// Thread: its loop's. Bytes are counted as a client sees them, before they are encrypted.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "base/fd.h"
#include "base/result.h"
#include "proxy/http/tls.h"

namespace weir {

class Socket {
 public:
  // Under TLS when there is a context.
  explicit Socket(UniqueFd fd, std::shared_ptr<const TlsContext> context = nullptr);

  int fd() const noexcept { return fd_.get(); }
  // Nothing in the clear. Under TLS the handshake comes first.
  TlsSession* tls() noexcept { return tls_.get(); }
  // What goes over from now on is in the clear.
  void drop_tls() noexcept { tls_.reset(); }

  Io receive(char* out, std::size_t size);
  // What stands before TLS begins.
  Io receive_clear(char* out, std::size_t size);
  // `first` and then `second`, or the beginning of it. `more` follows at once. After a `wants` the next call begins with
  // the same bytes, and so does send_file().
  Io send(std::string_view first, std::string_view second, bool more);
  // Error: corrupt when the file ends first; io when it cannot be read.
  Result<Io> send_file(int file, std::uint64_t offset, std::uint64_t length);
  // Under TLS the client is told that the end is meant.
  Io announce_end();

  void shut_down_sending() noexcept;
  void shut_down() noexcept;  // both directions; nothing is announced
  void close() noexcept { fd_.reset(); }
  // Closing it will tell the client that something went wrong.
  void close_by_reset() noexcept;

  // The client has closed its side or the connection broke, also where bytes of it wait to be read.
  bool hung_up() const noexcept;
  // Bytes written that the client has not acknowledged.
  int unacknowledged() const noexcept;

 private:
  UniqueFd fd_;
  std::unique_ptr<TlsSession> tls_;
};

}  // namespace weir
