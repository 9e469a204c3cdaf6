// guess: asks a server's /token as fast as it is told to, each time with another password, and counts what it is told.
//
//   guess --to 127.0.0.1:PORT [--guesses N] [--rate N] [--sources N] [--known yes|no] [--password yes|no]
//
// --rate is guesses a second, --sources how many addresses of 127.0.0.0/8 they come from in turn. With --known no each is for
// another name, else all are for `ann`. With --password no there is none: the same requests, without a reason to hash. At most
// 256 are asked at once, each on a connection of its own. Prints one line: guesses= seconds= and how often each status came.

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <map>
#include <string>
#include <vector>

namespace {

constexpr int kMostAtOnce = 256;

struct Options {
  int port = 0;
  long guesses = 100'000, rate = 2000, sources = 1;
  bool known = true, password = true;
};

[[noreturn]] void fail(const char* what) {
  fprintf(stderr, "guess: %s: %s\n", what, strerror(errno));
  exit(1);
}

double now() {
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

std::string base64(const std::string& bytes) {
  static const char kDigits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (size_t i = 0; i < bytes.size(); i += 3) {
    unsigned group = 0;
    for (size_t k = 0; k < 3; ++k) group = group << 8 | (i + k < bytes.size() ? static_cast<unsigned char>(bytes[i + k]) : 0u);
    for (int k = 3; k >= 0; --k) text += kDigits[group >> (6 * k) & 63];
  }
  for (size_t left = bytes.size() % 3; left != 0 && left < 3; ++left) text[text.size() - (3 - left)] = '=';
  return text;
}

Options parse(int argc, char** argv) {
  Options options;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string flag = argv[i], value = argv[i + 1];
    if (flag == "--to") options.port = atoi(value.substr(value.rfind(':') + 1).c_str());
    else if (flag == "--guesses") options.guesses = atol(value.c_str());
    else if (flag == "--rate") options.rate = atol(value.c_str());
    else if (flag == "--sources") options.sources = atol(value.c_str());
    else if (flag == "--known") options.known = value == "yes";
    else if (flag == "--password") options.password = value == "yes";
    else exit(2);
  }
  if (options.port == 0 || options.rate < 1 || options.sources < 1) exit(2);
  return options;
}

// A connection from the next address, on which the next guess is on its way.
int begin(const Options& options, long number) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) fail("socket");
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(0x7f000001u + static_cast<unsigned>(number % options.sources) * 257u % 0xfffffe);
  if (options.sources > 1 && bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) fail("bind");
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<unsigned short>(options.port));
  if (connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) fail("connect");
  std::string request = "GET /token?service=weir HTTP/1.1\r\nHost: weir\r\nConnection: close\r\n";
  const std::string name = options.known ? "ann" : "user" + std::to_string(number);
  if (options.password) request += "Authorization: Basic " + base64(name + ":guess" + std::to_string(number)) + "\r\n";
  request += "\r\n";
  if (write(fd, request.data(), request.size()) != static_cast<ssize_t>(request.size())) fail("write");
  return fd;
}

}  // namespace

int main(int argc, char** argv) {
  const Options options = parse(argc, argv);
  const int epoll = epoll_create1(EPOLL_CLOEXEC);
  std::map<std::string, long> statuses;
  long begun = 0, ended = 0;
  const double start = now();
  while (ended < options.guesses) {
    const long due = static_cast<long>((now() - start) * static_cast<double>(options.rate)) + 1;
    while (begun < options.guesses && begun < due && begun - ended < kMostAtOnce) {
      epoll_event event{};
      event.events = EPOLLIN;
      event.data.fd = begin(options, begun++);
      epoll_ctl(epoll, EPOLL_CTL_ADD, event.data.fd, &event);
    }
    epoll_event events[64];
    const int count = epoll_wait(epoll, events, 64, 1);
    for (int i = 0; i < count; ++i) {
      char answer[64];
      const auto size = read(events[i].data.fd, answer, sizeof answer);
      ++statuses[size >= 12 ? std::string(answer + 9, 3) : "none"];
      close(events[i].data.fd);
      ++ended;
    }
  }
  printf("guesses=%ld seconds=%.1f", ended, now() - start);
  for (const auto& [status, times] : statuses) printf(" %s=%ld", status.c_str(), times);
  printf("\n");
}
