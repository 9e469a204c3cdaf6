#include "proxy/http/connection.h"

#include <event2/event.h>
#include <fcntl.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "proxy/http/head_check.h"
#include "proxy/http/parser.h"
#include "proxy/http/proxy_protocol.h"

namespace weir {
namespace {

constexpr std::size_t kReadBytes = 64 << 10;
// One sendfile call: long enough to be cheap, short enough to keep the loop fair.
constexpr std::uint64_t kSegment = 512 << 10;
// After this many bytes without a pause the other connections of the loop get their turn.
constexpr std::uint64_t kTurn = 4 << 20;
// So do they after this many requests: a client that asks ahead of its answers never makes its connection wait.
constexpr unsigned kRequestsInTurn = 32;
// What the pool loads at once where the page cache has nothing.
constexpr std::uint64_t kReadAhead = 4 << 20;
// What is read and thrown away of a body nobody wanted, before the connection is closed instead.
constexpr std::uint64_t kMostDiscarded = 256 << 10;
constexpr auto kLinger = Seconds(1);
// Before a request. RFC 9112 2.2 wants one to be skipped; more than a few are no request to come.
constexpr unsigned kMostEmptyLines = 4;

bool in_page_cache(int fd, std::uint64_t offset) {
  char byte;
  iovec vector{&byte, 1};
  const auto count = ::preadv2(fd, &vector, 1, static_cast<off_t>(offset), RWF_NOWAIT);
  return count >= 0 || errno != EAGAIN;  // a file system without the question counts as cached
}

struct Yield {
  Loop& loop;
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> caller) const {
    loop.post([caller] { caller.resume(); });
  }
  void await_resume() const noexcept {}
};

}  // namespace

// ---- Connection: waiting for the socket ---------------------------------------------------------

struct Connection::Ready {
  Connection& connection;
  Wait wait;
  Milliseconds timeout;

  bool await_ready() const noexcept {
    return connection.closing_ || (wait == Wait::read ? connection.readable_ : connection.writable_);
  }
  void await_suspend(std::coroutine_handle<> caller) const {
    connection.waiting_ = caller;
    connection.waiting_for_ = wait;
    connection.timer_.start(timeout);
  }
  // False: the time passed, or the connection is to end.
  bool await_resume() const noexcept { return !connection.closing_ && !connection.timed_out_; }
};

Connection::Connection(Loop& loop, Socket socket, std::string peer, const HttpOptions& options, Handler& handler,
                       Counters& counters, DiskPool& pool, ConnectionSet& set)
    : loop_(loop), socket_(std::move(socket)), peer_(std::move(peer)), options_(options), handler_(handler), counters_(counters),
      head_cell_(counters.cell(Metric::sent_head_bytes)), overhead_cell_(counters.cell(Metric::sent_overhead)), pool_(pool),
      set_(set),
      // Edge-triggered for both directions and added once: a request costs no call to epoll_ctl.
      event_(event_new(loop.base(), socket_.fd(), EV_READ | EV_WRITE | EV_CLOSED | EV_ET | EV_PERSIST, &Connection::on_event, this)),
      timer_(loop, [this] {
        timed_out_ = true;
        resume();
      }) {
  MUST(event_ != nullptr && event_add(event_, nullptr) == 0);
  set_.insert(this);
}

Connection::~Connection() {
  count_overhead();
  event_free(event_);
  socket_.close();
  set_.erase(this);
}

void Connection::on_event(int, short what, void* raw) {
  auto* self = static_cast<Connection*>(raw);
  if (what & EV_CLOSED) self->peer_closed_ = self->readable_ = true;
  if (what & EV_READ) self->readable_ = true;
  if (what & EV_WRITE) self->writable_ = true;
  const bool wanted = self->waiting_for_ == Wait::read ? self->readable_ : self->writable_;
  if (wanted) self->resume();
  // The Task may have ended, and this object with it.
}

void Connection::resume() {
  timer_.stop();
  if (auto handle = std::exchange(waiting_, {})) handle.resume();
}

// What TLS has added since the last time. Nothing is under way then, or what is has no other end.
void Connection::count_overhead() {
  const TlsSession* tls = socket_.tls();
  if (!tls || tls->overhead() <= overhead_) return;
  overhead_cell_.add(tls->overhead() - overhead_);
  overhead_ = tls->overhead();
}

void Connection::drain() {
  draining_ = true;
  if (idle_ && in_.empty()) {
    closing_ = true;
    resume();
  }
}

void Connection::cut() {
  closing_ = draining_ = true;
  socket_.shut_down();
  resume();
}

