#pragma once
// How results become HTTP: the one place where an Error gets its status, and the headers every answer carries.

#include <optional>
#include <string>
#include <string_view>

#include "meter/outcome.h"
#include "oci/errors.h"
#include "proxy/http/exchange.h"
#include "proxy/upstream/router.h"

namespace weir {

// What was asked for; decides which of the distribution's codes "not there" is.
enum class Subject { manifest, blob, repository };

struct ErrorAnswer {
  ErrorCode code;
  int status;
};
ErrorAnswer error_answer(const Error& error, Subject subject);

// The outcome an error counts as: a refusal is `denied`, all else `error`.
Outcome error_outcome(const Error& error);

// Docker-Distribution-Api-Version, and OCI-Namespace where `?ns=` decided.
ResponseHead api_head(int status, const Router::Target* target = nullptr, std::string_view reason = {});

// `challenge` is what a 401 says in WWW-Authenticate.
Task<Status> respond_error(Exchange& exchange, ErrorCode code, int status, std::string_view detail,
                           const Router::Target* target = nullptr, std::string_view challenge = {});

// If-None-Match against a digest's entity tag (RFC 9110 13.1.2).
bool none_match(const HttpRequest& request, std::string_view digest_text);
// The Range header, unless an If-Range names other bytes than these (RFC 9110 13.1.5).
std::optional<std::string_view> range_header(const HttpRequest& request, std::string_view digest_text);
std::string entity_tag(std::string_view digest_text);

}  // namespace weir
