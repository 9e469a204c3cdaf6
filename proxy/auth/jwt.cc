#include "proxy/auth/jwt.h"

#include <algorithm>

#include "base/text.h"

namespace weir {
namespace {

constexpr std::size_t kMostNameBytes = 1024;  // of an issuer, a subject, an audience, a key's name
constexpr std::size_t kMostAudiences = 32;
constexpr std::size_t kMostAccess = 64;
constexpr std::size_t kMostActions = 16;
// The year 9999: beyond it nothing means a date.
constexpr WallSeconds kMostSeconds = 253'402'300'799;

Error no_token(std::string what) { return Error{Failure::invalid, Side::client, false, std::move(what)}; }

// Reads members of one object; remembers the first that was of the wrong kind.
class Reader {
 public:
  explicit Reader(const Json& object) : object_(object) {}

  void text(std::string_view name, std::string& into) {
    const auto member = object_.at(name);
    if (!member) return;
    auto value = member->string();
    if (value && value->size() <= kMostNameBytes) into = *std::move(value);
    else fail(name);
  }
  void time(std::string_view name, std::optional<WallSeconds>& into) {
    const auto member = object_.at(name);
    if (!member) return;
    into = member->integer();
    if (!into || *into < 0 || *into > kMostSeconds) fail(name);
  }
  // One text, or several (RFC 7519 4.1.3).
  void texts(std::string_view name, std::vector<std::string>& into, std::size_t most) {
    const auto member = object_.at(name);
    if (!member) return;
    if (auto one = member->string()) {
      into.push_back(*std::move(one));
    } else {
      if (!member->is_array()) return fail(name);
      for (const auto& item : member->items()) {
        auto value = item.string();
        if (!value || into.size() == most) return fail(name);
        into.push_back(*std::move(value));
      }
    }
    if (std::any_of(into.begin(), into.end(), [](const auto& value) { return value.size() > kMostNameBytes; })) fail(name);
  }
  void access(std::vector<Access>& into) {
    const auto member = object_.at("access");
    if (!member) return;
    if (!member->is_array()) return fail("access");
    for (const auto& item : member->items()) {
      Reader entry(item);
      Access one;
      entry.text("type", one.type);
      entry.text("name", one.name);
      entry.texts("actions", one.actions, kMostActions);
      if (!entry.wrong_.empty() || into.size() == kMostAccess) return fail("access");
      into.push_back(std::move(one));
    }
  }
  const std::string& wrong() const noexcept { return wrong_; }

 private:
  void fail(std::string_view name) {
    if (wrong_.empty()) wrong_ = name;
  }
  const Json& object_;
  std::string wrong_;
};

Result<Json> object_in(std::string_view part, const char* name) {
  const auto text = from_base64url(part);
  if (!text) return no_token(std::string("the token's ") + name + " is not base64url");
  auto json = Json::parse(*text, {.depth = 16, .values = 2000, .string = Jwt::kMostBytes});
  if (!json || !json->is_object()) return no_token(std::string("the token's ") + name + " is no JSON object");
  return json;
}

struct Parts {
  std::string_view header, payload, signature;
};

// Three, none of them empty.
std::optional<Parts> parts_of(std::string_view token) {
  const auto first = token.find('.');
  if (first == std::string_view::npos) return std::nullopt;
  const auto second = token.find('.', first + 1);
  if (second == std::string_view::npos || token.find('.', second + 1) != std::string_view::npos) return std::nullopt;
  const Parts parts{token.substr(0, first), token.substr(first + 1, second - first - 1), token.substr(second + 1)};
  if (parts.header.empty() || parts.payload.empty() || parts.signature.empty()) return std::nullopt;
  return parts;
}

void write_time(JsonWriter& json, const char* name, const std::optional<WallSeconds>& time) {
  if (time) json.member(name, *time);
}

}  // namespace

bool looks_like_jwt(std::string_view text) {
  const auto parts = parts_of(text);
  return parts && parts->header.starts_with("ey");  // `{"`
}

Result<Jwt> parse_jwt(std::string_view token) {
  if (token.size() > Jwt::kMostBytes) return Error{Failure::too_large, Side::client, false, "the token has more than 16 KiB"};
  const auto parts = parts_of(token);
  if (!parts) return no_token("a token has three parts");

  const auto header = object_in(parts->header, "header");
  if (!header) return header.error();
  const auto algorithm = header->string_at("alg");
  if (algorithm != "ES256" && algorithm != "RS256") return no_token("the token is signed neither with ES256 nor with RS256");
  // RFC 7515 4.1.11: what it lists must be understood, and nothing that could stand there is.
  if (header->has("crit")) return no_token("the token has critical header parameters");
  std::string kid;
  Reader head(*header);
  head.text("kid", kid);
  if (!head.wrong().empty()) return no_token("the token's kid is no text");

  auto payload = object_in(parts->payload, "payload");
  if (!payload) return std::move(payload).error();
  auto signature = from_base64url(parts->signature);
  if (!signature) return no_token("the token's signature is not base64url");

  Claims claims;
  Reader reader(*payload);
  reader.text("iss", claims.iss);
  reader.text("sub", claims.sub);
  reader.text("jti", claims.jti);
  reader.texts("aud", claims.aud, kMostAudiences);
  reader.time("exp", claims.exp);
  reader.time("nbf", claims.nbf);
  reader.time("iat", claims.iat);
  reader.access(claims.access);
  if (!reader.wrong().empty()) return no_token("the token's claim " + reader.wrong() + " is not what it should be");
  return Jwt{algorithm == "ES256" ? SignatureAlgorithm::es256 : SignatureAlgorithm::rs256,
             std::move(kid),
             std::move(claims),
             *std::move(payload),
             std::string(token.substr(0, parts->header.size() + 1 + parts->payload.size())),
             *std::move(signature)};
}

Status verify_jwt(const Jwt& jwt, const PublicKey& key) {
  if (jwt.algorithm != key.algorithm() || !key.verify(jwt.message, jwt.signature))
    return Error{Failure::denied, Side::client, false, "the token's signature is not good"};
  return ok_status();
}

Status check_times(const Claims& claims, WallSeconds now, Seconds leeway) {
  if (!claims.exp) return no_token("the token does not say when it ends");
  if (now >= *claims.exp + leeway.count()) return Error{Failure::timeout, Side::client, false, "the token has expired"};
  for (const auto& begin : {claims.nbf, claims.iat}) {
    if (begin && now < *begin - leeway.count()) return Error{Failure::denied, Side::client, false, "the token is not valid yet"};
  }
  return ok_status();
}

std::string sign_jwt(const Claims& claims, const PrivateKey& key, std::string_view kid) {
  JsonWriter head;
  head.object().member("alg", "ES256").member("kid", kid).member("typ", "JWT").end();
  JsonWriter json;
  json.object().member("iss", claims.iss).member("sub", claims.sub);
  if (claims.aud.size() == 1) {
    json.member("aud", claims.aud.front());
  } else {
    json.key("aud").array();
    for (const auto& audience : claims.aud) json.value(audience);
    json.end();
  }
  write_time(json, "exp", claims.exp);
  write_time(json, "nbf", claims.nbf);
  write_time(json, "iat", claims.iat);
  json.member("jti", claims.jti).key("access").array();
  for (const auto& [type, name, actions] : claims.access) {
    json.object().member("type", type).member("name", name).key("actions").array();
    for (const auto& action : actions) json.value(action);
    json.end().end();
  }
  json.end().end();
  const auto message = to_base64url(head.take()) + '.' + to_base64url(json.take());
  return message + '.' + to_base64url(key.sign(message));
}

}  // namespace weir
