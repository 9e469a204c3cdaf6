// A server on a port of the kernel's choice, whose handler is a function of the test's.
#pragma once

#include <fcntl.h>

#include <functional>
#include <thread>

#include "proxy/http/server.h"
#include "tests/unit/base/scratch.h"
#include "tests/unit/proxy/http/client.h"

namespace weir::testing {

class Serving {
 public:
  using Handle = std::function<Task<void>(Exchange&)>;

  explicit Serving(Handle handle, HttpOptions options = quick(), unsigned loops = 1, const std::string& listen = "127.0.0.1:0")
      : options_(std::move(options)), loops_(make_loops(loops)), meter_(loops), handler_(std::move(handle)),
        server_(loops_, options_, handler_, meter_, pool_, log_) {
    auto listener = listen.starts_with("unix:") ? listen_on_unix(listen.substr(5)) : listen_on(listen);
    if (!listener) throw std::runtime_error(listener.error().what);
    address_ = listener->address;
    server_.start(*std::move(listener));
    for (auto& loop : loops_) threads_.emplace_back([&loop] { loop->run(); });
  }
  ~Serving() {
    if (!drained_.valid()) drain();
    take(drained_);
    for (auto& loop : loops_) loop->stop();
    for (auto& thread : threads_) thread.join();
  }

  // Short where a test that fails would wait, long where a slow machine might.
  static HttpOptions quick() {
    HttpOptions options;
    options.drain_timeout = Milliseconds(100);
    return options;
  }

  const std::string& address() const { return address_; }
  std::unique_ptr<Client> client() const { return std::make_unique<Client>(address_); }
  Meter& meter() { return meter_; }
  Server& server() { return server_; }

  // Begins to end; gone() is true when no connection is left.
  void drain() {
    auto done = std::make_shared<std::promise<void>>();
    drained_ = done->get_future();
    on_first([this, done] { server_.drain([done] { done->set_value(); }); });
  }
  bool gone() const { return ready(drained_); }

  // Runs on the first loop, waited for.
  template <typename Work>
  void on_first(Work work) {
    auto done = std::make_shared<std::promise<void>>();
    auto future = done->get_future();
    loops_[0]->post([done, work] {
      work();
      done->set_value();
    });
    take(future);
  }

 private:
  struct FunctionHandler final : Handler {
    explicit FunctionHandler(Handle handle) : function(std::move(handle)) {}
    Task<void> handle(Exchange& exchange) override { return function(exchange); }
    Handle function;
  };
  static std::vector<std::unique_ptr<Loop>> make_loops(unsigned count) {
    std::vector<std::unique_ptr<Loop>> loops;
    for (unsigned i = 0; i < count; ++i) loops.push_back(std::make_unique<Loop>(system_clock(), i));
    return loops;
  }

  const HttpOptions options_;
  std::vector<std::unique_ptr<Loop>> loops_;  // outlive the pool, whose threads post to them
  DiskPool pool_{1};
  Meter meter_;
  UniqueFd nowhere_{::open("/dev/null", O_WRONLY | O_CLOEXEC)};
  Log log_{system_clock(), {.json = true, .level = LogLevel::error, .fd = nowhere_.get()}};
  FunctionHandler handler_;
  Server server_;
  std::vector<std::thread> threads_;
  std::string address_;
  std::future<void> drained_;
};

// Answers 200 with `METHOD TARGET`.
inline Task<void> echo(Exchange& exchange) {
  auto body = std::string(exchange.request().method) + ' ' + std::string(exchange.request().target);
  auto sent = co_await exchange.respond(ResponseHead(200), std::move(body));
  (void)sent;
}

}  // namespace weir::testing
