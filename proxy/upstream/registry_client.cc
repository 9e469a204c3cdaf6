#include "proxy/upstream/registry_client.h"

#include <algorithm>

#include "base/text.h"

namespace weir {
namespace {

constexpr int kMostRedirects = 5;
// A request that finds all places taken waits this long; transfers of layers take minutes, so it may well not be enough,
// and its client is told in time to do something else.
constexpr auto kPlaceTimeout = Seconds(20);

constexpr std::uint64_t kMostRefusalBytes = 64 << 10;
constexpr auto kRefusalPatience = Milliseconds(500);

bool is_redirect(int status) { return status == 301 || status == 302 || status == 303 || status == 307 || status == 308; }

std::string pull_scope(const RepositoryPath& repository) { return "repository:" + repository.text() + ":pull"; }

}  // namespace

Task<Result<std::string>> RegistryClient::Response::read() {
  auto piece = co_await transfer_->read();
  if (piece) received_->add(piece->size());
  co_return piece;
}

Task<Result<std::string>> RegistryClient::Response::read_all(std::size_t most) {
  std::string whole;
  for (;;) {
    auto piece = co_await read();
    if (!piece) co_return piece;
    if (piece->empty()) co_return whole;
    whole += *piece;
    if (whole.size() > most) {
      co_return Error{Failure::too_large, Side::upstream, false,
                      "the upstream's answer is larger than " + std::to_string(most) + " bytes"};
    }
  }
}

std::optional<std::uint64_t> RegistryClient::Response::content_length() const {
  const auto header = head.header("Content-Length");
  return header ? parse_number(*header) : std::nullopt;
}

Result<std::shared_ptr<RegistryClient>> RegistryClient::make(const Clock& clock, const UpstreamOptions& options,
                                                             std::vector<std::string> named_hosts) {
  auto url = Url::parse(options.url);
  if (!url) return std::move(url).error();
  while (url->target.ends_with('/')) url->target.pop_back();
  UpstreamOptions complete = options;
  if (complete.namespaces.empty()) complete.namespaces.push_back(complete.name);
  return std::shared_ptr<RegistryClient>(new RegistryClient(clock, complete, *std::move(url), std::move(named_hosts)));
}

RegistryClient::RegistryClient(const Clock& clock, const UpstreamOptions& options, Url url, std::vector<std::string> named_hosts)
    : options_(options), url_(std::move(url)), named_hosts_(std::move(named_hosts)), tokens_(clock, options.name), health_(clock) {
  const unsigned all = std::max(1u, options.max_concurrency);
  const unsigned small = std::max(1u, all / 4);
  small_places_ = std::make_shared<Semaphore>(small);
  large_places_ = all > small ? std::make_shared<Semaphore>(all - small) : small_places_;
}

bool RegistryClient::named(const std::string& host) const {
  return host == url_.host || std::find(named_hosts_.begin(), named_hosts_.end(), host) != named_hosts_.end();
}

TransferRequest RegistryClient::transfer_to(const Url& url) const {
  TransferRequest transfer;
  transfer.url = url.text();
  transfer.ca_file = options_.ca_file;
  transfer.proxy = options_.proxy;
  transfer.allow_private = named(url.host);
  transfer.connect_timeout = options_.connect_timeout;
  transfer.first_byte_timeout = options_.first_byte_timeout;
  transfer.stall_timeout = options_.stall_timeout;
  return transfer;
}

std::optional<Challenge> RegistryClient::known_challenge(const RepositoryPath& repository) const {
  std::lock_guard lock(mutex_);
  if (!challenge_) return std::nullopt;
  Challenge challenge = *challenge_;
  challenge.scope = pull_scope(repository);
  return challenge;
}

// What an answer that brings nothing means. A short body is read to its end, so that the connection can be used again.
Task<Error> RegistryClient::refusal(Response response) const {
  const int status = response.head.status;
  if (const auto length = response.content_length(); length && *length <= kMostRefusalBytes) {
    response.transfer_->set_stall_timeout(kRefusalPatience);
    const auto body = co_await response.read_all(kMostRefusalBytes);
    (void)body;  // its status has said it
  }
  Error error{Failure::refused, Side::upstream, status >= 500, options_.name + " answered " + std::to_string(status), status};
  // Without credentials of our own a 401 is the upstream's no to everybody; with them it is this site's to mend.
  if (status == 401 && options_.auth == UpstreamAuth::anonymous) error.failure = Failure::unauthorized;
  if (status == 403) error.failure = Failure::denied;
  if (status == 404) error.failure = Failure::not_found;
  if (status == 416) error.failure = Failure::invalid;
  if (status == 429) {
    error.failure = Failure::throttled;
    error.retryable = true;
  }
  co_return error;
}

Task<Result<RegistryClient::Response>> RegistryClient::request(UpstreamContext context, Request request) {
  if (!health_.may_ask()) {
    co_return Error{Failure::unavailable, Side::upstream, true,
                    options_.name + " has not answered lately; it is asked once a second"};
  }
  auto permit = co_await (request.large ? large_places_ : small_places_)->acquire(context.transport.loop(), kPlaceTimeout);
  if (!permit) co_return std::move(permit).error();

  if (options_.auth == UpstreamAuth::basic) {
    auto response = co_await follow(context, request, basic_authorization());
    if (!response) co_return std::move(response).error();
    if (response->head.status != 200 && response->head.status != 206) co_return co_await refusal(*std::move(response));
    response->permit_ = *std::move(permit);
    co_return response;
  }
  // A token that is already there saves the round trip of being refused first.
  std::string token;
  if (const auto known = known_challenge(request.repository)) token = tokens_.find(*known).value_or("");
  for (bool fresh = false;;) {
    auto response = co_await follow(context, request, token.empty() ? "" : "Authorization: Bearer " + token);
    if (!response) co_return std::move(response).error();
    const int status = response->head.status;
    if (status == 200 || status == 206) {
      response->permit_ = *std::move(permit);
      co_return response;
    }
    // A refusal of a token that was just made is final.
    if (status != 401 || fresh) co_return co_await refusal(*std::move(response));
    const auto header = response->head.header("WWW-Authenticate");
    auto challenge = header ? parse_challenge(*header) : std::nullopt;
    const Error refused = co_await refusal(*std::move(response));
    if (!challenge || challenge->scheme != Challenge::Scheme::bearer) co_return refused;
    if (challenge->scope.empty()) challenge->scope = pull_scope(request.repository);
    if (!token.empty()) tokens_.forget(*challenge, token);
    {
      std::lock_guard lock(mutex_);
      challenge_ = *challenge;
    }
    auto made = co_await authorize(context, *challenge);
    if (!made) co_return std::move(made).error();
    token = *std::move(made);
    fresh = true;
  }
}

std::string RegistryClient::basic_authorization() const {
  return "Authorization: Basic " + to_base64(options_.username + ':' + options_.password);
}

Task<Result<std::string>> RegistryClient::authorize(UpstreamContext context, const Challenge& challenge) {
  const auto realm = Url::parse(challenge.realm);
  if (!realm) co_return Error{Failure::corrupt, Side::upstream, false, "the token realm is " + realm.error().what};
  if (url_.tls && !realm->tls) {
    co_return Error{Failure::corrupt, Side::upstream, false,
                    "a token realm without TLS for an upstream with it: " + realm->shown()};
  }
  auto transfer = transfer_to(*realm);
  if (options_.auth == UpstreamAuth::bearer) transfer.headers.push_back(basic_authorization());
  auto token = co_await tokens_.get(context, challenge, std::move(transfer));
  if (!token && token.error().failure == Failure::unauthorized && options_.auth == UpstreamAuth::bearer) {
    Error ours = token.error();  // this site's credentials are refused: nothing a node can mend
    ours.failure = Failure::refused;
    co_return ours;
  }
  co_return token;
}

// One request and the redirects it leads to; any final status is a Response.
Task<Result<RegistryClient::Response>> RegistryClient::follow(UpstreamContext context, const Request& request,
                                                              std::string authorization) {
  Url url = url_;
  url.target += "/v2/" + request.repository.text() + '/' + request.path;
  for (int redirects = 0;; ++redirects) {
    auto transfer_request = transfer_to(url);
    transfer_request.method = request.method;
    if (!request.accept.empty()) transfer_request.headers.push_back("Accept: " + request.accept);
    if (request.range_first) {
      const auto last = request.range_last ? std::to_string(*request.range_last) : std::string();
      transfer_request.headers.push_back("Range: bytes=" + std::to_string(*request.range_first) + '-' + last);
    }
    // Credentials are for the upstream alone: an object store refuses a request that carries two.
    if (!authorization.empty() && url.same_origin(url_)) transfer_request.headers.push_back(authorization);

    Response response;
    response.transfer_ = context.transport.start(std::move(transfer_request));
    response.received_ = &context.counters.cell(Metric::upstream_received, options_.name);
    auto head = co_await response.transfer_->head();
    const int status = head ? head->status : 0;
    context.counters.cell(Metric::upstream_requests, options_.name + ',' + request.method + ',' + std::to_string(status)).add(1);
    // Only the upstream itself counts; an object store behind it has faults of its own.
    if (redirects == 0 && head) health_.answered();
    if (redirects == 0 && !head && Health::is_silence(head.error())) health_.silent();
    if (!head) co_return std::move(head).error();
    response.head = *std::move(head);
    if (!is_redirect(status)) co_return response;

    const auto location = response.head.header("Location");
    if (!location) co_return Error{Failure::corrupt, Side::upstream, false, "a redirect without a Location", status};
    if (redirects == kMostRedirects) co_return Error{Failure::corrupt, Side::upstream, false, "more than five redirects", status};
    auto next = url.resolve(*location);
    if (!next) co_return std::move(next).error();
    if (url.tls && !next->tls) {
      co_return Error{Failure::corrupt, Side::upstream, false, "a redirect from https to http: " + next->shown(), status};
    }
    url = *std::move(next);
  }
}

}  // namespace weir
