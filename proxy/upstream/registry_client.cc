#include "proxy/upstream/registry_client.h"

#include <algorithm>

#include "base/text.h"
#include "oci/ecr_host.h"

namespace weir {
namespace {

constexpr int kMostRedirects = 5;
// A request that finds all places taken waits this long; transfers of layers take minutes, so it may well not be enough,
// and its client is told in time to do something else.
constexpr auto kPlaceTimeout = Seconds(20);

// A second try comes this much later, and only while the client has not waited long.
constexpr auto kPause = Milliseconds(100);
constexpr auto kAtOnce = Milliseconds(1000);

constexpr std::uint64_t kMostRefusalBytes = 64 << 10;
constexpr auto kRefusalPatience = Milliseconds(500);

// The one registry everybody uses whose realm is another host.
constexpr char kDockerHub[] = "registry-1.docker.io";
constexpr char kDockerHubRealm[] = "auth.docker.io";

bool is_success(int status) { return status == 200 || status == 206; }

// Whether an upstream's next URL is asked after this. What is not there or not ours to see is an answer.
bool another_may_know(const Error& error) {
  switch (error.failure) {
    case Failure::unreachable:
    case Failure::timeout:
    case Failure::throttled:
    case Failure::corrupt: return true;
    case Failure::refused: return error.status >= 500;
    default: return false;
  }
}

// A failure that may be over in a moment: what answered in good order, or not in time, is not asked twice.
bool may_be_transient(const Error& error) {
  return error.failure == Failure::unreachable || (error.failure == Failure::refused && error.status >= 500 && error.status != 501);
}

// What an answer of that status counts as; 0: none came.
Outcome received_as(int status) {
  if (status == 401 || status == 403) return Outcome::denied;
  return status == 0 || status >= 400 ? Outcome::error : Outcome::miss;
}

bool is_redirect(int status) { return status == 301 || status == 302 || status == 303 || status == 307 || status == 308; }

// ECR says so with 403 and a sentence, whose beginning has stayed the same over the years
// (amazon-ecr-credential-helper#7, rules_img#715).
bool says_expired(const std::string& body) { return to_lower(body).find("authorization token has expired") != std::string::npos; }

// Where ECR's API is asked and for whom. Nothing without auth = ecr. Error: invalid, no region.
Result<std::shared_ptr<EcrToken>> make_ecr_token(const Clock& clock, const UpstreamOptions& options, const std::vector<Url>& urls,
                                                 AwsEnvironment environment) {
  if (options.auth != UpstreamAuth::ecr) return std::shared_ptr<EcrToken>();
  const auto host = EcrHost::parse(urls.front().host).value_or(EcrHost{});
  EcrTokenOptions ecr;
  ecr.upstream = options.name;
  ecr.is_public = host.is_public;
  ecr.account = host.account;
  ecr.region = options.region.empty() || host.is_public ? host.region : options.region;
  if (ecr.region.empty())
    return Error{Failure::invalid, Side::local, false, "upstream " + options.name + " has auth = ecr and no region"};
  TransferRequest transfer;
  transfer.ca_file = options.ca_file;
  transfer.proxy = options.proxy;
  transfer.allow_private = true;  // an endpoint of the site's own network stands in for Amazon's under the same name
  transfer.connect_timeout = options.connect_timeout;
  transfer.first_byte_timeout = options.first_byte_timeout;
  transfer.stall_timeout = options.stall_timeout;
  for (const auto* configured : {&options.ecr_endpoint, &options.sts_endpoint}) {
    if (const auto url = Url::parse(*configured); !configured->empty() && !url) return url.error();
  }
  AwsCredentialChain chain(std::move(environment), ecr.region, options.sts_endpoint, transfer);
  const bool own_region = !host.api_host.empty() && ecr.region == host.region;
  const auto api_host = own_region ? host.api_host : "api.ecr." + ecr.region + '.' + std::string(aws_domain(ecr.region));
  transfer.url = options.ecr_endpoint.empty() ? "https://" + api_host + '/' : options.ecr_endpoint;
  ecr.transfer = std::move(transfer);
  return std::make_shared<EcrToken>(clock, std::move(ecr), std::move(chain));
}

std::string pull_scope(const RepositoryPath& repository) { return "repository:" + repository.text() + ":pull"; }

// What a caller is to show by itself is not shown with this site's certificate.
void take_certificate_out(TransferRequest& transfer) {
  transfer.tls_certificate.clear();
  transfer.tls_key.clear();
}

}  // namespace

Task<Result<std::string>> RegistryClient::Response::read() {
  auto piece = co_await transfer_->read();
  if (piece) {
    received_->add(piece->size());
    count(0, piece->size());
  }
  co_return piece;
}

void RegistryClient::Response::count(std::uint64_t requests, std::uint64_t bytes) {
  if (usage_) usage_->add({identity_, {}, repository_, upstream_, outcome_, Direction::received}, {requests, bytes});
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
                                                             std::vector<std::string> named_hosts, AwsEnvironment environment) {
  std::vector<Url> urls;
  std::vector<Realm> realms;
  for (const auto& text : options.urls) {
    auto url = Url::parse(text);
    if (!url) return std::move(url).error();
    while (url->target.ends_with('/')) url->target.pop_back();
    if (url->host == kDockerHub) realms.push_back({kDockerHubRealm, 0});
    urls.push_back(*std::move(url));
  }
  if (urls.empty()) return Error{Failure::invalid, Side::local, false, "upstream " + options.name + " has no url"};
  for (const auto& text : options.token_realms) {
    auto realm = Url::parse("https://" + text);
    if (!realm) return std::move(realm).error();
    const bool any_port = !text.ends_with(':' + std::to_string(realm->port));
    realms.push_back({realm->host, any_port ? 0 : realm->port});
  }
  auto ecr = make_ecr_token(clock, options, urls, std::move(environment));
  if (!ecr) return std::move(ecr).error();
  UpstreamOptions complete = options;
  if (complete.namespaces.empty()) complete.namespaces.push_back(complete.name);
  return std::shared_ptr<RegistryClient>(
      new RegistryClient(clock, complete, std::move(urls), std::move(realms), std::move(named_hosts), *std::move(ecr)));
}

RegistryClient::RegistryClient(const Clock& clock, const UpstreamOptions& options, std::vector<Url> urls,
                               std::vector<Realm> realms, std::vector<std::string> named_hosts, std::shared_ptr<EcrToken> ecr)
    : options_(options), realms_(std::move(realms)), named_hosts_(std::move(named_hosts)), tokens_(clock, options.name),
      ecr_(std::move(ecr)), allowance_(clock) {
  for (auto& url : urls) endpoints_.push_back(std::make_unique<Endpoint>(clock, std::move(url)));
  const unsigned all = std::max(1u, options.max_concurrency);
  const unsigned small = std::max(1u, all / 4);
  small_places_ = std::make_shared<Semaphore>(small);
  large_places_ = all > small ? std::make_shared<Semaphore>(all - small) : small_places_;
}

bool RegistryClient::own(const std::string& host) const {
  return std::any_of(endpoints_.begin(), endpoints_.end(), [&](const auto& endpoint) { return endpoint->url.host == host; });
}

bool RegistryClient::issues_tokens(const Url& realm) const {
  return own(realm.host) || std::any_of(realms_.begin(), realms_.end(), [&](const Realm& named) {
           return named.host == realm.host && (named.port == 0 || named.port == realm.port);
         });
}

TransferRequest RegistryClient::transfer_to(const Url& url) const {
  TransferRequest transfer;
  transfer.url = url.text();
  transfer.ca_file = options_.ca_file;
  transfer.proxy = options_.proxy;
  transfer.allow_private = own(url.host) || std::find(named_hosts_.begin(), named_hosts_.end(), url.host) != named_hosts_.end();
  if (own(url.host)) {
    transfer.tls_certificate = options_.tls_certificate;
    transfer.tls_key = options_.tls_key;
  }
  transfer.connect_timeout = options_.connect_timeout;
  transfer.first_byte_timeout = options_.first_byte_timeout;
  transfer.stall_timeout = options_.stall_timeout;
  return transfer;
}

std::optional<Challenge> RegistryClient::Endpoint::known_challenge(const RepositoryPath& repository) const {
  std::lock_guard lock(mutex);
  if (!challenge) return std::nullopt;
  Challenge known = *challenge;
  known.scope = pull_scope(repository);
  return known;
}

// What an answer that brings nothing means. A short body is read to its end, so that the connection can be used again; one whose
// words count goes to `said`.
Task<Error> RegistryClient::refusal(Response response, std::string* said) const {
  const int status = response.head.status;
  const auto length = response.content_length();
  if (length ? *length <= kMostRefusalBytes : said != nullptr) {
    response.transfer_->set_stall_timeout(kRefusalPatience);
    auto body = co_await response.read_all(kMostRefusalBytes);
    if (said && body) *said = *std::move(body);
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
  Loop& loop = context.transport.loop();
  const Instant start = loop.now();
  auto response = co_await ask_in_order(context, request);
  if (response || !request.twice || loop.now() - start > kAtOnce || !may_be_transient(response.error())) co_return response;
  co_await sleep_for(loop, with_jitter(kPause));
  auto again = co_await ask_in_order(context, request);
  co_return again;
}

Task<Result<RegistryClient::Response>> RegistryClient::ask_in_order(UpstreamContext context, const Request& request) {
  Error error{Failure::unavailable, Side::upstream, true, options_.name + " has not answered lately; it is asked once a second"};
  Semaphore::Permit place;
  bool placed = false;
  for (const auto& endpoint : endpoints_) {
    if (!endpoint->health.may_ask()) continue;
    if (!placed) {
      const auto patience = request.now_or_never ? Milliseconds(0) : Milliseconds(kPlaceTimeout);
      auto permit = co_await (request.large ? large_places_ : small_places_)->acquire(context.transport.loop(), patience);
      if (!permit) co_return std::move(permit).error();
      place = *std::move(permit);
      placed = true;
    }
    auto response = co_await ask(context, *endpoint, request);
    if (response) {
      response->permit_ = std::move(place);
      co_return response;
    }
    error = std::move(response).error();
    if (!another_may_know(error)) break;
  }
  co_return error;
}

Task<Result<RegistryClient::Response>> RegistryClient::ask(UpstreamContext context, Endpoint& endpoint, const Request& request) {
  if (request.caller) {
    auto response = co_await ask_as_caller(context, endpoint, request);
    co_return response;
  }
  const bool with_ecr = ecr_ && !ecr_->is_public();
  auto response = co_await (options_.auth == UpstreamAuth::basic ? ask_with_password(context, endpoint, request)
                            : with_ecr                           ? ask_with_ecr(context, endpoint, request)
                                                                 : ask_with_token(context, endpoint, request));
  co_return response;
}

// A token that was good until now may be refused in the middle of a pull; it is replaced once.
Task<Result<RegistryClient::Response>> RegistryClient::ask_with_ecr(UpstreamContext context, Endpoint& endpoint,
                                                                    const Request& request) {
  const auto& repository = request.repository.text();
  if (auto error = endpoint.refused.held_back(repository)) co_return *std::move(error);
  for (bool fresh = false;; fresh = true) {
    auto token = co_await ecr_->get(context);
    if (!token) co_return std::move(token).error();
    auto response = co_await follow(context, endpoint, request, "Authorization: Basic " + *token);
    if (!response) co_return std::move(response).error();
    const int status = response->head.status;
    if (is_success(status)) {
      endpoint.refused.succeeded(repository);
      co_return response;
    }
    std::string said;
    Error error = co_await refusal(*std::move(response), status == 403 ? &said : nullptr);
    if (status != 401 && !(status == 403 && says_expired(said))) co_return error;
    ecr_->refused(*token);
    if (!fresh) continue;
    error.failure = Failure::refused;
    endpoint.refused.failed(repository, error);
    co_return error;
  }
}

Task<Result<RegistryClient::Response>> RegistryClient::ask_with_password(UpstreamContext context, Endpoint& endpoint,
                                                                         const Request& request) {
  const auto& repository = request.repository.text();
  if (auto error = endpoint.refused.held_back(repository)) co_return *std::move(error);
  auto response = co_await follow(context, endpoint, request, basic_authorization());
  if (!response) co_return std::move(response).error();
  const int status = response->head.status;
  if (is_success(status)) {
    endpoint.refused.succeeded(repository);
    co_return response;
  }
  Error error = co_await refusal(*std::move(response));
  // Asked again and again with a wrong password, a registry may lock its user out.
  if (status == 401) endpoint.refused.failed(repository, error);
  co_return error;
}

Task<Result<RegistryClient::Response>> RegistryClient::ask_with_token(UpstreamContext context, Endpoint& endpoint,
                                                                      const Request& request) {
  // A token that is already there saves the round trip of being refused first.
  std::string token;
  if (const auto known = endpoint.known_challenge(request.repository)) token = tokens_.find(*known).value_or("");
  for (bool fresh = false;;) {
    auto response = co_await follow(context, endpoint, request, token.empty() ? "" : "Authorization: Bearer " + token);
    if (!response) co_return std::move(response).error();
    const int status = response->head.status;
    if (is_success(status)) co_return response;
    // A refusal of a token that was just made is final.
    if (status != 401 || fresh) co_return co_await refusal(*std::move(response));
    auto challenge = parse_challenge(response->head.header_list("WWW-Authenticate"));
    const Error refused = co_await refusal(*std::move(response));
    if (!challenge || challenge->scheme != Challenge::Scheme::bearer) co_return refused;
    if (challenge->scope.empty()) challenge->scope = pull_scope(request.repository);
    if (!token.empty()) tokens_.forget(*challenge, token);
    {
      std::lock_guard lock(endpoint.mutex);
      endpoint.challenge = *challenge;
    }
    auto made = co_await authorize(context, endpoint, *challenge);
    if (!made) co_return std::move(made).error();
    token = *std::move(made);
    fresh = true;
  }
}

// With what the caller sent, and where the upstream's challenge leads with that. None of this site's tokens is touched.
Task<Result<RegistryClient::Response>> RegistryClient::ask_as_caller(UpstreamContext context, Endpoint& endpoint,
                                                                     const Request& request) {
  std::string authorization = *request.caller;
  const bool may_ask_realm = authorization.empty() || equal_ignoring_case(authorization.substr(0, 6), "Basic ");
  for (bool last = !may_ask_realm;; last = true) {
    auto response = co_await follow(context, endpoint, request, authorization.empty() ? "" : "Authorization: " + authorization);
    if (!response) co_return std::move(response).error();
    const int status = response->head.status;
    if (is_success(status)) co_return response;
    auto challenge = parse_challenge(response->head.header_list("WWW-Authenticate"));
    Error error = co_await refusal(*std::move(response));
    if (status == 401) error.failure = Failure::unauthorized;
    if (status != 401 || last || !challenge || challenge->scheme != Challenge::Scheme::bearer) co_return error;
    if (challenge->scope.empty()) challenge->scope = pull_scope(request.repository);
    auto token = co_await token_for_caller(context, endpoint, *challenge, *request.caller);
    if (!token) co_return std::move(token).error();
    authorization = "Bearer " + *token;
  }
}

Task<Result<std::string>> RegistryClient::token_for_caller(UpstreamContext context, const Endpoint& endpoint,
                                                           const Challenge& challenge, const std::string& caller) {
  auto transfer = transfer_to_realm(endpoint, challenge);
  if (!transfer) co_return std::move(transfer).error();
  take_certificate_out(*transfer);
  if (!caller.empty()) transfer->headers.push_back("Authorization: " + caller);
  auto token = co_await tokens_.fetch_for_another(context, challenge, *std::move(transfer));
  co_return token;
}

std::string RegistryClient::basic_authorization() const {
  return "Authorization: Basic " + to_base64(options_.username + ':' + options_.password);
}

Result<TransferRequest> RegistryClient::transfer_to_realm(const Endpoint& endpoint, const Challenge& challenge) const {
  const auto realm = Url::parse(challenge.realm);
  if (!realm) return Error{Failure::corrupt, Side::upstream, false, "the token realm is " + realm.error().what};
  if (!issues_tokens(*realm)) {
    return Error{Failure::refused, Side::upstream, false,
                 options_.name + " sends us for a token to " + realm->host + ", which its token-realms do not name"};
  }
  if (endpoint.url.tls && !realm->tls) {
    return Error{Failure::corrupt, Side::upstream, false, "a token realm without TLS for an upstream with it: " + realm->shown()};
  }
  return transfer_to(*realm);
}

Task<Result<std::string>> RegistryClient::authorize(UpstreamContext context, const Endpoint& endpoint, const Challenge& challenge) {
  auto transfer = transfer_to_realm(endpoint, challenge);
  if (!transfer) co_return std::move(transfer).error();
  if (ecr_) {
    auto token = co_await token_for_ecr(context, challenge, *std::move(transfer));
    co_return token;
  }
  if (options_.auth == UpstreamAuth::bearer) transfer->headers.push_back(basic_authorization());
  auto token = co_await tokens_.get(context, challenge, *std::move(transfer));
  if (!token && token.error().failure == Failure::unauthorized && options_.auth == UpstreamAuth::bearer) {
    Error ours = token.error();  // this site's credentials are refused: nothing a node can mend
    ours.failure = Failure::refused;
    co_return ours;
  }
  co_return token;
}

// The public registry's realm takes what the API gave as user and password. Where it takes it no more, another is asked for, once.
Task<Result<std::string>> RegistryClient::token_for_ecr(UpstreamContext context, const Challenge& challenge,
                                                        TransferRequest transfer) {
  for (bool fresh = false;; fresh = true) {
    auto password = co_await ecr_->get(context);
    if (!password) co_return std::move(password).error();
    TransferRequest to_realm = transfer;
    to_realm.headers.push_back("Authorization: Basic " + *password);
    auto token = co_await tokens_.get(context, challenge, std::move(to_realm));
    if (token || token.error().failure != Failure::unauthorized) co_return token;
    ecr_->refused(*password);
    if (!fresh) {
      tokens_.forgive(challenge);
      continue;
    }
    Error ours = token.error();
    ours.failure = Failure::refused;
    co_return ours;
  }
}

// One request and the redirects it leads to; any final status is a Response.
Task<Result<RegistryClient::Response>> RegistryClient::follow(UpstreamContext context, Endpoint& endpoint, const Request& request,
                                                              std::string authorization) {
  Url url = endpoint.url;
  url.target += "/v2/" + request.repository.text() + '/' + request.path;
  for (int redirects = 0;; ++redirects) {
    auto transfer_request = transfer_to(url);
    if (request.caller) take_certificate_out(transfer_request);
    transfer_request.method = request.method;
    if (!request.accept.empty()) transfer_request.headers.push_back("Accept: " + request.accept);
    if (request.range_first) {
      const auto last = request.range_last ? std::to_string(*request.range_last) : std::string();
      transfer_request.headers.push_back("Range: bytes=" + std::to_string(*request.range_first) + '-' + last);
    }
    // Credentials are for the upstream alone: an object store refuses a request that carries two.
    if (!authorization.empty() && url.same_origin(endpoint.url)) transfer_request.headers.push_back(authorization);

    Response response;
    response.transfer_ = context.transport.start(std::move(transfer_request));
    response.received_ = &context.counters.cell(Metric::upstream_received, options_.name);
    response.usage_ = context.usage;
    response.identity_ = request.identity;
    response.repository_ = name_space() + '/' + request.repository.text();
    response.upstream_ = options_.name;
    auto head = co_await response.transfer_->head();
    const int status = head ? head->status : 0;
    response.outcome_ = received_as(status);
    response.count(1, 0);
    if (head && redirects == 0) allowance_.note(*head);
    context.counters.cell(Metric::upstream_requests, options_.name + ',' + request.method + ',' + std::to_string(status)).add(1);
    // Only the upstream itself counts; an object store behind it has faults of its own.
    if (redirects == 0 && head) endpoint.health.answered();
    if (redirects == 0 && !head && Health::is_silence(head.error())) endpoint.health.silent();
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
