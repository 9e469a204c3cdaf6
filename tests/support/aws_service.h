// The parts of Amazon's cloud that hand out keys and tokens, as one scripted service: GetAuthorizationToken of ECR and ECR
// Public, AssumeRole and AssumeRoleWithWebIdentity of STS, a container's credentials, an instance's metadata (version 2). It
// checks signatures (sigv4.h) and counts. It answers requests; whoever owns it receives them.
//
// Any thread may call any function. Headers only, as sigv4.h is.
#pragma once

#include <cstdio>
#include <ctime>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "tests/support/sigv4.h"

namespace weir::testing {

class AwsService {
 public:
  static constexpr char kRegion[] = "eu-west-1";
  static constexpr char kRole[] = "arn:aws:iam::123456789012:role/puller";
  static constexpr char kContainerPath[] = "/v1/credentials";
  static constexpr char kContainerToken[] = "Bearer of-the-container";
  static constexpr char kInstanceRole[] = "node-role";
  static constexpr char kWebIdentity[] = "header.claims.signature";

  struct Answer {
    int status = 200;
    std::string content_type = "application/json";
    std::string body = {};
  };

  // What becomes of the password in each token that is given: some registry takes it from now on.
  void on_token(std::function<void(const std::string& password)> tell) {
    std::lock_guard lock(mutex_);
    on_token_ = std::move(tell);
  }
  void add_key(AwsKey key) {
    std::lock_guard lock(mutex_);
    keys_.insert_or_assign(key.id, std::move(key));
  }
  // No key that was handed out so far is good any more.
  void revoke_keys() {
    std::lock_guard lock(mutex_);
    keys_.clear();
  }
  // Requests whose target or action contains `what` are answered so from now on; status 0: rightly again.
  void fail(const std::string& what, int status, const std::string& code = "ServerException") {
    std::lock_guard lock(mutex_);
    failures_[what] = {status, code};
  }
  // Seconds that tokens and keys live by their own words.
  void set_lives(std::int64_t tokens, std::int64_t keys) {
    std::lock_guard lock(mutex_);
    token_life_ = tokens;
    key_life_ = keys;
  }
  // The service's clock is off by this much.
  void set_skew(std::int64_t seconds) {
    std::lock_guard lock(mutex_);
    skew_ = seconds;
  }
  void require_external_id(const std::string& id) {
    std::lock_guard lock(mutex_);
    external_id_ = id;
  }

  // How often something was asked for: `ecr`, `ecr-public`, `AssumeRole`, `AssumeRoleWithWebIdentity`, `container`, `metadata`.
  std::size_t asked(const std::string& what) const {
    std::lock_guard lock(mutex_);
    const auto found = asked_.find(what);
    return found == asked_.end() ? 0 : found->second;
  }
  std::size_t given() const {
    std::lock_guard lock(mutex_);
    return tokens_;
  }
  std::string last_refusal() const {
    std::lock_guard lock(mutex_);
    return refusal_;
  }
  // The user and password of the last token, as HTTP Basic has them.
  std::string last_token() const {
    std::lock_guard lock(mutex_);
    return token_;
  }

  // Nothing: not one of its paths.
  std::optional<Answer> answer(const SignedRequest& request) {
    std::lock_guard lock(mutex_);
    const auto path = request.target.substr(0, request.target.find('?'));
    if (path == "/" && request.method == "POST")
      return request.header("x-amz-target").empty() ? answer_sts(request) : answer_ecr(request);
    if (path == kContainerPath) return answer_container(request);
    if (path.starts_with("/latest/")) return answer_metadata(request, path);
    return std::nullopt;
  }

 private:
  struct Failure {
    int status = 0;
    std::string code;
  };

