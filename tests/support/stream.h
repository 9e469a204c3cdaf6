// Bytes to and from one peer, over a TCP or unix socket, in the clear or under TLS, with a deadline on every wait.
//
// One thread reads and writes; shut_down() alone may be called by another, to wake the first.
#pragma once

#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "tests/support/file_descriptor.h"
#include "tests/support/tls_context.h"
#include "tests/support/wait.h"

struct ssl_st;

namespace weir::testing {

enum class Io { done, ended, reset, timed_out, failed };

// "ended by the peer", "reset by the peer" and so on, for messages.
std::string_view describe(Io outcome);

class Stream {
 public:
  struct Read {
    Io outcome;
    std::size_t count;  // > 0 exactly when done
  };
  struct Text {
    Io outcome;
    std::string text;  // done: up to and with the delimiter; else what came
  };

  // REQUIRES: `socket` is connected. It is made non-blocking.
  explicit Stream(FileDescriptor socket);
  ~Stream();
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  // TLS from here on. A client says which name it expects to meet; an empty name is not checked.
  [[nodiscard]] bool accept_tls(const TlsContext& context, Deadline deadline);
  [[nodiscard]] bool connect_tls(const TlsContext& context, const std::string& server_name, Deadline deadline);

  Read read_some(char* out, std::size_t size, Deadline deadline);

  // Reads on until `delimiter` was seen or `limit` bytes came without it (failed).
  Text read_until(std::string_view delimiter, std::size_t limit, Deadline deadline);

  Io write_all(std::string_view bytes, Deadline deadline);

  // True when the peer has closed its side or the connection is broken. Does not wait.
  bool peer_gone() const;

  void shut_down_writing();  // close_notify under TLS, then FIN
  void shut_down();          // both directions; any thread
  void close();              // FIN, unless the peer sends on; under TLS without close_notify
  void reset();  // RST, once the peer has acknowledged what was written (waits for that for at most a second)

  bool open() const { return static_cast<bool>(socket_); }

 private:
  struct FreeSsl {
    void operator()(ssl_st* ssl) const;
  };

  bool handshake(const TlsContext& context, const std::string* server_name, Deadline deadline);
  bool wait_for(short events, Deadline deadline) const;
  Read receive(char* out, std::size_t size, Deadline deadline);
  Read receive_tls(char* out, std::size_t size, Deadline deadline);
  Io write_tls(std::string_view bytes, Deadline deadline);
  void release_socket();

  mutable std::mutex mutex_;
  FileDescriptor socket_;  // closed under mutex_; its owner thread reads it without
  std::unique_ptr<ssl_st, FreeSsl> ssl_;
  std::string buffer_;     // received, not yet read
  std::size_t taken_ = 0;  // bytes of buffer_ already read
};

}  // namespace weir::testing