void Connection::keep_rest(std::size_t consumed) {
  in_.erase(0, consumed);
  // An idle connection should weigh little.
  if (in_.empty() && in_.capacity() > 4096) std::string().swap(in_);
}

// Nothing more reaches the client.
Error Connection::client_lost(std::string what) {
  client_lost_ = true;
  return Error{Failure::cancelled, Side::client, false, std::move(what)};
}

// The socket has said that it is not: the next event says when it is.
Connection::Wait Connection::not_ready(Io::Kind wanted) noexcept {
  if (wanted == Io::Kind::wants_read) {
    readable_ = false;
    return Wait::read;
  }
  writable_ = false;
  return Wait::write;
}

Task<bool> Connection::read_more(Milliseconds timeout) {
  thread_local std::array<char, kReadBytes> buffer;
  timed_out_ = false;
  for (;;) {
    if (closing_) co_return false;
    const Io io = socket_.receive(buffer.data(), buffer.size());
    if (io.kind == Io::Kind::bytes) {
      in_.append(buffer.data(), io.bytes);
      co_return true;
    }
    if (io.kind == Io::Kind::ended || io.kind == Io::Kind::broken) co_return false;
    const bool ready = co_await Ready{*this, not_ready(io.kind), timeout};
    if (!ready) co_return false;
  }
}

// The socket says nothing until a good part of its buffer is free again, so a slow client's progress is what it has
// acknowledged, not what could be written.
Task<bool> Connection::wait_for_client(Io::Kind wanted) {
  const Wait wait = not_ready(wanted);
  for (;;) {
    const int before = socket_.unacknowledged();
    timed_out_ = false;
    const bool ready = co_await Ready{*this, wait, options_.progress_timeout};
    if (ready) co_return true;
    if (closing_ || socket_.unacknowledged() >= before) co_return false;
  }
}

Task<Status> Connection::write_all(std::string_view first, std::string_view second, Exchange* exchange, bool more) {
  timed_out_ = false;
  while (!first.empty() || !second.empty()) {
    if (closing_ || client_lost_) co_return client_lost("the connection was cut");
    const Io io = socket_.send(first, second, more);
    if (io.kind == Io::Kind::bytes) {
      const auto of_first = std::min(io.bytes, first.size());
      const auto of_second = io.bytes - of_first;
      first.remove_prefix(of_first);
      second.remove_prefix(of_second);
      head_cell_.add(of_first);
      if (exchange && of_second > 0) exchange->count_body(of_second);
      continue;
    }
    if (io.kind == Io::Kind::broken || io.kind == Io::Kind::ended) co_return client_lost("the client left");
    const bool ready = co_await wait_for_client(io.kind);
    if (!ready) co_return client_lost(timed_out_ ? "the client stopped reading" : "the connection was cut");
  }
  co_return ok_status();
}

Task<void> Connection::load_pages(int fd, std::uint64_t offset, std::uint64_t length) {
  const bool loaded = co_await pool_.run(loop_, [=] {
    ::readahead(fd, static_cast<off64_t>(offset), length);
    // Wait for the last of them: the pages before it were asked for earlier.
    char byte;
    return ::pread(fd, &byte, 1, static_cast<off_t>(offset + length - 1)) == 1;
  });
  (void)loaded;  // sending will say what is wrong
}

Task<Status> Connection::send_file_bytes(Exchange& exchange, int fd, std::uint64_t offset, std::uint64_t length) {
  timed_out_ = false;
  std::uint64_t left = length, turn = 0;
  while (left > 0) {
    if (closing_ || client_lost_) co_return client_lost("the connection was cut");
    const auto segment = std::min(left, kSegment);
    if (!in_page_cache(fd, offset + segment - 1)) co_await load_pages(fd, offset, std::min(left, kReadAhead));
    const auto io = socket_.send_file(fd, offset, segment);
    if (!io) co_return io.error();
    if (io->kind == Io::Kind::bytes) {
      offset += io->bytes;
      left -= io->bytes;
      turn += io->bytes;
      exchange.count_body(io->bytes);
      if (turn >= kTurn && left > 0) {
        turn = 0;
        co_await Yield{loop_};
      }
      continue;
    }
    if (io->kind == Io::Kind::broken || io->kind == Io::Kind::ended) co_return client_lost("the client left");
    turn = 0;
    const bool ready = co_await wait_for_client(io->kind);
    if (!ready) co_return client_lost(timed_out_ ? "the client stopped reading" : "the connection was cut");
  }
  co_return ok_status();
}

// ---- Connection: requests -----------------------------------------------------------------------

Task<void> Connection::live(std::unique_ptr<Connection> connection) { co_await connection->serve(); }

