// An HTTP server of a few lines: a thread a connection, blocking sockets, and a function of the test's that answers as
// badly as the test wants.
#pragma once

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <atomic>
#include <cstring>
#include <functional>
#include <mutex>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/fd.h"
#include "base/text.h"

namespace weir::testing {

class TinyServer {
 public:
  struct Request {
    std::string method, target, head;
    std::string body;  // by its Content-Length

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

  // The other side of one connection.
  class Peer {
   public:
    explicit Peer(int fd) : fd_(fd) {}
    // False: it has left.
    bool send(std::string_view bytes) {
      while (!bytes.empty()) {
        const auto count = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (count <= 0) return false;
        bytes.remove_prefix(static_cast<std::size_t>(count));
      }
      return true;
    }
    // How many of the bytes the socket takes without waiting longer than it takes the other side to read.
    std::size_t send_what_is_taken(std::string_view bytes, std::chrono::milliseconds patience) {
      std::size_t sent = 0;
      while (sent < bytes.size()) {
        pollfd poll{fd_, POLLOUT, 0};
        if (::poll(&poll, 1, static_cast<int>(patience.count())) <= 0) break;
        const auto count = ::send(fd_, bytes.data() + sent, std::min<std::size_t>(bytes.size() - sent, 64 << 10),
                                  MSG_NOSIGNAL | MSG_DONTWAIT);
        if (count <= 0) break;
        sent += static_cast<std::size_t>(count);
      }
      return sent;
    }
    // Says nothing until the other side leaves.
    void hang() {
      char byte;
      while (::recv(fd_, &byte, 1, 0) > 0) {
      }
    }

   private:
    int fd_;
  };

  // False: the connection ends after it.
  using Answer = std::function<bool(const Request&, Peer&)>;

  explicit TinyServer(Answer answer) : answer_(std::move(answer)), listening_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* raw = reinterpret_cast<sockaddr*>(&address);
    if (::bind(listening_.get(), raw, size) != 0 || ::listen(listening_.get(), 128) != 0 ||
        ::getsockname(listening_.get(), raw, &size) != 0)
      throw std::runtime_error("cannot listen");
    port_ = ntohs(address.sin_port);
    accepting_ = std::thread([this] { accept_all(); });
  }
  ~TinyServer() {
    ::shutdown(listening_.get(), SHUT_RDWR);
    accepting_.join();
    {
      std::lock_guard lock(mutex_);
      for (const int fd : open_) ::shutdown(fd, SHUT_RDWR);
    }
    for (auto& thread : serving_) thread.join();
  }
  TinyServer(const TinyServer&) = delete;

  unsigned port() const { return port_; }
  std::string url(const std::string& path = "") const { return "http://127.0.0.1:" + std::to_string(port_) + path; }
  // The same server by a name that no configuration knows.
  std::string named_url(const std::string& path = "") const { return "http://localhost:" + std::to_string(port_) + path; }
  unsigned connections() const { return connections_; }
  std::vector<Request> requests() const {
    std::lock_guard lock(mutex_);
    return requests_;
  }
  std::size_t count(std::string_view target_prefix = "") const {
    std::lock_guard lock(mutex_);
    std::size_t count = 0;
    for (const auto& request : requests_) count += request.target.starts_with(target_prefix);
    return count;
  }
  bool anybody_there() const {
    std::lock_guard lock(mutex_);
    return !open_.empty();
  }

 private:
  void accept_all() {
    for (;;) {
      const int fd = ::accept4(listening_.get(), nullptr, nullptr, SOCK_CLOEXEC);
      if (fd < 0) return;
      ++connections_;
      std::lock_guard lock(mutex_);
      open_.insert(fd);
      serving_.emplace_back([this, fd] { serve(fd); });
    }
  }
  void serve(int fd) {
    Peer peer(fd);
    std::string in;
    for (;;) {
      Request request;
      if (!read_request(fd, in, request)) break;
      {
        std::lock_guard lock(mutex_);
        requests_.push_back(request);
      }
      if (!answer_(request, peer)) break;
    }
    std::lock_guard lock(mutex_);
    open_.erase(fd);
    ::close(fd);
  }
  static bool read_request(int fd, std::string& in, Request& request) {
    std::size_t end;
    while ((end = in.find("\r\n\r\n")) == std::string::npos) {
      if (!more(fd, in)) return false;
    }
    request.head = in.substr(0, end + 4);
    in.erase(0, end + 4);
    const auto line = split(std::string_view(request.head).substr(0, request.head.find('\r')), ' ');
    request.method = line[0];
    request.target = line.size() > 1 ? line[1] : "";
    const auto length = parse_number(request.header("Content-Length")).value_or(0);
    while (in.size() < length) {
      if (!more(fd, in)) return false;
    }
    request.body = in.substr(0, length);
    in.erase(0, length);
    return true;
  }
  static bool more(int fd, std::string& in) {
    char buffer[16 << 10];
    const auto count = ::recv(fd, buffer, sizeof buffer, 0);
    if (count > 0) in.append(buffer, static_cast<std::size_t>(count));
    return count > 0;
  }

  const Answer answer_;
  UniqueFd listening_;
  unsigned port_ = 0;
  std::atomic<unsigned> connections_{0};
  std::thread accepting_;
  mutable std::mutex mutex_;
  std::set<int> open_;                  // guarded by mutex_
  std::vector<Request> requests_;       // guarded by mutex_
  std::vector<std::thread> serving_;    // guarded by mutex_ until accepting_ has ended
};

// A whole answer with this body; `fields` are lines that end in CR LF.
inline std::string reply(int status, std::string_view body = "", std::string_view fields = "") {
  return "HTTP/1.1 " + std::to_string(status) + " Words\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" +
         std::string(fields) + "\r\n" + std::string(body);
}

}  // namespace weir::testing
