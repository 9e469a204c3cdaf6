#pragma once
// Connection: requests read from one client's socket and answers written to it; the second door to libevent.
//
// Thread: its loop's. It lives in its own Task and ends with it.
// Bounds: a head of 32 KiB; nothing is read ahead of what a handler asks for but one socket read (64 KiB); answers are
// written as the socket takes them. Deadlines bound silence, never a whole transfer.

#include <coroutine>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/disk_pool.h"
#include "base/loop.h"
#include "base/result.h"
#include "base/task.h"
#include "meter/counters.h"
#include "proxy/http/exchange.h"
#include "proxy/http/options.h"
#include "proxy/http/socket.h"

struct event;

namespace weir {

// The connections of one loop, so that they can be counted and ended.
class ConnectionSet;

class Connection {
 public:
  Connection(Loop& loop, Socket socket, std::string peer, const HttpOptions& options, Handler& handler, Counters& counters,
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
  [[gnu::noinline]] Task<void> end_sending();
  [[gnu::noinline]] Task<bool> handshake();
  [[gnu::noinline]] Task<bool> read_proxy_header();
  bool proxy_header_comes() const;

  Error client_lost(std::string what);

  // One read into in_. False: end of stream, broken, or no byte within `timeout` (then timed_out_).
  Task<bool> read_more(Milliseconds timeout);
  // After a try at writing that wanted more. False: the client takes nothing, or the connection is to end.
  Task<bool> wait_for_client(Io::Kind wanted);
  // Writes all; `body_exchange`'s share of it (what lies past `head_bytes`) is counted as its body.
  Task<Status> write_all(std::string_view first, std::string_view second, Exchange* body_exchange, bool more);
  Task<Status> send_file_bytes(Exchange& exchange, int fd, std::uint64_t offset, std::uint64_t length);
  Task<void> load_pages(int fd, std::uint64_t offset, std::uint64_t length);
  void keep_rest(std::size_t consumed);
  void count_overhead();
  Wait not_ready(Io::Kind wanted) noexcept;

  static void on_event(int fd, short what, void* self);
  void resume();

  Loop& loop_;
  Socket socket_;
  std::string peer_;
  const HttpOptions& options_;
  Handler& handler_;
  Counters& counters_;
  Cell& head_cell_;
  Cell& overhead_cell_;
  std::uint64_t overhead_ = 0;  // that is counted
  DiskPool& pool_;
  ConnectionSet& set_;

  event* event_;
  Timer timer_;
  std::coroutine_handle<> waiting_;
  Wait waiting_for_ = Wait::read;
  bool readable_ = true, writable_ = true;  // edge-triggered: true until the socket says otherwise
  bool peer_closed_ = false;
  bool timed_out_ = false;
  bool client_lost_ = false;
  bool closing_ = false;
  bool draining_ = false;
  bool idle_ = true;

  std::string in_;                 // read and not yet used
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
