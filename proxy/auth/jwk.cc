#include "proxy/auth/jwk.h"

#include "base/hash.h"
#include "base/text.h"

namespace weir {
namespace {

constexpr std::size_t kMostKeys = 64;

// A member that is a number or a coordinate.
std::optional<std::string> bytes_at(const Json& key, std::string_view name) {
  const auto text = key.string_at(name);
  return text ? from_base64url(*text) : std::nullopt;
}

std::optional<Jwk> parse_jwk(const Json& json) {
  const auto type = json.string_at("kty").value_or("");
  if (json.string_at("use").value_or("sig") != "sig") return std::nullopt;
  const bool point = type == "EC";
  if (!point && type != "RSA") return std::nullopt;
  if (point && json.string_at("crv") != "P-256") return std::nullopt;
  const auto first = bytes_at(json, point ? "x" : "n"), second = bytes_at(json, point ? "y" : "e");
  if (!first || !second) return std::nullopt;
  auto key = point ? PublicKey::from_point(*first, *second) : PublicKey::from_modulus(*first, *second);
  if (!key) return std::nullopt;
  // A key that is meant for another algorithm is not used with ours.
  const std::string ours = signature_algorithm_name(key->algorithm());
  if (json.string_at("alg").value_or(ours) != ours) return std::nullopt;
  return Jwk{json.string_at("kid").value_or(""), *std::move(key)};
}

}  // namespace

Result<std::vector<Jwk>> parse_jwks(std::string_view text) {
  const auto json = Json::parse(text, {.depth = 16, .values = 20'000, .string = 64 << 10});
  const auto list = json ? json->at("keys") : std::nullopt;
  if (!list || !list->is_array()) return Error{Failure::invalid, Side::upstream, false, "this is no set of JSON Web Keys"};
  std::vector<Jwk> keys;
  for (const auto& item : list->items()) {
    if (keys.size() == kMostKeys) break;
    if (auto key = parse_jwk(item)) keys.push_back(*std::move(key));
  }
  if (keys.empty()) return Error{Failure::invalid, Side::upstream, false, "the set holds no key of P-256 or RSA for signatures"};
  return keys;
}

std::string jwks_document(const std::vector<Jwk>& keys) {
  JsonWriter json;
  json.object().key("keys").array();
  for (const auto& [kid, key] : keys) {
    const bool point = key.algorithm() == SignatureAlgorithm::es256;
    json.object().member("kty", point ? "EC" : "RSA");
    if (point) json.member("crv", "P-256");
    json.member(point ? "x" : "n", to_base64url(key.first())).member(point ? "y" : "e", to_base64url(key.second()));
    json.member("kid", kid).member("use", "sig").member("alg", signature_algorithm_name(key.algorithm())).end();
  }
  return json.end().end().take();
}

std::string thumbprint(const PublicKey& key) {
  // RFC 7638 3.2: the members that make the key, in the order of their names, without a blank.
  const bool point = key.algorithm() == SignatureAlgorithm::es256;
  const auto first = to_base64url(key.first()), second = to_base64url(key.second());
  JsonWriter json;
  json.object();
  if (point) json.member("crv", "P-256").member("kty", "EC").member("x", first).member("y", second);
  else json.member("e", second).member("kty", "RSA").member("n", first);
  return to_base64url(hash_of(HashAlgorithm::sha256, json.end().take()));
}

}  // namespace weir
