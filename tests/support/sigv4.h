// Whether a request carries AWS Signature Version 4 as Amazon's services check it (IAM User Guide, "Create a signed AWS API
// request"): the canonical request, the derived key, the scope, a date of these five minutes, the session's token.
//
// Headers only, so that unit tests, which link nothing of this folder, have it as well.
#pragma once

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <cstdint>
#include <ctime>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace weir::testing {

struct SignedRequest {
  std::string method, target;
  std::vector<std::pair<std::string, std::string>> headers;  // names as they came
  std::string body;

  // The first of that name, in lower case; empty when there is none.
  std::string header(std::string_view lower_name) const;
};

inline std::string SignedRequest::header(std::string_view lower_name) const {
  for (const auto& [name, value] : headers) {
    const bool same = std::ranges::equal(name, lower_name, [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a + 32 : a) == b; });
    if (same) return value;
  }
  return {};
}

struct AwsKey {
  std::string id, secret;
  std::string session_token;  // empty: a lasting key
};

namespace sigv4_detail {

inline std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  return out;
}

inline std::string hex(std::string_view bytes) {
  std::string out;
  for (const unsigned char c : bytes) (out += "0123456789abcdef"[c >> 4]) += "0123456789abcdef"[c & 15];
  return out;
}

inline std::string sha256(std::string_view bytes) {
  unsigned char out[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  EVP_Digest(bytes.data(), bytes.size(), out, &size, EVP_sha256(), nullptr);
  return {reinterpret_cast<char*>(out), size};
}

inline std::string hmac(std::string_view key, std::string_view bytes) {
  unsigned char out[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(),
       out, &size);
  return {reinterpret_cast<char*>(out), size};
}

inline std::vector<std::string> pieces(std::string_view text, char separator) {
  std::vector<std::string> out;
  for (;;) {
    const auto end = text.find(separator);
    out.emplace_back(text.substr(0, end));
    if (end == std::string_view::npos) return out;
    text.remove_prefix(end + 1);
  }
}

// Without blanks around it, and with one for several within.
inline std::string squeezed(std::string_view text) {
  std::string out;
  for (const auto& word : pieces(text, ' ')) {
    if (!word.empty()) out += (out.empty() ? "" : " ") + word;
  }
  return out;
}

inline std::string canonical_query(std::string_view query) {
  if (query.empty()) return {};
  auto parameters = pieces(query, '&');
  for (auto& each : parameters) {
    if (each.find('=') == std::string::npos) each += '=';
  }
  std::ranges::sort(parameters);
  std::string out;
  for (const auto& each : parameters) out += (out.empty() ? "" : "&") + each;
  return out;
}

// Seconds since 1970 of `20150830T123600Z`; -1 for anything else.
inline std::int64_t parse_amz_date(const std::string& text) {
  std::tm utc{};
  const char* end = ::strptime(text.c_str(), "%Y%m%dT%H%M%SZ", &utc);
  return text.size() == 16 && end && !*end ? ::timegm(&utc) : -1;
}

// The signature that `signed_headers` of a request must have.
inline std::string sigv4_signature(const SignedRequest& request, const std::string& secret, const std::string& region,
                                   const std::string& service, const std::vector<std::string>& signed_headers) {
  const auto mark = request.target.find('?');
  std::string canonical = request.method + '\n' + request.target.substr(0, mark) + '\n' +
                          canonical_query(mark == std::string::npos ? "" : std::string_view(request.target).substr(mark + 1)) +
                          '\n';
  std::string names;
  for (const auto& name : signed_headers) {
    std::string values;
    for (const auto& [each, value] : request.headers) {
      if (lower(each) == name) values += (values.empty() ? "" : ",") + squeezed(value);
    }
    canonical += name + ':' + values + '\n';
    names += (names.empty() ? "" : ";") + name;
  }
  canonical += '\n' + names + '\n' + hex(sha256(request.body));
  const auto moment = request.header("x-amz-date");
  const auto day = moment.substr(0, 8);
  const auto scope = day + '/' + region + '/' + service + "/aws4_request";
  const auto to_sign = "AWS4-HMAC-SHA256\n" + moment + '\n' + scope + '\n' + hex(sha256(canonical));
  return hex(hmac(hmac(hmac(hmac(hmac("AWS4" + secret, day), region), service), "aws4_request"), to_sign));
}

// Empty when the request is signed with `key` for that region and service at about `now` (seconds since 1970); else why it is not.
inline std::string check_sigv4(const SignedRequest& request, const AwsKey& key, const std::string& region,
                               const std::string& service, std::int64_t now) {
  constexpr std::string_view kScheme = "AWS4-HMAC-SHA256 ";
  const auto authorization = request.header("authorization");
  if (!authorization.starts_with(kScheme)) return "not signed";
  std::map<std::string, std::string> fields;
  for (const auto& field : pieces(std::string_view(authorization).substr(kScheme.size()), ',')) {
    const auto text = squeezed(field);
    const auto equals = text.find('=');
    if (equals == std::string::npos) return "malformed Authorization";
    fields[text.substr(0, equals)] = text.substr(equals + 1);
  }
  const auto moment = request.header("x-amz-date");
  const auto time = parse_amz_date(moment);
  if (time < 0) return "no X-Amz-Date";
  if (std::abs(time - now) > 300) return "signature expired";
  if (fields["Credential"] != key.id + '/' + moment.substr(0, 8) + '/' + region + '/' + service + "/aws4_request")
    return "another key, day, region or service: " + fields["Credential"];
  const auto signed_headers = pieces(fields["SignedHeaders"], ';');
  if (!std::ranges::is_sorted(signed_headers)) return "SignedHeaders are not sorted";
  const auto is_signed = [&](const std::string& name) { return std::ranges::count(signed_headers, name) == 1; };
  if (!is_signed("host")) return "the host is not signed";
  for (const auto& name : signed_headers) {
    if (std::ranges::none_of(request.headers, [&](const auto& field) { return lower(field.first) == name; }))
      return name + " is signed and not there";
  }
  for (const auto& [name, value] : request.headers) {
    if (lower(name).starts_with("x-amz-") && !is_signed(lower(name))) return lower(name) + " is not signed";
  }
  if (request.header("x-amz-security-token") != key.session_token) return "another session token";
  if (sigv4_signature(request, key.secret, region, service, signed_headers) != fields["Signature"])
    return "signature does not match";
  return {};
}

}  // namespace sigv4_detail

using sigv4_detail::check_sigv4;
using sigv4_detail::sigv4_signature;

}  // namespace weir::testing
