#include "tests/support/scripted_upstream.h"

#include <algorithm>
#include <array>
#include <utility>

#include "tests/support/body_reader.h"
#include "tests/support/delivery.h"
#include "tests/support/registry_api.h"

namespace weir::testing {

namespace {

constexpr std::size_t kLongestHead = 1024 * 1024;
constexpr std::size_t kLongestKeptBody = 64 * 1024;

// The next request with its body, or nothing at the end of the connection.
std::optional<Request> read_request(Stream& stream) {
  auto head = stream.read_until("\r\n\r\n", kLongestHead, kNever);
  if (head.outcome != Io::done) return std::nullopt;
  auto request = parse_request_head(head.text);
  if (!request) return std::nullopt;
  if (equal_ignoring_case(request->headers.value("Expect"), "100-continue")) {
    (void)stream.write_all("HTTP/1.1 100 Continue\r\n\r\n", kNever);
  }
  auto body = BodyReader::of_request(stream, request->headers);
  std::array<char, 16 * 1024> piece;
  while (auto count = body.read(piece.data(), piece.size(), kNever)) {
    request->body.append(piece.data(), std::min(count, kLongestKeptBody - request->body.size()));
  }
  return request;
}

}  // namespace

ScriptedUpstream::ScriptedUpstream(UpstreamOptions options) : options_(std::move(options)), listener_(options_.addresses) {
  if (options_.certificate) tls_ = TlsContext::server(*options_.certificate);
  if (options_.start) start();
}

ScriptedUpstream::~ScriptedUpstream() { stop(); }

void ScriptedUpstream::start() {
  if (listener_.listening()) return;
  listener_.open();
  acceptor_ = std::thread([this] { accept_connections(); });
}

void ScriptedUpstream::stop() {
  if (!listener_.listening()) return;
  listener_.wake();
  acceptor_.join();
  listener_.close();
  for (auto& connection : connections_) connection.stream.shut_down();
  for (auto& connection : connections_) connection.thread.join();
  connections_.clear();
}

void ScriptedUpstream::restart() {
  stop();
  start();
}

std::string ScriptedUpstream::authority() const {
  const auto& host = options_.addresses.front();
  bool v6 = host.find(':') != host.npos;
  return (v6 ? "[" + host + "]" : host) + ":" + std::to_string(port());
}

std::string ScriptedUpstream::url(const std::string& target) const {
  return (tls_ ? "https://" : "http://") + authority() + target;
}

std::string ScriptedUpstream::url_as(const std::string& host, const std::string& target) const {
  return (tls_ ? "https://" : "http://") + host + ":" + std::to_string(port()) + target;
}

void ScriptedUpstream::require_bearer(TokenOptions options) {
  tokens_->configure(std::move(options));
  require_bearer_from(*this);
}

void ScriptedUpstream::require_bearer_from(ScriptedUpstream& issuer) {
  access_.require_bearer(issuer.url("/token"), issuer.tokens_);
}

void ScriptedUpstream::require_basic(const std::string& username, const std::string& password) {
  access_.require_basic(username, password);
}

void ScriptedUpstream::allow_anyone() { access_.allow_anyone(); }

std::size_t ScriptedUpstream::add_rule(Rule rule) { return rules_.add(std::move(rule)); }

void ScriptedUpstream::clear_rules() { rules_.clear(); }

std::uint64_t ScriptedUpstream::rule_fired(std::size_t rule) const { return rules_.fired(rule); }

std::shared_ptr<Gate> ScriptedUpstream::hold(const std::string& path, std::int64_t at, const std::string& method) {
  auto gate = std::make_shared<Gate>(at);
  std::regex pattern(path);
  std::lock_guard lock(mutex_);
  holds_.push_back({method, std::move(pattern), gate});
  return gate;
}

bool ScriptedUpstream::wait_until_stalled(int responses, Milliseconds timeout) {
  return stall()->wait_until_reached(responses, timeout);
}

void ScriptedUpstream::release_stalled() {
  std::lock_guard lock(mutex_);
  stall_->release();
  stall_ = std::make_shared<Gate>(0);
}

void ScriptedUpstream::accept_connections() {
  while (auto socket = listener_.accept()) {
    join_finished();
    auto& connection = connections_.emplace_back(std::move(*socket));
    auto number = journal_.connection_opened();
    connection.thread = std::thread([this, &connection, number] { serve(connection, number); });
  }
}

void ScriptedUpstream::join_finished() {
  std::erase_if(connections_, [](Connection& connection) {
    if (!connection.over) return false;
    connection.thread.join();
    return true;
  });
}

void ScriptedUpstream::serve(Connection& connection, std::size_t number) {
  auto& stream = connection.stream;
  if (!tls_ || stream.accept_tls(*tls_, kNever)) {
    while (auto request = read_request(stream)) {
      if (!serve_request(stream, std::move(*request), number)) break;
    }
  }
  stream.close();
  journal_.connection_closed();
  connection.over = true;
}

// False when it was the connection's last.
bool ScriptedUpstream::serve_request(Stream& stream, Request request, std::size_t number) {
  auto entry = journal_.begin(request, number);
  auto refusal = access_.refusal(request);
  auto action = rules_.choose(request, refusal.has_value()).value_or(Action{});
  auto reply = edited(answer(request, refusal, action), action, request);
  journal_.answered(entry, reply.status);
  Delivery delivery(stream, gates_for(request), stall(), [&](std::uint64_t bytes) { journal_.wrote(entry, bytes); });
  auto result = delivery.send(request, reply, action);
  journal_.finished(entry, result != Delivery::Result::cut_short);
  return result == Delivery::Result::whole;
}

Reply ScriptedUpstream::answer(const Request& request, const std::optional<Reply>& refusal, const Action& action) {
  if (refusal) return *refusal;
  // The registry is not asked when the script answers; a token is not given either.
  if (action.status != 0) return {};
  if (service_) {
    if (auto reply = service_(request)) return *std::move(reply);
  }
  if (request.path() == "/token") return tokens_->answer(request);
  return answer_from(registry_, request, action.ignore_range);
}

std::vector<std::shared_ptr<Gate>> ScriptedUpstream::gates_for(const Request& request) {
  std::lock_guard lock(mutex_);
  std::vector<std::shared_ptr<Gate>> gates;
  for (const auto& hold : holds_) {
    bool same_method = hold.method.empty() || hold.method == request.method;
    if (same_method && std::regex_search(request.target, hold.path)) gates.push_back(hold.gate);
  }
  return gates;
}

std::shared_ptr<Gate> ScriptedUpstream::stall() {
  std::lock_guard lock(mutex_);
  return stall_;
}

std::string blob_path(const std::string& repository, const std::string& digest) {
  return "/v2/" + repository + "/blobs/" + digest;
}

std::string manifest_path(const std::string& repository, const std::string& reference) {
  return "/v2/" + repository + "/manifests/" + reference;
}

}  // namespace weir::testing
