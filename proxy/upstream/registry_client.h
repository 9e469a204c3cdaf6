#pragma once
// RegistryClient: one upstream registry, asked in the distribution's protocol: challenges answered, redirects followed,
// failures sorted. It knows nothing of caching.
//
// Thread: any loop, with that loop's UpstreamContext.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/semaphore.h"
#include "oci/name.h"
#include "proxy/upstream/health.h"
#include "proxy/upstream/options.h"
#include "proxy/upstream/token_cache.h"
#include "proxy/upstream/transport.h"
#include "proxy/upstream/url.h"

namespace weir {

class RegistryClient {
 public:
  // `named_hosts`: hosts the configuration names, which may have private addresses. Error: invalid url.
  static Result<std::shared_ptr<RegistryClient>> make(const Clock& clock, const UpstreamOptions& options,
                                                      std::vector<std::string> named_hosts);

  struct Request {
    std::string method = "GET";
    RepositoryPath repository;
    std::string path;                           // below /v2/REPOSITORY/: `manifests/latest`
    std::string accept;
    std::optional<std::uint64_t> range_first;   // asks for `bytes=first-` ...
    std::optional<std::uint64_t> range_last;    // ... or `bytes=first-last`
    bool large = false;                         // a layer, which may hold its place for minutes
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
    Semaphore::Permit permit_;
    std::unique_ptr<Transfer> transfer_;
    Cell* received_ = nullptr;
  };

  // While nothing answers there, an error at once (health.h).
  // Errors (side upstream): not_found (404), unauthorized (401 though a token was given), denied (403), throttled (429),
  // invalid (416), refused (any other status), unavailable, unreachable, timeout, corrupt (nonsense, redirects without end, a
  // redirect that must not be followed).
  Task<Result<Response>> request(UpstreamContext context, Request request);

  const UpstreamOptions& options() const noexcept { return options_; }
  const std::string& name_space() const noexcept { return options_.namespaces.front(); }

 private:
  RegistryClient(const Clock& clock, const UpstreamOptions& options, Url url, std::vector<std::string> named_hosts);

  Task<Result<Response>> follow(UpstreamContext context, const Request& request, std::string authorization);
  Task<Result<std::string>> authorize(UpstreamContext context, const Challenge& challenge);
  std::string basic_authorization() const;
  TransferRequest transfer_to(const Url& url) const;
  bool named(const std::string& host) const;
  std::optional<Challenge> known_challenge(const RepositoryPath& repository) const;
  Task<Error> refusal(Response response) const;

  const UpstreamOptions options_;
  const Url url_;
  const std::vector<std::string> named_hosts_;
  TokenCache tokens_;
  Health health_;
  // max_concurrency in two parts: however many layers are under way, a manifest finds a place at once.
  std::shared_ptr<Semaphore> small_places_;
  std::shared_ptr<Semaphore> large_places_;

  mutable std::mutex mutex_;
  std::optional<Challenge> challenge_;  // guarded by mutex_; the realm and service this upstream last named
};

}  // namespace weir
