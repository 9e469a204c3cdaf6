// A loop with a transport and counters, as a request finds them.
#pragma once

#include "base/disk_pool.h"
#include "meter/counters.h"
#include "proxy/upstream/registry_client.h"
#include "proxy/upstream/transport.h"
#include "tests/unit/base/loop_thread.h"
#include "tests/unit/oci/values.h"
#include "tests/unit/proxy/upstream/tiny_server.h"

namespace weir::testing {

// What one transfer came to.
struct Fetched {
  int status = 0;
  std::string body;
  std::optional<Failure> failure;  // of the head or of the body
  std::string what;
  UpstreamHead head;

  std::string failed() const { return failure ? failure_name(*failure) : "nothing"; }
};

class Asking {
 public:
  Asking() {
    thread_.call([this] { transport_ = std::make_unique<Transport>(thread_.loop(), "weir/test"); });
  }
  ~Asking() {
    thread_.call([this] { transport_.reset(); });
  }

  LoopThread& thread() { return thread_; }
  Transport& transport() { return *transport_; }
  UpstreamContext context() { return {*transport_, meter_.counters(0), pool_, background_}; }
  // Tasks that still run on their own.
  unsigned background() const { return background_; }
  Meter& meter() { return meter_; }

  // A request to this machine with deadlines that no test waits for.
  static TransferRequest to(const std::string& url) {
    TransferRequest request;
    request.url = url;
    request.allow_private = true;
    return request;
  }

  std::future<Fetched> start(TransferRequest request) {
    return thread_.start([this, request] { return fetch(request); });
  }
  Fetched fetch_all(TransferRequest request) {
    auto future = start(std::move(request));
    return take(future);
  }

  // A request of a registry, its body read to the end.
  std::future<Fetched> start(RegistryClient& client, RegistryClient::Request request) {
    return thread_.start([this, &client, request] { return ask(client, request); });
  }
  Fetched ask_all(RegistryClient& client, RegistryClient::Request request) {
    auto future = start(client, std::move(request));
    return take(future);
  }

 private:
  Task<Fetched> fetch(TransferRequest request) {
    Fetched fetched;
    auto transfer = transport_->start(std::move(request));
    auto head = co_await transfer->head();
    if (!head) {
      note(fetched, head.error());
      co_return fetched;
    }
    fetched.head = *std::move(head);
    fetched.status = fetched.head.status;
    for (;;) {
      auto piece = co_await transfer->read();
      if (!piece) note(fetched, piece.error());
      if (!piece || piece->empty()) co_return fetched;
      fetched.body += *piece;
    }
  }
  Task<Fetched> ask(RegistryClient& client, RegistryClient::Request request) {
    Fetched fetched;
    auto response = co_await client.request(context(), std::move(request));
    if (!response) {
      note(fetched, response.error());
      fetched.status = response.error().status;
      co_return fetched;
    }
    fetched.head = response->head;
    fetched.status = response->head.status;
    for (;;) {
      auto piece = co_await response->read();
      if (!piece) note(fetched, piece.error());
      if (!piece || piece->empty()) co_return fetched;
      fetched.body += *piece;
    }
  }
  static void note(Fetched& fetched, const Error& error) {
    fetched.failure = error.failure;
    fetched.what = error.what;
  }

  DiskPool pool_{1};
  std::atomic<unsigned> background_{0};
  LoopThread thread_;
  Meter meter_{1};
  std::unique_ptr<Transport> transport_;
};

inline std::shared_ptr<RegistryClient> client_of(const Clock& clock, const UpstreamOptions& options,
                                                 std::vector<std::string> named_hosts = {}) {
  auto made = RegistryClient::make(clock, options, std::move(named_hosts));
  if (!made) throw std::runtime_error(made.error().what);
  return *std::move(made);
}

inline RegistryClient::Request manifest_of(const std::string& repository, const std::string& reference = "latest") {
  RegistryClient::Request request;
  request.repository = path_of(repository);
  request.path = "manifests/" + reference;
  return request;
}

}  // namespace weir::testing