Task<void> Connection::serve() {
  if (proxy_header_comes()) {
    const bool done = co_await read_proxy_header();
    if (!done) co_return;
  }
  if (socket_.tls()) {
    const bool done = co_await handshake();
    if (!done) co_return;
  }
  for (unsigned requests = 1;; ++requests) {
    const bool again = co_await serve_request();
    count_overhead();
    if (!again) co_return;
    if (requests % kRequestsInTurn == 0) co_await Yield{loop_};
  }
}

bool Connection::proxy_header_comes() const {
  const auto& trusted = options_.trusted_proxies;
  return options_.proxy_protocol && (trusted.empty() || trusted.holds(peer_));
}

// True: it has come, and what follows is the client's. Whoever sends something else is no proxy, and is told nothing.
Task<bool> Connection::read_proxy_header() {
  const Instant deadline = loop_.now() + options_.header_timeout;
  std::string header;
  for (;;) {
    const auto read = weir::read_proxy_header(header);
    if (read && read->missing == 0) {
      if (read->source) peer_ = *read->source;
      co_return true;
    }
    if (!read) break;
    // No byte more than it has: the next may be of the handshake, which OpenSSL reads by itself.
    thread_local std::array<char, kMostProxyHeaderBytes> piece;
    const Io io = socket_.receive_clear(piece.data(), read->missing);
    if (io.kind == Io::Kind::bytes) {
      header.append(piece.data(), io.bytes);
      continue;
    }
    const auto left = std::chrono::ceil<Milliseconds>(deadline - loop_.now());
    if (io.kind != Io::Kind::wants_read || left.count() <= 0) break;
    timed_out_ = false;
    const bool ready = co_await Ready{*this, not_ready(io.kind), left};
    if (!ready) break;
  }
  if (!closing_) counters_.cell(Metric::bad_requests).add(1);
  co_return false;
}

// True: requests may come. A client that speaks HTTP where TLS is spoken is told so.
Task<bool> Connection::handshake() {
  TlsSession& tls = *socket_.tls();
  const Instant deadline = loop_.now() + options_.header_timeout;
  for (;;) {
    const Io io = tls.handshake();
    if (io.kind == Io::Kind::bytes) {
      counters_.cell(Metric::tls_handshakes, tls.resumed() ? "resumed" : "full").add(1);
      co_return true;
    }
    const auto left = std::chrono::ceil<Milliseconds>(deadline - loop_.now());
    if (io.kind == Io::Kind::ended || io.kind == Io::Kind::broken || left.count() <= 0) break;
    timed_out_ = false;
    const bool ready = co_await Ready{*this, not_ready(io.kind), left};
    if (!ready) break;
  }
  if (closing_) co_return false;
  counters_.cell(Metric::tls_handshakes, "failed").add(1);
  if (tls.met_plain_http()) {
    count_overhead();
    socket_.drop_tls();
    co_await refuse(400, "this port speaks TLS");
  }
  co_return false;
}

// The length of a complete head at the front of in_; nothing when there will be none (and it was answered).
Task<std::optional<std::size_t>> Connection::read_head() {
  idle_ = true;
  std::size_t looked = 0;
  unsigned empty_lines = 0;
  std::optional<Instant> deadline;
  for (;;) {
    while (looked == 0 && in_.starts_with("\r\n") && ++empty_lines <= kMostEmptyLines) keep_rest(2);
    const auto found = find_head_end(in_, looked > 0 ? looked - 1 : 0);
    if (const char* bad = empty_lines > kMostEmptyLines ? "empty lines where a request should be" : found.bad) {
      co_await refuse(400, bad);
      co_return std::nullopt;
    }
    if (found.end && *found.end <= kMostHeadBytes) {
      idle_ = false;
      co_return found.end;
    }
    if (found.end || in_.size() > kMostHeadBytes) {
      co_await refuse(431, "a head of more than 32 KiB");
      co_return std::nullopt;
    }
    looked = in_ == "\r" ? 0 : in_.size();  // half of an empty line may be skipped yet
    if (draining_ && in_.empty()) co_return std::nullopt;
    if (!in_.empty()) {
      idle_ = false;
      if (!deadline) deadline = loop_.now() + options_.header_timeout;
    }
    const auto wait = deadline ? std::chrono::ceil<Milliseconds>(*deadline - loop_.now()) : options_.idle_timeout;
    bool more = false;
    if (wait.count() > 0) more = co_await read_more(wait);
    if (more) continue;
    // Silence between requests is no mistake; within a head it is.
    if (!in_.empty() && !closing_ && (timed_out_ || wait.count() <= 0)) co_await refuse(408, "the head did not come in time");
    co_return std::nullopt;
  }
}

