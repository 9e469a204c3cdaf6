#pragma once
// Connection: one client's socket, requests in and answers out; the second door to libevent.
//
// Thread: its loop's. It lives in its own Task and ends with it.
// Bounds: a head of 32 KiB; nothing is read ahead of what a handler asks for but one socket read (64 KiB); answers are
// written as the socket takes them. Deadlines bound silence, never a whole transfer.

#include <coroutine>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/disk_pool.h"
#include "base/fd.h"
#include "base/loop.h"
#include "base/result.h"
#include "base/task.h"
#include "meter/counters.h"
#include "proxy/http/options.h"
#include "proxy/http/parser.h"
#include "proxy/http/response.h"

struct event;
struct iovec;

namespace weir {

class Connection;

// One request and its answer. A handler answers once, by respond() or by begin() ... end().
class Exchange {
 public:
  Exchange(Connection& connection, const HttpRequest& request) : connection_(connection), request_(request) {}
  Exchange(const Exchange&) = delete;

  const HttpRequest& request() const noexcept { return request_; }
  Loop& loop() const noexcept;
  const std::string& peer() const noexcept;  // address and port
  // The client has closed its side: nobody waits for what is not there yet.
  bool peer_gone() const noexcept;
  Instant started() const noexcept { return started_; }  // when the head was complete

  // The next piece of the request's body; empty at its end. Sends 100 Continue when the client waits for it.
  // Error (client): invalid framing, timeout, cancelled.
  Task<Result<std::string>> read_body();

  // Where the body bytes of this answer are counted as they are written.
  void count_body_in(Cell& cell) noexcept { body_cell_ = &cell; }

  // A whole answer. Content-Length is added; a HEAD gets no body.
  Task<Status> respond(ResponseHead head, std::string body);
  Task<Status> respond(ResponseHead head, std::shared_ptr<const std::string> body);
  // A head now, its body by send() and send_file(). Without a length: chunked, or until the connection closes on HTTP/1.0.
  Task<Status> begin(ResponseHead head, std::optional<std::uint64_t> length);
  Task<Status> send(std::string bytes);
  // Error: corrupt when the file ends early; the socket's.
  Task<Status> send_file(int fd, std::uint64_t offset, std::uint64_t length);
  Task<Status> end();
  // An answer without a body: 204 and 304, which have no Content-Length of their own.
  Task<Status> respond_empty(ResponseHead head);

  bool begun() const noexcept { return begun_; }
  // The answer went out as announced, to its last byte.
  bool complete() const noexcept { return complete_; }
  int status() const noexcept { return status_; }
  std::uint64_t body_bytes() const noexcept { return body_bytes_; }  // really written
  std::optional<Instant> first_byte() const noexcept { return first_byte_; }

 private:
  friend class Connection;
  std::string finish_head(const ResponseHead& head, std::optional<std::uint64_t> length);
  void count_body(std::uint64_t bytes) noexcept;

  Connection& connection_;
  const HttpRequest& request_;
  Instant started_{};
  std::optional<Instant> first_byte_;
  Cell* body_cell_ = nullptr;
  int status_ = 0;
  bool begun_ = false, complete_ = false;
  bool chunked_ = false;
  std::optional<std::uint64_t> length_;   // announced
  std::uint64_t body_bytes_ = 0;
  std::uint64_t body_taken_ = 0;          // of the request's body
  bool body_done_ = false;
  bool continue_sent_ = false;
  std::optional<Instant> body_deadline_;  // for what is left of it
};

class Handler {
 public:
  virtual ~Handler() = default;
  // Answers. What it leaves unanswered becomes 500; an answer begun and not completed cuts the connection.
  virtual Task<void> handle(Exchange& exchange) = 0;
};

// The connections of one loop, so that they can be counted and ended.
class ConnectionSet;

class Connection {
 public:
  Connection(Loop& loop, UniqueFd fd, std::string peer, const HttpOptions& options, Handler& handler, Counters& counters,
             DiskPool& pool, ConnectionSet& set);
  ~Connection();
  Connection(const Connection&) = delete;

  // Serves requests until either side has enough.
  static Task<void> live(std::unique_ptr<Connection> connection);

  // No further request: an idle connection closes at once, a busy one after its answer.
  void drain();
  // Ends it now, whatever it does.
  void cut();

 private:
  friend class Exchange;
  friend class ConnectionSet;

  enum class Wait { read, write };
  struct Ready;

  Task<void> serve();
  Task<bool> serve_request();
  Task<std::optional<std::size_t>> read_head();
  // Frames of their own, and not parts of the one that an idle connection holds: 1.6 KiB of memory each instead of 5.9.
  [[gnu::noinline]] Task<void> refuse(int status, std::string_view why);
  [[gnu::noinline]] Task<bool> finish_request_body(Exchange& exchange);
  [[gnu::noinline]] Task<void> linger();

  // One read into in_. False: end of stream, broken, or no byte within `timeout` (then timed_out_).
  Task<bool> read_more(Milliseconds timeout);
  // Writes all; `body_exchange`'s share of it (what lies past `head_bytes`) is counted as its body.
  Task<bool> wait_writable();
  Task<Status> write_all(std::string_view first, std::string_view second, Exchange* body_exchange, bool more);
  Task<Status> send_file_bytes(Exchange& exchange, int fd, std::uint64_t offset, std::uint64_t length);
  Task<void> load_pages(int fd, std::uint64_t offset, std::uint64_t length);
  void keep_rest(std::size_t consumed);

  static void on_event(int fd, short what, void* self);
  void resume();

  Loop& loop_;
  UniqueFd fd_;
  const std::string peer_;
  const HttpOptions& options_;
  Handler& handler_;
  Counters& counters_;
  Cell& head_cell_;
  DiskPool& pool_;
  ConnectionSet& set_;

  event* event_;
  Timer timer_;
  std::coroutine_handle<> waiting_;
  Wait waiting_for_ = Wait::read;
  bool readable_ = true, writable_ = true;  // edge-triggered: true until the socket says otherwise
  bool peer_closed_ = false;
  bool timed_out_ = false;
  bool closing_ = false;
  bool draining_ = false;
  bool idle_ = true;

  std::string in_;                 // read and not yet used
  RequestParser parser_;
  std::size_t place_ = 0;          // in set_
};

class ConnectionSet {
 public:
  void insert(Connection* connection);
  void erase(Connection* connection);
  void drain_all();
  void cut_all();
  bool empty() const noexcept { return connections_.empty(); }
  std::size_t size() const noexcept { return connections_.size(); }
  std::function<void()> on_erase;  // after each

 private:
  std::vector<Connection*> connections_;
};

}  // namespace weir
