#include "proxy/auth/tokens.h"

#include "base/hash.h"
#include "base/text.h"

namespace weir {
namespace {

// The clock that issues is the clock that verifies; it may have been set back a little in between.
constexpr Seconds kOwnLeeway{5};
constexpr char kRenewal[] = "renewal";

Error not_ours(std::string what) { return Error{Failure::denied, Side::client, false, std::move(what)}; }

}  // namespace

std::string Tokens::issue(std::string_view subject, std::vector<Access> access, WallSeconds now, Seconds life) const {
  Claims claims;
  claims.iss = service_;
  claims.sub = subject;
  claims.aud = {service_};
  claims.exp = now + life.count();
  claims.nbf = claims.iat = now;
  claims.jti = to_base64url(random_bytes(16));
  claims.access = std::move(access);
  return sign_jwt(claims, keys_->current(), keys_->current_kid());
}

Result<Jwt> Tokens::verified(std::string_view token, std::string_view audience, WallSeconds now) const {
  auto jwt = parse_jwt(token);
  if (!jwt) return jwt;
  const auto* key = keys_->find(jwt->kid);
  if (!key) return not_ours("the token is signed with a key that is not one of ours");
  if (auto status = verify_jwt(*jwt, *key); !status) return std::move(status).error();
  const auto& claims = jwt->claims;
  if (claims.iss != service_) return not_ours("the token was issued by somebody else");
  if (claims.aud.size() != 1 || claims.aud.front() != audience) return not_ours("the token is for something else");
  if (!claims.exp || claims.sub.empty()) return not_ours("the token does not say when it ends or whom it is for");
  // The leeway is for its begin alone.
  if (now >= *claims.exp) return Error{Failure::timeout, Side::client, false, "the token has expired"};
  if (auto status = check_times(claims, now, kOwnLeeway); !status) return std::move(status).error();
  return jwt;
}

Result<Grant> Tokens::verify(std::string_view token, WallSeconds now) const {
  auto jwt = verified(token, service_, now);
  if (!jwt) return std::move(jwt).error();
  auto& claims = jwt->claims;
  return Grant{std::move(claims.sub), std::move(claims.access), *claims.exp, std::move(jwt->kid)};
}

std::string Tokens::issue_refresh(std::string_view subject, std::string_view mark, WallSeconds now) const {
  Claims claims;
  claims.iss = service_;
  claims.sub = subject;
  claims.aud = {refresh_audience_};
  claims.exp = now + kRefreshLife.count();
  claims.nbf = claims.iat = now;
  claims.jti = to_base64url(random_bytes(16));
  claims.access = {{kRenewal, std::string(mark), {}}};
  return sign_jwt(claims, keys_->current(), keys_->current_kid());
}

Result<Tokens::Refresh> Tokens::verify_refresh(std::string_view token, WallSeconds now) const {
  auto jwt = verified(token, refresh_audience_, now);
  if (!jwt) return std::move(jwt).error();
  auto& claims = jwt->claims;
  if (claims.access.size() != 1 || claims.access.front().type != kRenewal) return not_ours("the token renews nothing");
  return Refresh{std::move(claims.sub), std::move(claims.access.front().name)};
}

Result<std::shared_ptr<const Grant>> VerifiedTokens::verify(const Tokens& tokens, std::string_view token, WallSeconds now) {
  // Nobody makes us hash a megabyte.
  if (token.size() > Jwt::kMostBytes) return Error{Failure::too_large, Side::client, false, "the token has more than 16 KiB"};
  auto hash = hash_of(HashAlgorithm::sha256, token);
  if (const auto found = by_hash_.find(hash); found != by_hash_.end()) {
    const auto entry = found->second;
    if (now < entry->grant->expires && entry->service == tokens.service() && tokens.keys().find(entry->grant->kid)) {
      entries_.splice(entries_.begin(), entries_, entry);
      return entry->grant;
    }
    by_hash_.erase(found);
    entries_.erase(entry);
  }
  auto verified = tokens.verify(token, now);
  if (!verified) return std::move(verified).error();
  auto grant = std::make_shared<const Grant>(*std::move(verified));
  if (entries_.size() == kMost) {
    by_hash_.erase(entries_.back().hash);
    entries_.pop_back();
  }
  entries_.push_front({std::move(hash), tokens.service(), grant});
  by_hash_.emplace(entries_.front().hash, entries_.begin());
  return grant;
}

}  // namespace weir
