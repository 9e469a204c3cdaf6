#include "proxy/auth/oidc.h"

#include <atomic>

#include "tests/unit/base/loop_thread.h"

#include <doctest/doctest.h>

using namespace weir;

namespace {

constexpr char kIssuer[] = "https://kubernetes.default.svc";
constexpr char kSubject[] = "system:serviceaccount:team:default";

// An issuer with its keys, and what stands between it and us.
struct Issuer {
  ManualClock clock;
  PrivateKey key = PrivateKey::generate();
  std::string kid = "k1";
  std::vector<Jwk> published{{kid, key.public_key()}};
  bool down = false;
  std::atomic<int> asked{0};
  weir::testing::LoopThread thread;
  Oidc oidc;

  explicit Issuer(std::string claim = "sub")
      : oidc(clock, {kIssuer, "weir", "https://issuer.test/keys", "", std::move(claim)},
             [this](Loop&, std::string where) { return fetch(std::move(where)); }) {}

  Task<Result<std::string>> fetch(std::string where) {
    ++asked;
    CHECK(where == "https://issuer.test/keys");
    if (down) co_return Error{Failure::unreachable, Side::upstream, true, "nobody answers"};
    co_return jwks_document(published);
  }

  Claims claims() const {
    Claims claims;
    claims.iss = kIssuer, claims.sub = kSubject, claims.aud = {"other", "weir"};
    claims.iat = clock.wall_seconds(), claims.exp = clock.wall_seconds() + 600;
    return claims;
  }
  std::string token() const { return sign_jwt(claims(), key, kid); }

  // The identity, or the failure's name.
  std::string whose(const std::string& token) {
    const auto identity = thread.run([this, token] { return oidc.verify(thread.loop(), token); });
    return identity ? identity->name : failure_name(identity.error().failure);
  }
  template <typename Change>
  std::string changed(Change change) {
    Claims made = claims();
    change(made);
    return whose(sign_jwt(made, key, kid));
  }
};

}  // namespace

TEST_CASE("a service account's token is its identity; the issuer is asked for its keys once") {
  Issuer issuer;
  CHECK(issuer.asked == 0);
  CHECK(issuer.whose(issuer.token()) == kSubject);
  for (int i = 0; i < 10; ++i) CHECK(issuer.whose(issuer.token()) == kSubject);
  CHECK(issuer.asked == 1);
  CHECK(issuer.oidc.claims_to_be(issuer.token()));
  CHECK_FALSE(issuer.oidc.claims_to_be("hunter2"));
}

TEST_CASE("another issuer's token costs ours nothing, and is refused; so is one for somebody else") {
  Issuer issuer;
  CHECK(issuer.changed([](Claims& claims) { claims.iss = "https://evil.test"; }) == "denied");
  CHECK(issuer.changed([](Claims& claims) { claims.aud = {"other"}; }) == "denied");
  CHECK(issuer.changed([](Claims& claims) { claims.aud.clear(); }) == "denied");
  CHECK(issuer.whose("no token") == "invalid");
  CHECK(issuer.asked == 0);
}

TEST_CASE("sixty seconds between the clocks are forgiven, and not more") {
  Issuer issuer;
  const auto now = issuer.clock.wall_seconds();
  CHECK(issuer.changed([&](Claims& claims) { claims.exp = now - 59; }) == kSubject);
  CHECK(issuer.changed([&](Claims& claims) { claims.exp = now - 60; }) == "timeout");
  CHECK(issuer.changed([&](Claims& claims) { claims.nbf = now + 60; }) == kSubject);
  CHECK(issuer.changed([&](Claims& claims) { claims.nbf = now + 61; }) == "denied");
  CHECK(issuer.changed([&](Claims& claims) { claims.exp.reset(); }) == "invalid");
}

TEST_CASE("a token that somebody else signed is refused, under a known name and under none") {
  Issuer issuer;
  CHECK(issuer.whose(issuer.token()) == kSubject);
  const auto stranger = PrivateKey::generate();
  CHECK(issuer.whose(sign_jwt(issuer.claims(), stranger, "k1")) == "denied");
  CHECK(issuer.whose(sign_jwt(issuer.claims(), stranger, "")) == "denied");
  CHECK(issuer.whose(sign_jwt(issuer.claims(), issuer.key, "")) == kSubject);  // no name: any key of its kind
}

TEST_CASE("an unknown key's name makes us ask again, but not for every token") {
  Issuer issuer;
  CHECK(issuer.whose(issuer.token()) == kSubject);
  issuer.key = PrivateKey::generate();
  issuer.kid = "k2";
  issuer.published.push_back({"k2", issuer.key.public_key()});
  CHECK(issuer.whose(issuer.token()) == "denied");  // asked a moment ago
  CHECK(issuer.asked == 1);
  issuer.clock.advance(Seconds(30));
  CHECK(issuer.whose(issuer.token()) == kSubject);
  CHECK(issuer.asked == 2);
  issuer.kid = "k3";
  for (int i = 0; i < 100; ++i) CHECK(issuer.whose(issuer.token()) == "denied");
  CHECK(issuer.asked == 2);
}

TEST_CASE("while the issuer is down the last keys stay good, however old they are") {
  Issuer issuer;
  CHECK(issuer.whose(issuer.token()) == kSubject);
  issuer.down = true;
  for (int hour = 0; hour < 3; ++hour) {
    issuer.clock.advance(std::chrono::hours(1));
    CHECK(issuer.whose(issuer.token()) == kSubject);
  }
  CHECK(issuer.asked == 4);
}

TEST_CASE("a key that the issuer has withdrawn is good for an hour at most") {
  Issuer issuer;
  CHECK(issuer.whose(issuer.token()) == kSubject);
  issuer.published = {{"k2", PrivateKey::generate().public_key()}};
  CHECK(issuer.whose(issuer.token()) == kSubject);
  issuer.clock.advance(std::chrono::hours(1));
  CHECK(issuer.whose(issuer.token()) == "denied");
}

TEST_CASE("an issuer that was never reached is the issuer's fault, and is not asked all the time") {
  Issuer issuer;
  issuer.down = true;
  for (int i = 0; i < 10; ++i) CHECK(issuer.whose(issuer.token()) == "unreachable");
  CHECK(issuer.asked == 1);
  issuer.down = false;
  issuer.clock.advance(Seconds(30));
  CHECK(issuer.whose(issuer.token()) == kSubject);
}

TEST_CASE("the configured claim is the identity, when it can be one") {
  Issuer by_jti("jti");
  CHECK(by_jti.changed([](Claims& claims) { claims.jti = "repo:org/app:ref:refs/heads/main"; }) ==
        "repo:org/app:ref:refs/heads/main");
  for (const auto& bad : std::initializer_list<std::string>{"", "two words", "line\n", std::string(256, 'a')})
    CHECK(by_jti.changed([&](Claims& claims) { claims.jti = bad; }) == "denied");
  Issuer by_absent("email");
  CHECK(by_absent.whose(by_absent.token()) == "denied");
}
