// load: asks one server for one path, a fixed number of times over a fixed number of kept connections, and says what it cost.
//
//   load --to 127.0.0.1:PORT --path /v2/... [--connections N] [--requests N] [--accept TYPES]
//        [--status 200] [--bytes N]   every answer must have this status and a body of this length
//        [--sha256 HEX]               every body must have this digest (reads the bodies: not for timed runs)
//        [--server-pid PID]           measure the CPU of this process and its descendants
//        [--settle]                   and again once it has been quiet for 300 ms (work it does after the last byte)
//        [--stall SECONDS]            give up after so long without a byte (30)
//
// Prints one line: wall= first_byte= cpu= settled_cpu= client_cpu= (seconds) requests= bytes= (bodies only). Exit 1 on any wrong answer.
//
// One thread, one epoll, one request in flight a connection. Large bodies are discarded in the kernel: recv with MSG_TRUNC on a TCP socket
// moves on without copying, so a client costs little beside the server it measures. The clocks start when all connections stand.

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "response_head.h"
#include "server_cpu.h"
#include "sha256.h"

namespace {

constexpr size_t kDiscard = 4 * 1024 * 1024;  // most that one recv discards
constexpr size_t kBuffer = 64 * 1024;

struct Options {
  std::string host, path, accept = "*/*", sha256;
  int port = 0;
  int connections = 1;
  int64_t requests = 1;
  int status = 200;
  int64_t bytes = -1;  // -1: any
  pid_t server_pid = 0;
  bool settle = false;
  int stall_seconds = 30;
};

[[noreturn]] [[gnu::format(printf, 1, 2)]] void fail(const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  fputs("load: ", stderr);
  vfprintf(stderr, format, arguments);
  fputc('\n', stderr);
  va_end(arguments);
  exit(1);
}

double seconds(clockid_t clock) {
  timespec now;
  clock_gettime(clock, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

double server_cpu(const Options& options) {
  if (!options.server_pid) return 0;
  const int64_t used = bench::tree_cpu_nanoseconds(options.server_pid);
  if (used < 0) fail("the server (process %d) is gone", options.server_pid);
  return static_cast<double>(used) / 1e9;
}

// The server's CPU once it grew by less than 2 ms in three looks of 100 ms each; gives up waiting after 60 s.
double settled_cpu(const Options& options) {
  double before = server_cpu(options);
  for (int look = 0, quiet = 0; look < 600 && quiet < 3; ++look) {
    usleep(100'000);
    const double now = server_cpu(options);
    quiet = now - before < 0.002 ? quiet + 1 : 0;
    before = now;
  }
  return before;
}

struct Connection {
  int fd = -1;
  bool busy = false;
  std::string head;  // of the response being read, until it is whole
  int64_t body_left = -1;  // -1: still in the head
  std::unique_ptr<bench::Sha256> sha;
};

class Client {
 public:
  explicit Client(const Options& options) : options_(options), buffer_(kBuffer) {
    request_ = "GET " + options.path + " HTTP/1.1\r\nHost: " + options.host + ":" + std::to_string(options.port) +
               "\r\nUser-Agent: weir-bench/1\r\nAccept: " + options.accept + "\r\n\r\n";
    // Never readable nor writable: should the kernel ever copy instead of discarding, recv fails instead of writing here.
    discard_ = mmap(nullptr, kDiscard, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    epoll_ = epoll_create1(EPOLL_CLOEXEC);
    connections_.resize(static_cast<size_t>(options.connections));
    for (Connection& connection : connections_) connect_to_server(connection);
  }

  void run() {
    started_ = seconds(CLOCK_MONOTONIC);
    last_progress_ = started_;
    for (Connection& connection : connections_) ask(connection);
    epoll_event events[64];
    while (finished_ < options_.requests) {
      const int count = epoll_wait(epoll_, events, 64, 1000);
      if (count == 0) check_progress();
      for (int i = 0; i < count; ++i) read_some(*static_cast<Connection*>(events[i].data.ptr));
      if (count > 0) moved_ = true;
    }
    wall_ = seconds(CLOCK_MONOTONIC) - started_;
  }

  double wall() const { return wall_; }
  double first_byte() const { return first_byte_; }
  int64_t body_bytes() const { return body_bytes_; }

 private:
  void connect_to_server(Connection& connection) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(options_.port));
    if (inet_pton(AF_INET, options_.host.c_str(), &address.sin_addr) != 1) fail("not an IPv4 address: %s", options_.host.c_str());
    connection.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connection.fd < 0 || connect(connection.fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
      fail("connect to %s:%d: %s", options_.host.c_str(), options_.port, strerror(errno));
    const int yes = 1;
    setsockopt(connection.fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.ptr = &connection;
    epoll_ctl(epoll_, EPOLL_CTL_ADD, connection.fd, &event);
  }

  void ask(Connection& connection) {
    connection.busy = asked_ < options_.requests;
    if (!connection.busy) return;
    ++asked_;
    connection.head.clear();
    connection.body_left = -1;
    if (!options_.sha256.empty()) connection.sha = std::make_unique<bench::Sha256>();
    if (send(connection.fd, request_.data(), request_.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(request_.size()))
      fail("send: %s", strerror(errno));
  }

  void read_some(Connection& connection) {
    const bool discards = connection.body_left > 0 && !connection.sha;
    const ssize_t n = discards
                          ? recv(connection.fd, discard_, std::min<size_t>(kDiscard, static_cast<size_t>(connection.body_left)),
                                 MSG_TRUNC | MSG_DONTWAIT)
                          : recv(connection.fd, buffer_.data(), buffer_.size(), MSG_DONTWAIT);
    if (n < 0 && errno == EAGAIN) return;
    if (n < 0) fail("recv: %s", strerror(errno));
    if (n == 0)
      fail("the server closed the connection, %lld bytes before the end of a body", static_cast<long long>(connection.body_left));
    if (!connection.busy) fail("%zd bytes that nobody asked for", n);
    if (first_byte_ == 0) first_byte_ = seconds(CLOCK_MONOTONIC) - started_;
    if (discards) {
      take_body(connection, nullptr, n);
    } else if (connection.body_left >= 0) {
      take_body(connection, buffer_.data(), n);
    } else {
      take_head(connection, {buffer_.data(), static_cast<size_t>(n)});
    }
  }

  void take_head(Connection& connection, std::string_view piece) {
    // Nearly always the whole head comes at once, and is read where it lies.
    if (!connection.head.empty()) piece = connection.head.append(piece);
    const size_t end = piece.find("\r\n\r\n");
    if (end == std::string_view::npos) {
      if (connection.head.empty()) connection.head = piece;
      return;
    }
    const std::string_view body = piece.substr(end + 4);
    const std::optional<bench::ResponseHead> head = bench::parse_response_head(piece.substr(0, end + 4));
    if (!head) fail("not a response with a Content-Length:\n%.*s", static_cast<int>(end), piece.data());
    if (head->status != options_.status)
      fail("status %d where %d was expected: %.*s", head->status, options_.status,
           static_cast<int>(std::min<size_t>(body.size(), 300)), body.data());
    if (options_.bytes >= 0 && head->body_bytes != options_.bytes)
      fail("Content-Length %lld where %lld was expected", static_cast<long long>(head->body_bytes),
           static_cast<long long>(options_.bytes));
    if (head->closes && options_.requests > options_.connections) fail("the server does not keep the connection open");
    connection.body_left = head->body_bytes;
    take_body(connection, body.data(), static_cast<ssize_t>(body.size()));
  }

  // `data` is null where the kernel discarded the bytes.
  void take_body(Connection& connection, const char* data, ssize_t size) {
    if (size > connection.body_left) fail("the body is longer than its Content-Length");
    if (connection.sha) connection.sha->update(data, static_cast<size_t>(size));
    connection.body_left -= size;
    body_bytes_ += size;
    if (connection.body_left > 0) return;
    if (connection.sha) {
      const std::string hex = connection.sha->hex();
      if (hex != options_.sha256) fail("the body's sha256 is %s where %s was expected", hex.c_str(), options_.sha256.c_str());
    }
    ++finished_;
    ask(connection);
  }

  void check_progress() {
    const double now = seconds(CLOCK_MONOTONIC);
    if (moved_) last_progress_ = now - 1;
    moved_ = false;
    if (now - last_progress_ > options_.stall_seconds)
      fail("no byte for %d seconds, %lld of %lld answers finished", options_.stall_seconds, static_cast<long long>(finished_),
           static_cast<long long>(options_.requests));
  }

  const Options& options_;
  std::string request_;
  std::vector<char> buffer_;
  void* discard_ = nullptr;
  int epoll_ = -1;
  std::vector<Connection> connections_;
  int64_t asked_ = 0, finished_ = 0, body_bytes_ = 0;
  bool moved_ = false;  // since the last look
  double started_ = 0, last_progress_ = 0, first_byte_ = 0, wall_ = 0;
};

Options parse(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string_view name = argv[i];
    if (name == "--settle") {
      options.settle = true;
      continue;
    }
    if (i + 1 == argc) fail("%s needs a value", argv[i]);
    const std::string value = argv[++i];
    const auto number = [&] { return strtoll(value.c_str(), nullptr, 10); };
    if (name == "--to") {
      const size_t colon = value.rfind(':');
      if (colon == std::string::npos) fail("--to HOST:PORT");
      options.host = value.substr(0, colon);
      options.port = atoi(value.c_str() + colon + 1);
    } else if (name == "--path") {
      options.path = value;
    } else if (name == "--accept") {
      options.accept = value;
    } else if (name == "--sha256") {
      options.sha256 = value;
    } else if (name == "--connections") {
      options.connections = static_cast<int>(std::max(1LL, number()));
    } else if (name == "--requests") {
      options.requests = number();
    } else if (name == "--status") {
      options.status = static_cast<int>(number());
    } else if (name == "--bytes") {
      options.bytes = number();
    } else if (name == "--server-pid") {
      options.server_pid = static_cast<pid_t>(number());
    } else if (name == "--stall") {
      options.stall_seconds = static_cast<int>(number());
    } else {
      fail("unknown option %s", argv[i - 1]);
    }
  }
  if (options.port == 0 || options.path.empty()) fail("--to and --path are needed");
  return options;
}

}  // namespace

int main(int argc, char** argv) {
  const Options options = parse(argc, argv);
  Client client(options);
  const double server_before = server_cpu(options);
  const double client_before = seconds(CLOCK_PROCESS_CPUTIME_ID);
  client.run();
  const double client_cpu = seconds(CLOCK_PROCESS_CPUTIME_ID) - client_before;
  const double cpu = server_cpu(options) - server_before;
  const double settled = options.settle ? settled_cpu(options) - server_before : cpu;
  printf("wall=%.6f first_byte=%.6f cpu=%.6f settled_cpu=%.6f client_cpu=%.6f requests=%lld bytes=%lld\n", client.wall(),
         client.first_byte(), cpu, settled, client_cpu, static_cast<long long>(options.requests),
         static_cast<long long>(client.body_bytes()));
}
