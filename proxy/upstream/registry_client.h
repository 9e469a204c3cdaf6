#pragma once
// RegistryClient: one upstream registry, asked in the distribution's protocol: challenges answered, redirects followed,
// failures sorted. Where it has several URLs they are tried in their order. It knows nothing of caching.
//
// Thread: any loop, with that loop's UpstreamContext.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/semaphore.h"
#include "oci/name.h"
#include "proxy/upstream/allowance.h"
#include "proxy/upstream/ecr_token.h"
#include "proxy/upstream/health.h"
#include "proxy/upstream/options.h"
#include "proxy/upstream/token_cache.h"
#include "proxy/upstream/transport.h"
#include "proxy/upstream/url.h"

namespace weir {

class RegistryClient {
 public:
  // `named_hosts`: hosts the configuration names, which may have private addresses. `environment`: with auth = ecr, where AWS
  // credentials are looked for. Error: invalid url, no region.
  static Result<std::shared_ptr<RegistryClient>> make(const Clock& clock, const UpstreamOptions& options,
                                                      std::vector<std::string> named_hosts,
                                                      AwsEnvironment environment = AwsEnvironment::of_process());

  struct Request {
    std::string method = "GET";
    RepositoryPath repository;
    std::string path;                           // below /v2/REPOSITORY/: `manifests/latest`
    std::string accept;
    std::optional<std::uint64_t> range_first;   // asks for `bytes=first-` ...
    std::optional<std::uint64_t> range_last;    // ... or `bytes=first-last`
    bool large = false;                         // a layer, which may hold its place for minutes
    bool now_or_never = false;                  // `timeout` at once when all places are taken
    std::string identity = "anonymous";         // whose usage it is
    bool twice = false;                         // once more, a moment later, where no answer or 5xx came at once
    // Whose request it is: not this site's but a caller's, with the value of the Authorization header that it sent; empty: it
    // sent none. That goes to the upstream and its token realm, and is kept nowhere. A 401 is then always `unauthorized`.
    std::optional<std::string> caller;
  };

  // A 200 or 206 whose body is still to be read. Holds one of the upstream's places until it is destroyed.
  class Response {
   public:
    UpstreamHead head;
    // The next piece; empty at the end.
    Task<Result<std::string>> read();
    Task<Result<std::string>> read_all(std::size_t most);
    std::optional<std::uint64_t> content_length() const;
    // From now on the body may be silent for this long.
    void set_stall_timeout(Milliseconds timeout) { transfer_->set_stall_timeout(timeout); }

   private:
    friend class RegistryClient;
    void count(std::uint64_t requests, std::uint64_t bytes);

    Semaphore::Permit permit_;
    std::unique_ptr<Transfer> transfer_;
    Cell* received_ = nullptr;
    UsageRecorder* usage_ = nullptr;
    std::string identity_, repository_, upstream_;
    Outcome outcome_ = Outcome::error;
  };

  // While nothing answers there, an error at once (health.h).
  // The next URL is asked when one gives no answer, nonsense, 429 or 5xx; the error is that of the last one asked.
  // Errors (side upstream): not_found (404), unauthorized (401 though a token was given), denied (403), throttled (429),
  // invalid (416), refused (any other status), unavailable, unreachable, timeout, corrupt (nonsense, redirects without end, a
  // redirect that must not be followed).
  Task<Result<Response>> request(UpstreamContext context, Request request);

  const UpstreamOptions& options() const noexcept { return options_; }
  const std::string& name_space() const noexcept { return options_.namespaces.front(); }
  // How many pulls it still grants.
  const Allowance& allowance() const noexcept { return allowance_; }
  // How long its tags are believed now, when `otherwise` counts for upstreams that say nothing of their own.
  Milliseconds tag_ttl(Milliseconds otherwise) const {
    return allowance_.believed(options_.tag_ttl.value_or(otherwise), options_.allowance_floor);
  }

 private:
  // One of the URLs.
  struct Endpoint {
    Endpoint(const Clock& clock, Url at) : url(std::move(at)), health(clock), refused(clock) {}
    std::optional<Challenge> known_challenge(const RepositoryPath& repository) const;

    const Url url;
    Health health;
    BackoffTable refused;  // by repository: where user and password were no use
    mutable std::mutex mutex;
    std::optional<Challenge> challenge;  // guarded by mutex; the realm and service it last named
  };
  struct Realm {
    std::string host;
    unsigned port;  // 0: any
  };

  RegistryClient(const Clock& clock, const UpstreamOptions& options, std::vector<Url> urls, std::vector<Realm> realms,
                 std::vector<std::string> named_hosts, std::shared_ptr<EcrToken> ecr);

  Task<Result<Response>> ask_in_order(UpstreamContext context, const Request& request);
  Task<Result<Response>> ask(UpstreamContext context, Endpoint& endpoint, const Request& request);
  Task<Result<Response>> ask_with_password(UpstreamContext context, Endpoint& endpoint, const Request& request);
  Task<Result<Response>> ask_with_ecr(UpstreamContext context, Endpoint& endpoint, const Request& request);
  Task<Result<Response>> ask_with_token(UpstreamContext context, Endpoint& endpoint, const Request& request);
  Task<Result<Response>> ask_as_caller(UpstreamContext context, Endpoint& endpoint, const Request& request);
  Task<Result<Response>> follow(UpstreamContext context, Endpoint& endpoint, const Request& request, std::string authorization);
  Task<Result<std::string>> authorize(UpstreamContext context, const Endpoint& endpoint, const Challenge& challenge);
  Task<Result<std::string>> token_for_caller(UpstreamContext context, const Endpoint& endpoint, const Challenge& challenge,
                                             const std::string& caller);
  Result<TransferRequest> transfer_to_realm(const Endpoint& endpoint, const Challenge& challenge) const;
  Task<Result<std::string>> token_for_ecr(UpstreamContext context, const Challenge& challenge, TransferRequest transfer);
  std::string basic_authorization() const;
  TransferRequest transfer_to(const Url& url) const;
  bool own(const std::string& host) const;
  bool issues_tokens(const Url& realm) const;
  Task<Error> refusal(Response response, std::string* said = nullptr) const;

  const UpstreamOptions options_;
  const std::vector<Realm> realms_;
  const std::vector<std::string> named_hosts_;
  std::vector<std::unique_ptr<Endpoint>> endpoints_;  // never empty
  TokenCache tokens_;
  const std::shared_ptr<EcrToken> ecr_;  // with auth = ecr
  Allowance allowance_;
  // max_concurrency in two parts: however many layers are under way, a manifest finds a place at once.
  std::shared_ptr<Semaphore> small_places_;
  std::shared_ptr<Semaphore> large_places_;
};

}  // namespace weir
