#include "tests/support/endpoint.h"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <cstring>
#include <stdexcept>

#include "tests/support/http_message.h"

namespace weir::testing {

namespace {

bool take_prefix(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

// 0, or the errno of the failure.
int finish_connecting(int fd, const sockaddr* address, socklen_t size, Deadline deadline) {
  if (::connect(fd, address, size) == 0) return 0;
  if (errno != EINPROGRESS) return errno;
  pollfd entry{fd, POLLOUT, 0};
  int ready = 0;
  do {
    ready = ::poll(&entry, 1, poll_timeout(deadline));
  } while (ready < 0 && errno == EINTR);
  if (ready == 0) return ETIMEDOUT;
  int error = 0;
  socklen_t error_size = sizeof error;
  ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &error_size);
  return error;
}

FileDescriptor connect_address(int family, const sockaddr* address, socklen_t size, int receive_buffer, Deadline deadline,
                               std::string& failure) {
  FileDescriptor socket(::socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (receive_buffer > 0) {
    ::setsockopt(socket.get(), SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
  }
  if (family != AF_UNIX) {
    int on = 1;
    ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }
  int error = finish_connecting(socket.get(), address, size, deadline);
  if (error == 0) return socket;
  failure = std::string("connect: ") + std::strerror(error);
  return {};
}

FileDescriptor connect_unix(const Endpoint& endpoint, int receive_buffer, Deadline deadline, std::string& failure) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (endpoint.host.size() >= sizeof address.sun_path) {
    failure = "connect: the socket's path is too long";
    return {};
  }
  std::memcpy(address.sun_path, endpoint.host.c_str(), endpoint.host.size() + 1);
  return connect_address(AF_UNIX, reinterpret_cast<sockaddr*>(&address), sizeof address, receive_buffer, deadline, failure);
}

}  // namespace

Endpoint Endpoint::parse(std::string_view text) {
  Endpoint endpoint;
  std::string_view rest = text;
  if (take_prefix(rest, "unix:")) {
    endpoint.kind = Kind::unix_socket;
    endpoint.host = rest;
    return endpoint;
  }
  endpoint.tls = take_prefix(rest, "https://");
  if (!endpoint.tls) take_prefix(rest, "http://");
  rest = rest.substr(0, rest.find('/'));
  auto colon = rest.rfind(':');
  auto port = colon == rest.npos ? std::nullopt : parse_number(rest.substr(colon + 1));
  if (!port || *port > 65535 || colon == 0) throw std::runtime_error("not an endpoint: " + std::string(text));
  endpoint.port = static_cast<std::uint16_t>(*port);
  auto host = rest.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  endpoint.host = host;
  return endpoint;
}

std::string Endpoint::authority() const {
  if (kind == Kind::unix_socket) return "localhost";
  bool v6 = host.find(':') != host.npos;
  return (v6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

FileDescriptor connect_to(const Endpoint& endpoint, int receive_buffer, Deadline deadline, std::string& failure) {
  failure.clear();
  if (endpoint.kind == Endpoint::Kind::unix_socket) {
    return connect_unix(endpoint, receive_buffer, deadline, failure);
  }
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV;
  addrinfo* found = nullptr;
  int error = ::getaddrinfo(endpoint.host.c_str(), std::to_string(endpoint.port).c_str(), &hints, &found);
  if (error != 0) {
    failure = std::string("lookup: ") + ::gai_strerror(error);
    return {};
  }
  FileDescriptor socket;
  for (addrinfo* each = found; each && !socket; each = each->ai_next) {
    socket = connect_address(each->ai_family, each->ai_addr, each->ai_addrlen, receive_buffer, deadline, failure);
  }
  ::freeaddrinfo(found);
  if (socket) failure.clear();
  return socket;
}

}  // namespace weir::testing