  Answer answer_ecr(const SignedRequest& request) {
    const auto target = request.header("x-amz-target");
    const bool is_public = target.starts_with("SpencerFrontendService.");
    const std::string service = is_public ? "ecr-public" : "ecr";
    ++asked_[service];
    const std::string prefix = is_public ? "SpencerFrontendService" : "AmazonEC2ContainerRegistry_V20150921";
    if (target != prefix + ".GetAuthorizationToken") return error_json(400, "UnknownOperationException");
    if (request.header("content-type") != "application/x-amz-json-1.1") return error_json(400, "SerializationException");
    if (const auto& failure = failures_[service]; failure.status) return error_json(failure.status, failure.code);
    if (const auto code = check(request, is_public ? "us-east-1" : kRegion, service); !code.empty())
      return error_json(code == "AccessDeniedException" ? 403 : 400, code);
    const auto password = "password-" + std::to_string(++tokens_);
    token_ = base64("AWS:" + password);
    if (on_token_) on_token_(password);
    char expires[64];
    std::snprintf(expires, sizeof expires, "%.12E", static_cast<double>(now() + token_life_));
    const auto data = R"({"authorizationToken":")" + token_ + R"(","expiresAt":)" + expires +
                      (is_public ? "}" : R"(,"proxyEndpoint":"https://123456789012.dkr.ecr.eu-west-1.amazonaws.com"})");
    return {200, "application/x-amz-json-1.1", R"({"authorizationData":)" + (is_public ? data : '[' + data + ']') + '}'};
  }

  Answer answer_sts(const SignedRequest& request) {
    const auto form = parse_form(request.body);
    const auto at = [&](const std::string& name) { return form.contains(name) ? form.at(name) : std::string(); };
    const auto action = at("Action");
    ++asked_[action];
    if (const auto& failure = failures_[action]; failure.status) return error_xml(failure.status, failure.code);
    if (at("Version") != "2011-06-15" || at("RoleSessionName").empty()) return error_xml(400, "ValidationError");
    if (action == "AssumeRoleWithWebIdentity") {
      if (at("WebIdentityToken") != kWebIdentity) return error_xml(400, "InvalidIdentityToken");
    } else if (action == "AssumeRole") {
      if (const auto code = check(request, kRegion, "sts"); !code.empty()) return error_xml(403, code);
      if (at("ExternalId") != external_id_) return error_xml(403, "AccessDenied");
    } else {
      return error_xml(400, "InvalidAction");
    }
    if (at("RoleArn") != kRole) return error_xml(403, "AccessDenied");
    const auto key = new_key();
    return {200, "text/xml",
            "<?xml version=\"1.0\"?>\n<" + action + "Response xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\n  <" + action +
                "Result>\n    <AssumedRoleUser><Arn>arn:aws:sts::1:x/y&amp;z</Arn></AssumedRoleUser>\n    <Credentials>\n      "
                "<AccessKeyId>" +
                key.id + "</AccessKeyId><SecretAccessKey>" + key.secret + "</SecretAccessKey>\n      <SessionToken>" +
                key.session_token + "</SessionToken><Expiration>" + time_text(now() + key_life_) +
                "</Expiration>\n    </Credentials>\n  </" + action + "Result>\n</" + action + "Response>\n"};
  }

  Answer answer_container(const SignedRequest& request) {
    ++asked_["container"];
    if (const auto& failure = failures_["container"]; failure.status) return error_json(failure.status, failure.code);
    if (request.header("authorization") != kContainerToken) return error_json(401, "InvalidAuthorization");
    return {200, "application/json", document(new_key(), "")};
  }

  Answer answer_metadata(const SignedRequest& request, const std::string& path) {
    constexpr std::string_view kRoles = "/latest/meta-data/iam/security-credentials/";
    ++asked_["metadata"];
    if (const auto& failure = failures_["metadata"]; failure.status) return {failure.status, "text/html", "no"};
    if (path == "/latest/api/token") {
      const bool proxied = !request.header("x-forwarded-for").empty();
      if (request.method != "PUT" || request.header("x-aws-ec2-metadata-token-ttl-seconds").empty() || proxied)
        return {400, "text/html", "no"};
      metadata_tokens_.insert("metadata-" + std::to_string(metadata_tokens_.size()) + "==");
      return {200, "text/plain", *metadata_tokens_.rbegin()};
    }
    const bool known = metadata_tokens_.contains(request.header("x-aws-ec2-metadata-token"));
    if (request.method != "GET" || !known) return {401, "text/html", "no"};
    if (path == kRoles) return {200, "text/plain", kInstanceRole};
    if (path == std::string(kRoles) + kInstanceRole) return {200, "text/plain", document(new_key(), R"("Code":"Success",)")};
    return {404, "text/html", "no"};
  }

  // The code of the refusal; empty when the request is signed with a good key.
  std::string check(const SignedRequest& request, const std::string& region, const std::string& service) {
    const auto authorization = request.header("authorization");
    const auto begin = authorization.find("Credential=");
    const auto id = begin == std::string::npos ? "" : authorization.substr(begin + 11, authorization.find('/', begin) - begin - 11);
    const auto key = keys_.find(id);
    if (key == keys_.end()) {
      refusal_ = "no such key: " + id;
      return "UnrecognizedClientException";
    }
    refusal_ = check_sigv4(request, key->second, region, service, now());
    if (refusal_ == "another session token") return "ExpiredTokenException";
    return refusal_.empty() ? "" : "InvalidSignatureException";
  }

  AwsKey new_key() {
    const auto number = std::to_string(++keys_made_);
    AwsKey key{"ASIA" + number, "secret/" + number + "+of=a", "session/" + number + "+token=="};
    keys_.insert_or_assign(key.id, key);
    return key;
  }
  std::string document(const AwsKey& key, const std::string& more) const {
    return "{" + more + R"("AccessKeyId":")" + key.id + R"(","SecretAccessKey":")" + key.secret + R"(","Token":")" +
           key.session_token + R"(","Expiration":")" + time_text(now() + key_life_) + "\"}";
  }
  static Answer error_json(int status, const std::string& code) {
    const auto body = R"({"__type":"com.amazon.coral.service#)" + code + R"(","message":"a secret, maybe"})";
    return {status, "application/x-amz-json-1.1", body};
  }
  static Answer error_xml(int status, const std::string& code) {
    const auto error = "<Type>Sender</Type><Code>" + code + "</Code><Message>m</Message>";
    return {status, "text/xml", "<ErrorResponse><Error>" + error + "</Error></ErrorResponse>"};
  }
  std::int64_t now() const { return ::time(nullptr) + skew_; }
  static std::string time_text(std::int64_t seconds) {
    const std::time_t time = seconds;
    std::tm utc{};
    ::gmtime_r(&time, &utc);
    char text[32];
    std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &utc);
    return text;
  }
  static std::string decoded(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
      if (text[i] != '%' || i + 2 >= text.size()) {
        out += text[i] == '+' ? ' ' : text[i];
        continue;
      }
      out += static_cast<char>(std::stoi(std::string(text.substr(i + 1, 2)), nullptr, 16));
      i += 2;
    }
    return out;
  }
  static std::map<std::string, std::string> parse_form(std::string_view body) {
    std::map<std::string, std::string> form;
    for (const auto& pair : sigv4_detail::pieces(body, '&')) {
      const auto equals = pair.find('=');
      if (equals != std::string::npos) form[decoded(pair.substr(0, equals))] = decoded(pair.substr(equals + 1));
    }
    return form;
  }
  static std::string base64(const std::string& bytes) {
    std::string out(4 * ((bytes.size() + 2) / 3), '\0');
    EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()), reinterpret_cast<const unsigned char*>(bytes.data()),
                    static_cast<int>(bytes.size()));
    return out;
  }

  mutable std::mutex mutex_;
  std::function<void(const std::string&)> on_token_;  // guarded by mutex_, as all below
  std::map<std::string, AwsKey> keys_;
  std::map<std::string, Failure> failures_;
  std::map<std::string, std::size_t> asked_;
  std::set<std::string> metadata_tokens_;
  std::string external_id_, refusal_, token_;
  std::int64_t token_life_ = 43'200, key_life_ = 3600, skew_ = 0;
  std::size_t tokens_ = 0, keys_made_ = 0;
};

}  // namespace weir::testing
