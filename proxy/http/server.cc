#include "proxy/http/server.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>

namespace weir {
namespace {

constexpr unsigned kMostAcceptedAtOnce = 64;
// Out of descriptors: a listening socket that stays readable would spin the loop.
constexpr auto kAcceptPause = Milliseconds(100);

}  // namespace

Server::Server(const std::vector<std::unique_ptr<Loop>>& loops, const HttpOptions& options, Handler& handler, Meter& meter,
               DiskPool& pool, Log& log)
    : loops_(loops), options_(options), handler_(handler), meter_(meter), pool_(pool), log_(log),
      resume_accepting_(*loops[0],
                        [this] {
                          for (auto& each : accepting_) each.watch->set(true, false);
                        }),
      drain_deadline_(*loops[0], [this] {
        for (auto& per_loop : per_loop_) per_loop->loop->post([set = &per_loop->connections] { set->cut_all(); });
      }) {
  for (const auto& loop : loops) {
    auto per_loop = std::make_unique<PerLoop>();
    per_loop->loop = loop.get();
    per_loop->connections.on_erase = [this, own = per_loop.get()] {
      own->count.fetch_sub(1, std::memory_order_relaxed);
      if (total_.fetch_sub(1, std::memory_order_acq_rel) == 1) loops_[0]->post([this] { check_drained(); });
    };
    per_loop_.push_back(std::move(per_loop));
  }
}

Server::~Server() = default;

void Server::use_tls(std::shared_ptr<const TlsContext> context) {
  std::lock_guard lock(tls_mutex_);
  tls_ = std::move(context);
}

void Server::start(Listener listener, bool tls) {
  const int fd = listener.fd.get();
  auto watch = std::make_unique<Watch>(*loops_[0], fd, [this, fd, tls](bool, bool) { accept_some(fd, tls); });
  watch->set(true, false);
  accepting_.push_back({std::move(listener), std::move(watch)});
}

void Server::accept_some(int fd, bool tls) {
  std::shared_ptr<const TlsContext> context;
  if (tls) {
    std::lock_guard lock(tls_mutex_);
    context = tls_;
    MUST(context != nullptr);
  }
  for (unsigned i = 0; i < kMostAcceptedAtOnce; ++i) {
    UniqueFd client(::accept4(fd, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!client.valid()) {
      if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) pause_accepting();
      return;
    }
    if (total_.load(std::memory_order_relaxed) >= options_.max_connections) refuse(std::move(client), tls);
    else place(std::move(client), context);
  }
}

void Server::pause_accepting() {
  log_.error("out of descriptors or memory, not accepting for a moment", {{"connections", connections()}});
  for (auto& each : accepting_) each.watch->set(false, false);
  resume_accepting_.start(kAcceptPause);
}

// Under TLS without a word: saying it would cost a handshake.
void Server::refuse(UniqueFd fd, bool tls) {
  static constexpr std::string_view kAnswer =
      "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 21\r\nRetry-After: 1\r\nConnection: close\r\n\r\n"
      "too many connections\n";
  if (!tls && ::send(fd.get(), kAnswer.data(), kAnswer.size(), MSG_NOSIGNAL) < 0) { /* it left already */
  }
  meter_.counters(0).cell(Metric::connections, "refused").add(1);
}

void Server::place(UniqueFd fd, std::shared_ptr<const TlsContext> tls) {
  auto* least = per_loop_[0].get();
  for (auto& each : per_loop_) {
    if (each->count.load(std::memory_order_relaxed) < least->count.load(std::memory_order_relaxed)) least = each.get();
  }
  least->count.fetch_add(1, std::memory_order_relaxed);
  total_.fetch_add(1, std::memory_order_relaxed);
  meter_.counters(0).cell(Metric::connections, "accepted").add(1);
  const int on = 1;
  ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);  // fails on a unix socket, which needs none
  // Posted work is copied, so the descriptor travels in a shared box.
  auto boxed = std::make_shared<UniqueFd>(std::move(fd));
  least->loop->post([this, least, boxed, tls = std::move(tls)] {
    auto peer = peer_address(boxed->get());
    spawn(Connection::live(std::make_unique<Connection>(*least->loop, Socket(std::move(*boxed), tls), std::move(peer), options_,
                                                        handler_, meter_.counters(least->loop->index()), pool_,
                                                        least->connections)));
  });
}

void Server::drain(std::function<void()> done) {
  MUST(!drained_);
  drained_ = std::move(done);
  resume_accepting_.stop();
  accepting_.clear();
  for (auto& per_loop : per_loop_) per_loop->loop->post([set = &per_loop->connections] { set->drain_all(); });
  drain_deadline_.start(options_.drain_timeout);
  loops_[0]->post([this] { check_drained(); });
}

void Server::check_drained() {
  if (!drained_ || total_.load(std::memory_order_acquire) != 0) return;
  drain_deadline_.stop();
  const auto done = std::exchange(drained_, nullptr);
  done();
}

}  // namespace weir
