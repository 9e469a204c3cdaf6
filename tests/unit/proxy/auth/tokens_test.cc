#include "proxy/auth/tokens.h"

#include "base/text.h"

#include <doctest/doctest.h>

using namespace weir;

namespace {

constexpr WallSeconds kThen = 1'000'000;

std::shared_ptr<const KeyRing> ring_of(const std::vector<PrivateKey>& keys) {
  std::string pem;
  for (const auto& key : keys) pem += key.to_pem();
  return *KeyRing::parse(pem);
}

std::shared_ptr<const KeyRing> new_ring() { return ring_of({PrivateKey::generate()}); }

template <typename T>
std::string judged(const Result<T>& result) {
  return result ? "ok" : failure_name(result.error().failure);
}

const std::vector<Access> kPullApp{{"repository", "up/app", {"pull"}}};

}  // namespace

TEST_CASE("a token that was issued says whom and what it is for until it ends") {
  const Tokens tokens("weir", std::chrono::minutes(15), new_ring());
  const auto token = tokens.issue("node/7", kPullApp, kThen, tokens.life());
  const auto grant = tokens.verify(token, kThen);
  REQUIRE(grant.ok());
  CHECK(grant->subject == "node/7");
  CHECK(grant->access == kPullApp);
  CHECK(grant->expires == kThen + 900);
  CHECK(judged(tokens.verify(token, kThen + 899)) == "ok");
  CHECK(judged(tokens.verify(token, kThen + 900)) == "timeout");
  CHECK(judged(tokens.verify(token, kThen - 5)) == "ok");  // the clock was set back a little
  CHECK(judged(tokens.verify(token, kThen - 6)) == "denied");
  CHECK(token != tokens.issue("node/7", kPullApp, kThen, tokens.life()));
}

TEST_CASE("a token of another key, issuer or audience is refused, whatever else it says") {
  const auto key = PrivateKey::generate();
  const auto ring = ring_of({key});
  const Tokens tokens("weir", std::chrono::minutes(15), ring);
  Claims good;
  good.iss = "weir", good.sub = "a", good.aud = {"weir"}, good.exp = kThen + 60;
  CHECK(judged(tokens.verify(sign_jwt(good, key, ring->current_kid()), kThen)) == "ok");
  CHECK(judged(tokens.verify(sign_jwt(good, PrivateKey::generate(), ring->current_kid()), kThen)) == "denied");
  for (const char* kid : {"", "unknown"}) CHECK(judged(tokens.verify(sign_jwt(good, key, kid), kThen)) == "denied");
  const auto changed = [&](auto change) {
    Claims claims = good;
    change(claims);
    return judged(tokens.verify(sign_jwt(claims, key, ring->current_kid()), kThen));
  };
  CHECK(changed([](Claims& claims) { claims.iss = "elsewhere"; }) == "denied");
  CHECK(changed([](Claims& claims) { claims.aud = {"elsewhere"}; }) == "denied");
  CHECK(changed([](Claims& claims) { claims.aud = {"weir", "elsewhere"}; }) == "denied");
  CHECK(changed([](Claims& claims) { claims.aud.clear(); }) == "denied");
  CHECK(changed([](Claims& claims) { claims.sub.clear(); }) == "denied");
  CHECK(changed([](Claims& claims) { claims.exp.reset(); }) == "denied");
  CHECK(changed([](Claims& claims) { claims.exp = kThen; }) == "timeout");
  CHECK(changed([](Claims& claims) { claims.nbf = kThen + 60; }) == "denied");
  CHECK(changed([](Claims& claims) { claims.iat = kThen + 60; }) == "denied");
}

TEST_CASE("one bit of a token makes it another one") {
  const Tokens tokens("weir", std::chrono::minutes(15), new_ring());
  const auto token = tokens.issue("a", kPullApp, kThen, tokens.life());
  for (std::size_t i = 0; i < token.size(); i += 7) {
    auto wrong = token;
    wrong[i] = wrong[i] == 'A' ? 'B' : 'A';
    CHECK(judged(tokens.verify(wrong, kThen)) != "ok");
  }
}

TEST_CASE("after a rotation old tokens are good until their key is gone") {
  const auto old_key = PrivateKey::generate(), new_key = PrivateKey::generate();
  const Tokens before("weir", std::chrono::minutes(15), ring_of({old_key}));
  const Tokens rotated("weir", std::chrono::minutes(15), ring_of({new_key, old_key}));
  const Tokens after("weir", std::chrono::minutes(15), ring_of({new_key}));
  const auto old_token = before.issue("a", {}, kThen, before.life()), new_token = rotated.issue("a", {}, kThen, rotated.life());
  CHECK(judged(rotated.verify(old_token, kThen)) == "ok");
  CHECK(judged(after.verify(old_token, kThen)) == "denied");
  CHECK(judged(after.verify(new_token, kThen)) == "ok");
}

