// A container registry for tests: a threaded HTTP/1.1 server on the loopback that serves a Registry from memory, asks
// for credentials, misbehaves by script, and records everything.
//
//   ScriptedUpstream upstream;
//   auto image = make_image({.layers = {Content::generated(1 << 20, 1)}});
//   image.put(upstream.registry(), "library/a", "latest");
//   upstream.add_rule({.method = "GET", .path = "/blobs/", .times = 1, .action = reset_after(1000)});
//   ... pull through the program under test ...
//   CHECK(upstream.journal().count("GET", exactly(blob_path("library/a", image.layer_digest(0)))) == 2);
//
// For each request, in this order: it is recorded; access control may refuse it; a rule may be chosen; the registry
// answers; the answer is edited and delivered as the rule says, through the gates that hold it.
//
// All functions may be called by any thread, but start(), stop() and the destructor by one at a time.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <regex>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/access_control.h"
#include "tests/support/certificate_authority.h"
#include "tests/support/gate.h"
#include "tests/support/journal.h"
#include "tests/support/listener.h"
#include "tests/support/registry.h"
#include "tests/support/rule.h"
#include "tests/support/stream.h"
#include "tests/support/tls_context.h"
#include "tests/support/token_service.h"

namespace weir::testing {

struct UpstreamOptions {
  std::vector<std::string> addresses = {"127.0.0.1"};  // one port for all; the first is the one in url()
  std::optional<Certificate> certificate = {};         // set: TLS only
  bool start = true;
};

class ScriptedUpstream {
 public:
  explicit ScriptedUpstream(UpstreamOptions options = {});
  ~ScriptedUpstream();
  ScriptedUpstream(const ScriptedUpstream&) = delete;
  ScriptedUpstream& operator=(const ScriptedUpstream&) = delete;

  // An outage: connections are refused, and all that were open are closed. The port, the content, the rules, the tokens
  // and the journal stay.
  void start();
  void stop();
  void restart();

  std::uint16_t port() const { return listener_.port(); }
  std::string authority() const;                          // 127.0.0.1:PORT
  std::string url(const std::string& target = "") const;  // http(s)://127.0.0.1:PORT and `target`
  std::string url_as(const std::string& host, const std::string& target = "") const;  // the same by another name

  Registry& registry() { return registry_; }
  Journal& journal() { return journal_; }
  TokenService& tokens() { return *tokens_; }  // served at /token, whoever accepts them
  AccessControl& access() { return access_; }

  // Whom to let in; access() has the rest. A bearer token comes from this server's own /token, or from that of
  // `issuer`.
  void require_bearer(TokenOptions options = {});
  void require_bearer_from(ScriptedUpstream& issuer);
  void require_basic(const std::string& username, const std::string& password);
  void allow_anyone();

  // Asked before the registry, unless a rule answers; what it has no answer for goes on to the registry. Before the first request.
  using Service = std::function<std::optional<Reply>(const Request&)>;
  void serve(Service service) { service_ = std::move(service); }

  // Faults; see rule.h. The number names the rule for rule_fired().
  std::size_t add_rule(Rule rule);
  void clear_rules();
  std::uint64_t rule_fired(std::size_t rule) const;

  // Responses that wait until the test says go on; see gate.h. `at`: bytes of body, or kBeforeHead.
  std::shared_ptr<Gate> hold(const std::string& path, std::int64_t at = kBeforeHead, const std::string& method = "GET");

  // Responses that Action::stall_after has stopped.
  [[nodiscard]] bool wait_until_stalled(int responses = 1, Milliseconds timeout = kPatience);
  void release_stalled();  // and those on their way there; answers to later requests stall again

 private:
  struct Connection {
    explicit Connection(FileDescriptor socket) : stream(std::move(socket)) {}
    Stream stream;
    std::thread thread;
    std::atomic<bool> over = false;
  };
  struct Hold {
    std::string method;
    std::regex path;
    std::shared_ptr<Gate> gate;
  };

  void accept_connections();
  void join_finished();
  void serve(Connection& connection, std::size_t number);
  bool serve_request(Stream& stream, Request request, std::size_t number);
  Reply answer(const Request& request, const std::optional<Reply>& refusal, const Action& action);
  std::vector<std::shared_ptr<Gate>> gates_for(const Request& request);
  std::shared_ptr<Gate> stall();

  UpstreamOptions options_;
  std::optional<TlsContext> tls_;
  Service service_;
  Registry registry_;
  Journal journal_;
  RuleList rules_;
  AccessControl access_;
  std::shared_ptr<TokenService> tokens_ = std::make_shared<TokenService>();
  Listener listener_;
  std::thread acceptor_;
  std::list<Connection> connections_;  // of the acceptor, and of stop() once that has ended

  std::mutex mutex_;
  std::vector<Hold> holds_;  // guarded by mutex_, as all below
  std::shared_ptr<Gate> stall_ = std::make_shared<Gate>(0);
};

// "/v2/REPOSITORY/blobs/DIGEST" and "/v2/REPOSITORY/manifests/REFERENCE".
std::string blob_path(const std::string& repository, const std::string& digest);
std::string manifest_path(const std::string& repository, const std::string& reference);

}  // namespace weir::testing
