#pragma once
// Server: listening sockets in, connections out to the loops; each goes to the loop with the fewest and lives there.
//
// Thread: start() and drain() on the first loop, where accepting happens; use_tls() on any.

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "base/disk_pool.h"
#include "base/log.h"
#include "base/loop.h"
#include "meter/counters.h"
#include "proxy/http/connection.h"
#include "proxy/http/listener.h"
#include "proxy/http/tls.h"

namespace weir {

class Server {
 public:
  // All references must outlive the server. Loops are numbered as in the vector.
  Server(const std::vector<std::unique_ptr<Loop>>& loops, const HttpOptions& options, Handler& handler, Meter& meter,
         DiskPool& pool, Log& log);
  ~Server();

  // What connections under TLS begin with from now on; those that are there keep what they have.
  void use_tls(std::shared_ptr<const TlsContext> context);

  // Accepts on `listener` from now on, in the clear or under TLS. REQUIRES for that: use_tls() before.
  void start(Listener listener, bool tls = false);

  // Accepts no more; idle connections close, busy ones after their answer; what is left after options.drain_timeout is
  // cut. Calls `done` on the first loop when none is left. Once.
  void drain(std::function<void()> done);

  unsigned connections() const noexcept { return total_.load(std::memory_order_relaxed); }

 private:
  struct PerLoop {
    Loop* loop;
    ConnectionSet connections;
    std::atomic<unsigned> count{0};
  };

  void accept_some(int fd, bool tls);
  void place(UniqueFd fd, std::shared_ptr<const TlsContext> tls);
  void refuse(UniqueFd fd, bool tls);
  void pause_accepting();
  void check_drained();

  const std::vector<std::unique_ptr<Loop>>& loops_;
  const HttpOptions& options_;
  Handler& handler_;
  Meter& meter_;
  DiskPool& pool_;
  Log& log_;
  std::vector<std::unique_ptr<PerLoop>> per_loop_;
  std::atomic<unsigned> total_{0};

  std::mutex tls_mutex_;
  std::shared_ptr<const TlsContext> tls_;  // guarded by tls_mutex_

  struct Accepting {
    Listener listener;
    std::unique_ptr<Watch> watch;
  };
  std::vector<Accepting> accepting_;
  Timer resume_accepting_;
  Timer drain_deadline_;
  std::function<void()> drained_;
};

}  // namespace weir
