#include "tests/support/listener.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <stdexcept>

namespace weir::testing {

namespace {

constexpr int kBacklog = 1024;

// Bound to the address, or an empty descriptor and errno.
FileDescriptor bound_socket(const std::string& address, std::uint16_t port) {
  bool v6 = address.find(':') != address.npos;
  FileDescriptor socket(::socket(v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  int on = 1;
  ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  int result = -1;
  if (v6) {
    ::setsockopt(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    sockaddr_in6 name{};
    name.sin6_family = AF_INET6;
    name.sin6_port = htons(port);
    ::inet_pton(AF_INET6, address.c_str(), &name.sin6_addr);
    result = ::bind(socket.get(), reinterpret_cast<sockaddr*>(&name), sizeof name);
  } else {
    sockaddr_in name{};
    name.sin_family = AF_INET;
    name.sin_port = htons(port);
    ::inet_pton(AF_INET, address.c_str(), &name.sin_addr);
    result = ::bind(socket.get(), reinterpret_cast<sockaddr*>(&name), sizeof name);
  }
  return result == 0 ? std::move(socket) : FileDescriptor();
}

std::uint16_t port_of(int fd) {
  sockaddr_storage name{};
  socklen_t size = sizeof name;
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&name), &size);
  return ntohs(name.ss_family == AF_INET6 ? reinterpret_cast<sockaddr_in6&>(name).sin6_port
                                          : reinterpret_cast<sockaddr_in&>(name).sin_port);
}

}  // namespace

Listener::Listener(std::vector<std::string> addresses)
    : addresses_(std::move(addresses)), wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  // A port that is free at the first address may be taken at the second.
  for (int attempt = 0; attempt < 20; ++attempt) {
    if (reserve(0)) return;
  }
  throw std::runtime_error("cannot bind " + addresses_.front() + ": " + std::strerror(errno));
}

bool Listener::reserve(std::uint16_t port) {
  reserved_.clear();
  for (const auto& address : addresses_) {
    auto socket = bound_socket(address, port);
    if (!socket) return false;
    port = port_of(socket.get());
    reserved_.push_back(std::move(socket));
  }
  port_ = port;
  return true;
}

void Listener::open() {
  std::uint64_t ignored = 0;
  while (::read(wake_.get(), &ignored, sizeof ignored) > 0) {
  }
  for (const auto& address : addresses_) {
    auto socket = bound_socket(address, port_);
    if (!socket || ::listen(socket.get(), kBacklog) != 0) {
      throw std::runtime_error("cannot listen on " + address + ": " + std::strerror(errno));
    }
    listening_.push_back(std::move(socket));
  }
}

void Listener::close() { listening_.clear(); }

std::optional<FileDescriptor> Listener::accept() {
  for (;;) {
    std::vector<pollfd> entries{{wake_.get(), POLLIN, 0}};
    for (const auto& socket : listening_) entries.push_back({socket.get(), POLLIN, 0});
    if (::poll(entries.data(), entries.size(), -1) < 0) continue;
    if (entries[0].revents) return std::nullopt;
    for (const auto& entry : entries) {
      if (!entry.revents) continue;
      FileDescriptor socket(::accept4(entry.fd, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
      if (!socket) continue;
      int on = 1;
      ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      return socket;
    }
  }
}

void Listener::wake() {
  std::uint64_t one = 1;
  (void)!::write(wake_.get(), &one, sizeof one);
}

bool has_ipv6_loopback() { return static_cast<bool>(bound_socket("::1", 0)); }

}  // namespace weir::testing
