// bare [--threads N] FILE: the least a server can do to send FILE, the floor that blob hits are measured against.
//
// Prints "listening on 127.0.0.1:PORT". Every request, whatever it asks, is answered by the whole file: read the head, write the head,
// sendfile in non-blocking pieces. The main thread accepts and hands connections out in turn; each worker has its own epoll.
// It knows nothing of HTTP beyond the empty line that ends a head, keeps connections open, and takes no pipelined requests.

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <string>
#include <thread>
#include <vector>

namespace {

constexpr size_t kPiece = 512 * 1024;
constexpr size_t kMaxHead = 8 * 1024;

struct File {
  int fd = -1;
  off_t size = 0;
  std::string head;
};

struct Connection {
  int fd = -1;
  std::string request;
  bool sending = false;
  size_t head_sent = 0;
  off_t body_sent = 0;
};

enum class Step { again, blocked, closed };

// Reads until the head is whole.
Step read_head(Connection& connection) {
  char buffer[4096];
  const ssize_t n = recv(connection.fd, buffer, sizeof buffer, 0);
  if (n < 0) return errno == EAGAIN ? Step::blocked : Step::closed;
  if (n == 0) return Step::closed;
  connection.request.append(buffer, static_cast<size_t>(n));
  if (connection.request.size() > kMaxHead) return Step::closed;
  if (connection.request.ends_with("\r\n\r\n")) {
    connection.request.clear();
    connection.sending = true;
    connection.head_sent = 0;
    connection.body_sent = 0;
  }
  return Step::again;
}

Step send_some(Connection& connection, const File& file) {
  if (connection.head_sent < file.head.size()) {
    const ssize_t n = send(connection.fd, file.head.data() + connection.head_sent, file.head.size() - connection.head_sent,
                           MSG_MORE | MSG_NOSIGNAL);
    if (n < 0) return errno == EAGAIN ? Step::blocked : Step::closed;
    connection.head_sent += static_cast<size_t>(n);
    return Step::again;
  }
  const size_t piece = std::min<size_t>(kPiece, static_cast<size_t>(file.size - connection.body_sent));
  const ssize_t n = sendfile(connection.fd, file.fd, &connection.body_sent, piece);
  if (n < 0) return errno == EAGAIN ? Step::blocked : Step::closed;
  if (n == 0 && piece > 0) return Step::closed;  // the file shrank
  if (connection.body_sent == file.size) connection.sending = false;
  return Step::again;
}

// Edge-triggered: each wake-up goes on until the socket takes or gives no more.
void serve(int epoll, const File& file) {
  epoll_event events[64];
  for (;;) {
    const int count = epoll_wait(epoll, events, 64, -1);
    for (int i = 0; i < count; ++i) {
      auto* connection = static_cast<Connection*>(events[i].data.ptr);
      Step step = Step::again;
      while (step == Step::again) step = connection->sending ? send_some(*connection, file) : read_head(*connection);
      if (step == Step::closed) {
        close(connection->fd);
        delete connection;
      }
    }
  }
}

int listen_anywhere() {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  if (fd < 0 || bind(fd, reinterpret_cast<sockaddr*>(&address), size) != 0 || listen(fd, 128) != 0 ||
      getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    perror("bare: listen");
    exit(1);
  }
  printf("listening on 127.0.0.1:%d\n", ntohs(address.sin_port));
  fflush(stdout);
  return fd;
}

File open_file(const char* path) {
  File file;
  struct stat status{};
  file.fd = open(path, O_RDONLY | O_CLOEXEC);
  if (file.fd < 0 || fstat(file.fd, &status) != 0) {
    perror(path);
    exit(1);
  }
  file.size = status.st_size;
  file.head = "HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: " + std::to_string(file.size) +
              "\r\n\r\n";
  return file;
}

}  // namespace

int main(int argc, char** argv) {
  int threads = 2;
  int next = 1;
  if (argc > 2 && strcmp(argv[1], "--threads") == 0) {
    threads = std::max(1, atoi(argv[2]));
    next = 3;
  }
  if (argc != next + 1) {
    fprintf(stderr, "usage: bare [--threads N] FILE\n");
    return 2;
  }
  signal(SIGPIPE, SIG_IGN);  // sendfile has no MSG_NOSIGNAL
  const File file = open_file(argv[next]);
  std::vector<int> epolls;
  for (int i = 0; i < threads; ++i) {
    epolls.push_back(epoll_create1(EPOLL_CLOEXEC));
    std::thread(serve, epolls.back(), std::cref(file)).detach();
  }
  const int listener = listen_anywhere();
  for (size_t turn = 0;; ++turn) {
    const int fd = accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) continue;
    const int yes = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    epoll_event event{};
    event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
    event.data.ptr = new Connection{.fd = fd, .request = {}};
    epoll_ctl(epolls[turn % epolls.size()], EPOLL_CTL_ADD, fd, &event);
  }
}
