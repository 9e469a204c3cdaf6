#pragma once
// TokenCache: bearer tokens that one upstream's realms gave to its one credential, for each realm, service and scope.
// However many ask at once, the realm is asked once; a realm that fails is left alone for a while.
// Thread: any.

#include <atomic>
#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/disk_pool.h"
#include "base/single_flight.h"
#include "meter/cells.h"
#include "meter/counters.h"
#include "proxy/upstream/backoff.h"
#include "proxy/upstream/challenge.h"
#include "proxy/upstream/transport.h"

namespace weir {

// What a request may use of the loop it runs on.
struct UpstreamContext {
  Transport& transport;
  Counters& counters;
  DiskPool& pool;
  // Counts the Tasks that run on their own and use the above, which must stay until it is 0.
  std::atomic<unsigned>& background;
  UsageRecorder* usage = nullptr;  // null: nobody asks what it was used for
};

class TokenCache {
 public:
  TokenCache(const Clock& clock, std::string upstream) : clock_(clock), upstream_(std::move(upstream)), failed_(clock) {}

  // A token that is good for some seconds more.
  std::optional<std::string> find(const Challenge& challenge) const;
  // The same, or one from the realm. `transfer` carries the deadlines and the trust; its URL and headers are set here.
  // Error: unauthorized when the realm refuses; what the transfer failed with; invalid when the answer is no token.
  Task<Result<std::string>> get(UpstreamContext context, Challenge challenge, TransferRequest transfer);
  // One for somebody else, whose credentials `transfer` carries: neither looked up nor kept.
  Task<Result<std::string>> fetch_for_another(UpstreamContext context, Challenge challenge, TransferRequest transfer);
  // What the realm last refused may be asked for again at once: with other credentials.
  void forgive(const Challenge& challenge) { failed_.succeeded(key_of(challenge)); }
  // The upstream refused this token.
  void forget(const Challenge& challenge, const std::string& token);

 private:
  struct Token {
    std::string text;
    Instant good_until;
  };
  static std::string key_of(const Challenge& challenge);
  Task<Result<Token>> fetch(UpstreamContext context, const Challenge& challenge, TransferRequest transfer);
  Task<Result<std::string>> fetch_and_keep(UpstreamContext context, std::string key, Challenge challenge, TransferRequest transfer);

  const Clock& clock_;
  const std::string upstream_;
  mutable std::mutex mutex_;
  std::map<std::string, Token> tokens_;  // guarded by mutex_
  BackoffTable failed_;
  SingleFlight<std::string, Result<std::string>> flights_;
};

}  // namespace weir
