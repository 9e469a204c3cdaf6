// A listening port that stays the same while the server behind it comes and goes.
//
// Beside the listening socket a second one is bound to the same port and never listens. It keeps the kernel from giving
// the port to anybody else during an outage, in which a connection is refused as it is by a host whose server is down.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tests/support/file_descriptor.h"

namespace weir::testing {

class Listener {
 public:
  // Chooses one free port for all `addresses` (IPv4 or IPv6, numeric) and keeps it. Does not listen yet. Throws
  // std::runtime_error when an address cannot be bound.
  explicit Listener(std::vector<std::string> addresses);

  std::uint16_t port() const { return port_; }
  bool listening() const { return !listening_.empty(); }

  // Called by one thread at a time.
  void open();
  void close();

  // Waits for a connection until wake() is called, which any thread may do; then nothing, until the next open().
  std::optional<FileDescriptor> accept();
  void wake();

 private:
  bool reserve(std::uint16_t port);

  std::vector<std::string> addresses_;
  std::uint16_t port_ = 0;
  std::vector<FileDescriptor> reserved_;
  std::vector<FileDescriptor> listening_;
  FileDescriptor wake_;
};

// Whether ::1 can be bound here; in many containers it cannot.
bool has_ipv6_loopback();

}  // namespace weir::testing