TEST_CASE("a token that renews is good for nothing else, and no other token renews") {
  const Tokens tokens("weir", std::chrono::minutes(15), new_ring());
  const auto refresh = tokens.issue_refresh("alice", "mark", kThen);
  const auto renewed = tokens.verify_refresh(refresh, kThen + 86'400 * 29);
  REQUIRE(renewed.ok());
  CHECK(renewed->subject == "alice");
  CHECK(renewed->mark == "mark");
  CHECK(judged(tokens.verify_refresh(refresh, kThen + 86'400 * 30)) == "timeout");
  CHECK(judged(tokens.verify(refresh, kThen)) == "denied");
  CHECK(judged(tokens.verify_refresh(tokens.issue("alice", kPullApp, kThen, tokens.life()), kThen)) == "denied");
}

TEST_CASE("a token is verified once and remembered until it ends") {
  const Tokens tokens("weir", std::chrono::minutes(15), new_ring());
  VerifiedTokens verified;
  const auto token = tokens.issue("a", kPullApp, kThen, tokens.life());
  const auto first = verified.verify(tokens, token, kThen);
  REQUIRE(first.ok());
  const auto second = verified.verify(tokens, token, kThen + 899);
  REQUIRE(second.ok());
  CHECK(first->get() == second->get());  // the very same: nothing was parsed again
  CHECK(verified.size() == 1);
  CHECK(judged(verified.verify(tokens, token, kThen + 900)) == "timeout");
  CHECK(verified.size() == 0);
}

TEST_CASE("what is refused is not remembered, and a megabyte is not even hashed") {
  const Tokens tokens("weir", std::chrono::minutes(15), new_ring());
  VerifiedTokens verified;
  CHECK(judged(verified.verify(tokens, "a.b.c", kThen)) == "invalid");
  CHECK(judged(verified.verify(tokens, std::string(1 << 20, 'a'), kThen)) == "too_large");
  CHECK(verified.size() == 0);
}

TEST_CASE("a remembered token is forgotten with its key, and with its service") {
  const auto old_key = PrivateKey::generate(), new_key = PrivateKey::generate();
  const Tokens before("weir", std::chrono::minutes(15), ring_of({old_key}));
  const Tokens rotated("weir", std::chrono::minutes(15), ring_of({new_key, old_key}));
  const Tokens after("weir", std::chrono::minutes(15), ring_of({new_key}));
  const Tokens renamed("other", std::chrono::minutes(15), ring_of({old_key}));
  VerifiedTokens verified;
  const auto token = before.issue("a", kPullApp, kThen, before.life());
  CHECK(judged(verified.verify(before, token, kThen)) == "ok");
  CHECK(judged(verified.verify(rotated, token, kThen)) == "ok");
  CHECK(judged(verified.verify(renamed, token, kThen)) == "denied");
  CHECK(judged(verified.verify(before, token, kThen)) == "ok");
  CHECK(judged(verified.verify(after, token, kThen)) == "denied");
  CHECK(verified.size() == 0);
}

TEST_CASE("of more tokens than are remembered the longest unused goes") {
  const Tokens tokens("weir", std::chrono::minutes(15), new_ring());
  VerifiedTokens verified;
  const auto kept = tokens.issue("kept", {}, kThen, tokens.life()), gone = tokens.issue("gone", {}, kThen, tokens.life());
  const auto first_kept = *verified.verify(tokens, kept, kThen);
  const auto first_gone = *verified.verify(tokens, gone, kThen);
  for (std::size_t i = 2; i < VerifiedTokens::kMost; ++i)
    REQUIRE(verified.verify(tokens, tokens.issue("x", {}, kThen, tokens.life()), kThen).ok());
  CHECK(verified.verify(tokens, kept, kThen)->get() == first_kept.get());
  REQUIRE(verified.verify(tokens, tokens.issue("x", {}, kThen, tokens.life()), kThen).ok());
  CHECK(verified.size() == VerifiedTokens::kMost);
  CHECK(verified.verify(tokens, kept, kThen)->get() == first_kept.get());
  CHECK(verified.verify(tokens, gone, kThen)->get() != first_gone.get());  // verified anew
}
