#include "proxy/auth/oidc.h"

#include <algorithm>

namespace weir {
namespace {

constexpr Seconds kForeignLeeway{60};
constexpr Seconds kLeastBetween{30};  // a token with an unknown kid costs the issuer no more than this
constexpr Seconds kBelieved = std::chrono::hours(1);

// Those that may have signed a token: the one it names, or where it names none all of its kind.
bool may_have_signed(const Jwk& jwk, std::string_view kid, SignatureAlgorithm algorithm) {
  return jwk.key.algorithm() == algorithm && (kid.empty() || jwk.kid == kid);
}

Error not_accepted(std::string what) { return Error{Failure::denied, Side::client, false, std::move(what)}; }

}  // namespace

bool Oidc::claims_to_be(std::string_view token) const {
  if (!looks_like_jwt(token)) return false;
  const auto jwt = parse_jwt(token);
  return jwt && jwt->claims.iss == options_.issuer;
}

Task<bool> Oidc::renew(Loop& loop) {
  auto text = co_await fetch_(loop, options_.jwks);
  auto keys = text ? parse_jwks(*text) : Result<std::vector<Jwk>>(std::move(text).error());
  std::lock_guard lock(mutex_);
  if (!keys) {
    failed_ = std::move(keys).error();
    co_return false;
  }
  failed_.reset();
  keys_ = std::make_shared<const std::vector<Jwk>>(*std::move(keys));
  co_return true;
}

// The keys, fetched again where they may not be all. Nothing when there never were any.
Task<Oidc::Keys> Oidc::current_keys(Loop& loop, std::string kid, SignatureAlgorithm algorithm) {
  bool ask = false;
  {
    std::lock_guard lock(mutex_);
    const auto age = asked_ ? std::optional(clock_.now() - *asked_) : std::nullopt;
    const bool known = keys_ && std::any_of(keys_->begin(), keys_->end(),
                                            [&](const auto& jwk) { return may_have_signed(jwk, kid, algorithm); });
    ask = !age || *age >= (known ? kBelieved : kLeastBetween);
    if (known && ask && age) asked_ = clock_.now();  // one asks; the others go on with what there is
  }
  if (ask) {
    auto flight = co_await flights_.run(loop, 0, [this, &loop]() -> Task<bool> {
      {
        std::lock_guard lock(mutex_);
        asked_ = clock_.now();
      }
      return renew(loop);
    });
    (void)flight;  // the keys that are there now are what counts
  }
  std::lock_guard lock(mutex_);
  co_return keys_;
}

Result<Identity> Oidc::judge(const Jwt& jwt, const std::vector<Jwk>& keys) const {
  bool named = false, good = false;
  for (const auto& jwk : keys) {
    if (!may_have_signed(jwk, jwt.kid, jwt.algorithm)) continue;
    named = true;
    good = good || verify_jwt(jwt, jwk.key).ok();
  }
  if (!named) return not_accepted("the token is signed with a key that its issuer does not publish");
  if (!good) return not_accepted("the token's signature is not good");
  if (auto status = check_times(jwt.claims, clock_.wall_seconds(), kForeignLeeway); !status) return std::move(status).error();
  const auto name = jwt.payload.string_at(options_.claim);
  if (!name || !valid_identity(*name)) return not_accepted("the token's claim " + options_.claim + " names nobody");
  return Identity{*name, Identity::How::oidc};
}

Task<Result<Identity>> Oidc::verify(Loop& loop, std::string token) {
  const auto jwt = parse_jwt(token);
  if (!jwt) co_return jwt.error();
  // Before anybody is asked for keys.
  if (jwt->claims.iss != options_.issuer) co_return not_accepted("the token was issued by somebody else");
  const auto& audiences = jwt->claims.aud;
  if (std::find(audiences.begin(), audiences.end(), options_.audience) == audiences.end())
    co_return not_accepted("the token is for something else");
  const auto keys = co_await current_keys(loop, jwt->kid, jwt->algorithm);
  if (keys) co_return judge(*jwt, *keys);
  std::lock_guard lock(mutex_);
  co_return failed_ ? *failed_ : Error{Failure::unavailable, Side::upstream, true, "the issuer's keys are not known yet"};
}

}  // namespace weir
