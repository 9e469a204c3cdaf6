#pragma once
// EcrToken: the token by which one upstream at Amazon ECR knows this site (ECR API Reference and ECR Public API Reference,
// GetAuthorizationToken), as HTTP Basic has it.
//
// Nothing is asked before the first get(). From half its life on a token is renewed beside the requests that use it; however many
// ask at once, Amazon is asked once; what fails is left alone for a while, and an old token serves on while it is good.
// Thread: any loop, with its context. Held by shared_ptr: a renewal under way keeps it.

#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/single_flight.h"
#include "proxy/upstream/aws_credential_chain.h"
#include "proxy/upstream/backoff.h"

namespace weir {

struct EcrTokenOptions {
  std::string upstream;  // its name, for the counters
  bool is_public = false;  // Amazon ECR Public
  std::string account;  // whose registry; may be empty: that of the credentials
  std::string region;
  TransferRequest transfer;  // the API's URL, deadlines, trust
};

class EcrToken : public std::enable_shared_from_this<EcrToken> {
 public:
  EcrToken(const Clock& clock, EcrTokenOptions options, AwsCredentialChain chain)
      : clock_(clock), options_(std::move(options)), chain_(std::move(chain)), failed_(clock) {}

  // base64 of `AWS:password`. Error (upstream): refused, with a sentence about what this site must mend; throttled; the failure
  // of a transfer; corrupt.
  Task<Result<std::string>> get(UpstreamContext context);
  // The registry takes this token no more.
  void refused(const std::string& token);

  bool is_public() const noexcept { return options_.is_public; }

 private:
  template <typename T>
  struct Lasting {
    T what;
    Instant renew_at, good_until;
  };

  static Task<void> renew(std::shared_ptr<EcrToken> self, UpstreamContext context);
  static Task<Result<std::string>> fetch_and_keep(std::shared_ptr<EcrToken> self, UpstreamContext context);
  Task<Result<Lasting<std::string>>> fetch(UpstreamContext context);
  Task<Result<AwsCredentials>> credentials(UpstreamContext context);
  Task<Result<Lasting<std::string>>> ask(UpstreamContext context, const AwsCredentials& credentials, bool& stale);
  Result<Lasting<std::string>> read_answer(const std::string& body) const;
  template <typename T>
  Lasting<T> lasting(T what, WallSeconds expires_at) const;

  const Clock& clock_;
  const EcrTokenOptions options_;
  const AwsCredentialChain chain_;
  std::mutex mutex_;
  std::optional<Lasting<std::string>> token_;  // guarded by mutex_, as all below
  std::optional<Lasting<AwsCredentials>> credentials_;  // only those that expire
  bool renewing_ = false;
  BackoffTable failed_;
  SingleFlight<int, Result<std::string>> flights_;
};

}  // namespace weir
