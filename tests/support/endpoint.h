// Where a server listens, and how to get a stream to it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "tests/support/file_descriptor.h"
#include "tests/support/stream.h"
#include "tests/support/wait.h"

namespace weir::testing {

struct Endpoint {
  enum class Kind { tcp, unix_socket };

  Kind kind = Kind::tcp;
  bool tls = false;
  std::string host;  // without brackets; for a unix socket its path
  std::uint16_t port = 0;

  // "http://127.0.0.1:5000", "https://localhost:5443", "http://[::1]:80", "127.0.0.1:5000", "unix:/run/weir.sock".
  // Throws std::runtime_error for anything else. A path after the port is ignored.
  static Endpoint parse(std::string_view text);

  // host:port as a Host header says it; "localhost" for a unix socket.
  std::string authority() const;
};

// A connected socket, or none and the reason in `failure`. Names are looked up with the system's resolver and tried in
// its order. `receive_buffer` bytes of kernel buffer when not 0: a small one makes a slow reader felt soon.
FileDescriptor connect_to(const Endpoint& endpoint, int receive_buffer, Deadline deadline, std::string& failure);

}  // namespace weir::testing