Task<bool> Connection::serve_request() {
  const auto head_size = co_await read_head();
  if (!head_size) {
    (void)socket_.announce_end();  // as far as it goes: nothing is under way
    co_return false;
  }
  auto request = parse_request_head(std::string_view(in_).substr(0, *head_size));
  if (!request) {
    co_await refuse(400, request.error().what);
    co_return false;
  }
  keep_rest(*head_size);

  Exchange exchange(*this, **request);
  exchange.started_ = loop_.now();
  co_await handler_.handle(exchange);
  if (!exchange.begun()) {
    auto status = co_await exchange.respond(ResponseHead(500).add("Content-Type", "text/plain"), "no answer\n");
    if (!status) co_return false;
  }
  if (!exchange.complete()) {
    // The client was promised more. Where it was told how much, an end shows it what is missing, and it may ask for that: a
    // reset would take from it what is still on its way, and many do not go on after one. Where it was not, an end would
    // look like success.
    if (exchange.framed() && (!client_lost_ || closing_)) co_await end_sending();
    else socket_.close_by_reset();
    co_return false;
  }
  bool usable = true;
  if (exchange.request_.body != HttpRequest::Body::none) usable = co_await finish_request_body(exchange);
  if (usable && !draining_) co_return true;
  co_await linger();
  co_return false;
}

// Reads what the handler left of the request's body, so that the next request starts where it should.
Task<bool> Connection::finish_request_body(Exchange& exchange) {
  if (exchange.body_broken_) co_return false;
  if (exchange.request_.expect_continue && !exchange.continue_sent_ && exchange.body_taken_ == 0) co_return false;
  const bool measured = exchange.request_.body == HttpRequest::Body::length;
  if (measured && exchange.request_.content_length - exchange.body_taken_ > kMostDiscarded) co_return false;
  // Nobody waits for it, so it has no longer than a head.
  exchange.body_deadline_ = loop_.now() + options_.header_timeout;
  std::uint64_t discarded = 0;
  while (!exchange.body_done_) {
    auto piece = co_await exchange.read_body();
    if (!piece) co_return false;
    discarded += piece->size();
    if (discarded > kMostDiscarded) co_return false;
    // A byte of data may come in a chunk of a thousand: what is counted is no measure of the work.
    co_await Yield{loop_};
  }
  co_return true;
}

Task<void> Connection::refuse(int status, std::string_view why) {
  counters_.cell(Metric::bad_requests).add(1);
  const std::string body = std::string(why) + "\n";
  ResponseHead head(status);
  head.add("Content-Type", "text/plain; charset=utf-8").add("Connection", "close").add("Content-Length", body.size());
  const std::string text = head.text() + "\r\n";
  auto sent = co_await write_all(text, body, nullptr, false);
  if (sent) co_await linger();
}

// Closes so that what was written last is read: a close with unread input would reset the connection.
Task<void> Connection::linger() {
  for (;;) {
    const Io io = socket_.announce_end();
    if (io.kind != Io::Kind::wants_read && io.kind != Io::Kind::wants_write) break;
    const bool ready = co_await wait_for_client(io.kind);
    if (!ready) break;
  }
  co_await end_sending();
}

// Nothing more is sent, and what comes is read for a while.
Task<void> Connection::end_sending() {
  socket_.shut_down_sending();
  std::uint64_t discarded = 0;
  const Instant deadline = loop_.now() + kLinger;
  while (discarded < kMostDiscarded) {
    in_.clear();
    const auto left = std::chrono::ceil<Milliseconds>(deadline - loop_.now());
    if (left.count() <= 0) co_return;
    const bool more = co_await read_more(left);
    if (!more) co_return;
    discarded += in_.size();
  }
}

// ---- ConnectionSet ------------------------------------------------------------------------------

void ConnectionSet::insert(Connection* connection) {
  connection->place_ = connections_.size();
  connections_.push_back(connection);
}

void ConnectionSet::erase(Connection* connection) {
  // The last one takes its place: ending one of ten thousand costs no walk.
  connections_.back()->place_ = connection->place_;
  connections_[connection->place_] = connections_.back();
  connections_.pop_back();
  if (on_erase) on_erase();
}

// Ending one calls erase(), which moves the last one into its place: so from the end, each is met once.
void ConnectionSet::drain_all() {
  for (std::size_t i = connections_.size(); i-- > 0;) {
    if (i < connections_.size()) connections_[i]->drain();
  }
}

void ConnectionSet::cut_all() {
  for (std::size_t i = connections_.size(); i-- > 0;) {
    if (i < connections_.size()) connections_[i]->cut();
  }
}

}  // namespace weir
