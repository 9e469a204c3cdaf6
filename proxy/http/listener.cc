#include "proxy/http/listener.h"

#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cerrno>
#include <cstring>

#include "base/text.h"

namespace weir {
namespace {

constexpr int kBacklog = 4096;

std::string show_address(const sockaddr_storage& address, socklen_t size) {
  if (address.ss_family == AF_UNIX) return "unix";
  char host[NI_MAXHOST], port[NI_MAXSERV];
  if (::getnameinfo(reinterpret_cast<const sockaddr*>(&address), size, host, sizeof host, port, sizeof port,
                    NI_NUMERICHOST | NI_NUMERICSERV) != 0) {
    return "unknown";
  }
  std::string_view text = host;
  if (text.starts_with("::ffff:")) text.remove_prefix(7);  // an IPv4 client of a socket for both
  return text.find(':') == std::string_view::npos ? std::string(text) + ':' + port : '[' + std::string(text) + "]:" + port;
}

Result<std::string> bound_address(int fd) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0) return system_error(errno, "getsockname");
  return show_address(address, size);
}

Result<UniqueFd> bind_one(const addrinfo& info, bool both_families, const std::string& shown) {
  UniqueFd fd(::socket(info.ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd.valid()) return system_error(errno, "listen on " + shown);
  const int on = 1, only_v6 = both_families ? 0 : 1;
  ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (info.ai_family == AF_INET6) ::setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &only_v6, sizeof only_v6);
  if (::bind(fd.get(), info.ai_addr, info.ai_addrlen) != 0 || ::listen(fd.get(), kBacklog) != 0) {
    return system_error(errno, "listen on " + shown);
  }
  return fd;
}

}  // namespace

Result<Listener> listen_on(std::string_view address) {
  const std::string shown(address);
  const auto colon = address.rfind(':');
  if (colon == std::string_view::npos || !parse_number(address.substr(colon + 1)) ||
      *parse_number(address.substr(colon + 1)) > 65535) {
    return Error{Failure::invalid, Side::local, false, "'" + shown + "' is not HOST:PORT"};
  }
  auto host = address.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  const bool any = host.empty() || host == "*";

  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  const std::string port(address.substr(colon + 1));
  for (const int family : any ? std::vector<int>{AF_INET6, AF_INET} : std::vector<int>{AF_UNSPEC}) {
    hints.ai_family = family;
    addrinfo* found = nullptr;
    const int code = ::getaddrinfo(any ? nullptr : std::string(host).c_str(), port.c_str(), &hints, &found);
    if (code != 0) {
      if (any && family == AF_INET6) continue;
      return Error{Failure::invalid, Side::local, false, "listen on " + shown + ": " + ::gai_strerror(code)};
    }
    auto fd = bind_one(*found, any, shown);
    ::freeaddrinfo(found);
    if (!fd) {
      if (any && family == AF_INET6) continue;
      return std::move(fd).error();
    }
    auto bound = bound_address(fd->get());
    if (!bound) return std::move(bound).error();
    return Listener{*std::move(fd), *std::move(bound)};
  }
  return Error{Failure::io, Side::local, false, "listen on " + shown + ": no such address"};
}

Result<Listener> listen_on_unix(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) {
    return Error{Failure::invalid, Side::local, false, "the path of a socket is at most 107 bytes: " + path};
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  const auto* raw = reinterpret_cast<const sockaddr*>(&address);
  {
    const UniqueFd probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (probe.valid() && ::connect(probe.get(), raw, sizeof address) == 0) {
      return Error{Failure::conflict, Side::local, false, "another program listens on " + path};
    }
  }
  struct stat status{};
  if (::lstat(path.c_str(), &status) == 0 && S_ISSOCK(status.st_mode)) ::unlink(path.c_str());
  UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd.valid()) return system_error(errno, "listen on " + path);
  const mode_t old = ::umask(0177);
  const int code = ::bind(fd.get(), raw, sizeof address);
  const int error = errno;
  ::umask(old);
  if (code != 0) return system_error(error, "listen on " + path);
  if (::listen(fd.get(), 128) != 0) return system_error(errno, "listen on " + path);
  return Listener{std::move(fd), "unix:" + path};
}

Result<Listener> adopt_listener(int fd) {
  UniqueFd owned(fd);
  ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK);
  ::fcntl(fd, F_SETFD, FD_CLOEXEC);
  auto bound = bound_address(fd);
  if (!bound) return std::move(bound).error();
  return Listener{std::move(owned), *std::move(bound)};
}

std::string peer_address(int fd) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  if (::getpeername(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0) return "unknown";
  return show_address(address, size);
}

}  // namespace weir
