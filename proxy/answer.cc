#include "proxy/answer.h"

namespace weir {

ErrorAnswer error_answer(const Error& error, Subject subject) {
  const auto unknown = subject == Subject::blob       ? ErrorCode::BLOB_UNKNOWN
                       : subject == Subject::manifest ? ErrorCode::MANIFEST_UNKNOWN
                                                      : ErrorCode::NAME_UNKNOWN;
  switch (error.failure) {
    case Failure::not_found: return {unknown, 404};
    case Failure::invalid:
      if (error.side == Side::client) return {ErrorCode::NAME_INVALID, 400};
      return {ErrorCode::UNAVAILABLE, 502};
    case Failure::denied:
    // The upstream wants a login that this site does not have: for the node that is a refusal, and never "not there".
    case Failure::unauthorized: return {ErrorCode::DENIED, 403};
    case Failure::throttled: return {ErrorCode::TOOMANYREQUESTS, 429};
    case Failure::timeout: return {ErrorCode::UNAVAILABLE, 504};
    case Failure::unreachable:
    case Failure::unavailable:
    case Failure::refused:
    case Failure::too_large:
    case Failure::corrupt: return {ErrorCode::UNAVAILABLE, error.side == Side::local ? 500 : 502};
    case Failure::over_budget:
    case Failure::no_space: return {ErrorCode::UNAVAILABLE, 507};
    case Failure::overloaded:
    case Failure::cancelled: return {ErrorCode::UNAVAILABLE, 503};
    case Failure::unsupported: return {ErrorCode::UNSUPPORTED, 405};
    case Failure::io:
    case Failure::conflict: return {ErrorCode::UNKNOWN, 500};
  }
  return {ErrorCode::UNKNOWN, 500};
}

Outcome error_outcome(const Error& error) {
  return error.failure == Failure::denied || error.failure == Failure::unauthorized ? Outcome::denied : Outcome::error;
}

ResponseHead api_head(int status, const Router::Target* target, std::string_view reason) {
  ResponseHead head(status, reason);
  head.add("Docker-Distribution-Api-Version", "registry/2.0");
  if (target && !target->ns.empty()) head.add("OCI-Namespace", target->ns);
  return head;
}

Task<Status> respond_error(Exchange& exchange, ErrorCode code, int status, std::string_view detail, const Router::Target* target,
                           std::string_view challenge) {
  auto head = api_head(status, target);
  if (!challenge.empty()) head.add("WWW-Authenticate", challenge);
  head.add("Content-Type", "application/json");
  if (status == 429 || status == 503) head.add("Retry-After", "1");
  if (status == 405) head.add("Allow", exchange.request().path == "/token" ? "GET, HEAD, POST" : "GET, HEAD");
  auto sent = co_await exchange.respond(std::move(head), error_body(code, detail));
  co_return sent;
}

std::string entity_tag(std::string_view digest_text) { return '"' + std::string(digest_text) + '"'; }

std::optional<std::string_view> range_header(const HttpRequest& request, std::string_view digest_text) {
  // A date is no name of bytes here: no Last-Modified is ever sent.
  if (const auto condition = request.header("If-Range"); condition && *condition != entity_tag(digest_text)) return std::nullopt;
  return request.header("Range");
}

bool none_match(const HttpRequest& request, std::string_view digest_text) {
  if (!request.header("If-None-Match")) return false;
  const auto list = request.header_list("If-None-Match");
  for (auto entry : split(list, ',')) {
    entry = trim(entry);
    if (entry.starts_with("W/")) entry.remove_prefix(2);
    if (entry == "*" || entry == entity_tag(digest_text)) return true;
  }
  return false;
}

}  // namespace weir
