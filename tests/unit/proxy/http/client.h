// An HTTP client that does exactly what a test says: bytes out, bytes in, over a blocking socket. What takes longer than
// the test's patience throws.
#pragma once

#include <linux/sockios.h>
#include <netdb.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "base/fd.h"
#include "base/text.h"
#include "tests/unit/base/loop_thread.h"

namespace weir::testing {

struct Answer {
  int status = 0;
  std::string head;  // with its status line and its empty line
  std::string body;
  bool complete = false;  // to the last byte its head announced

  // The first line of that name, or "".
  std::string header(std::string_view name) const {
    for (const auto line : split(head, '\n')) {
      const auto colon = line.find(':');
      if (colon == std::string_view::npos || !equal_ignoring_case(line.substr(0, colon), name)) continue;
      auto value = line.substr(colon + 1);
      if (value.ends_with('\r')) value.remove_suffix(1);
      return std::string(trim(value));
    }
    return "";
  }
};

class Client {
 public:
  enum class End { closed, reset };

  // `127.0.0.1:5000`, `[::1]:5000` or `unix:/path`.
  explicit Client(const std::string& address) {
    if (address.starts_with("unix:")) {
      sockaddr_un name{};
      name.sun_family = AF_UNIX;
      std::strncpy(name.sun_path, address.c_str() + 5, sizeof name.sun_path - 1);
      fd_ = UniqueFd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
      if (::connect(fd_.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name) != 0) fail("connect");
    } else {
      const auto colon = address.rfind(':');
      auto host = address.substr(0, colon);
      if (host.starts_with('[')) host = host.substr(1, host.size() - 2);
      addrinfo hints{}, *found = nullptr;
      hints.ai_socktype = SOCK_STREAM;
      hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
      if (::getaddrinfo(host.c_str(), address.substr(colon + 1).c_str(), &hints, &found) != 0) fail("getaddrinfo");
      fd_ = UniqueFd(::socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
      const int code = ::connect(fd_.get(), found->ai_addr, found->ai_addrlen);
      ::freeaddrinfo(found);
      if (code != 0) fail("connect");
    }
    const timeval patience{kPatience.count(), 0};
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  }

  int fd() const { return fd_.get(); }

  void send(std::string_view bytes) {
    if (!try_send(bytes)) fail("send");
  }
  // False: the other side has left.
  bool try_send(std::string_view bytes) {
    while (!bytes.empty()) {
      const auto count = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (count < 0 && (errno == EPIPE || errno == ECONNRESET)) return false;
      if (count <= 0) fail("send");
      bytes.remove_prefix(static_cast<std::size_t>(count));
    }
    return true;
  }
  // Sends, and returns once the other side has read it. Over a unix socket only: TCP does not tell.
  void send_and_see_taken(std::string_view bytes) {
    send(bytes);
    const bool taken = comes_true([this] {
      int unread = -1;
      return ::ioctl(fd_.get(), SIOCOUTQ, &unread) == 0 && unread == 0;
    });
    if (!taken) throw std::runtime_error("nobody read what was sent");
  }
  void finish_sending() { ::shutdown(fd_.get(), SHUT_WR); }
  void close() { fd_.reset(); }

  // The next answer, without a body when it is to a HEAD. Incomplete when the connection ended first.
  Answer answer(bool to_head = false) {
    Answer got;
    std::size_t end;
    while ((end = in_.find("\r\n\r\n")) == std::string::npos) {
      if (!more()) {
        got.head = std::exchange(in_, {});
        return got;
      }
    }
    got.head = in_.substr(0, end + 4);
    in_.erase(0, end + 4);
    got.status = std::atoi(got.head.c_str() + std::min<std::size_t>(9, got.head.size()));
    const auto length = got.header("Content-Length");
    if (to_head || got.status == 204 || got.status == 304 || got.status < 200) {
      got.complete = true;
    } else if (equal_ignoring_case(got.header("Transfer-Encoding"), "chunked")) {
      got.complete = read_chunks(got.body);
    } else if (!length.empty()) {
      const auto size = static_cast<std::size_t>(std::stoull(length));
      while (in_.size() < size && more()) {
      }
      got.complete = in_.size() >= size;
      got.body = in_.substr(0, size);
      in_.erase(0, size);
    } else {
      while (more()) {
      }
      got.complete = end_ == End::closed;
      got.body = std::exchange(in_, {});
    }
    return got;
  }
  // A whole request, and its answer.
  Answer ask(const std::string& request) {
    send(request);
    return answer(request.starts_with("HEAD "));
  }
  // Reads to the end of the connection; what came.
  std::string rest() {
    while (more()) {
    }
    return std::exchange(in_, {});
  }
  // How the connection ended; what came before is thrown away.
  End end() {
    (void)rest();
    return end_;
  }

 private:
  [[noreturn]] static void fail(const std::string& doing) { throw std::runtime_error(doing + ": " + std::strerror(errno)); }

  bool more() {
    char buffer[64 << 10];
    const auto count = ::recv(fd_.get(), buffer, sizeof buffer, 0);
    if (count < 0 && errno != ECONNRESET) fail("recv");
    if (count <= 0) {
      if (count < 0) end_ = End::reset;
      return false;
    }
    in_.append(buffer, static_cast<std::size_t>(count));
    return true;
  }
  bool read_chunks(std::string& body) {
    for (;;) {
      std::size_t line;
      while ((line = in_.find("\r\n")) == std::string::npos) {
        if (!more()) return false;
      }
      const auto size = static_cast<std::size_t>(std::stoull(in_.substr(0, line), nullptr, 16));
      in_.erase(0, line + 2);
      while (in_.size() < size + 2) {
        if (!more()) {
          body += std::exchange(in_, {});
          return false;
        }
      }
      if (in_.compare(size, 2, "\r\n") != 0) return false;
      body += in_.substr(0, size);
      in_.erase(0, size + 2);
      if (size == 0) return true;
    }
  }

  UniqueFd fd_;
  std::string in_;
  End end_ = End::closed;
};

inline std::string get(const std::string& path, const std::string& more = "") {
  return "GET " + path + " HTTP/1.1\r\nHost: weir\r\n" + more + "\r\n";
}

}  // namespace weir::testing
