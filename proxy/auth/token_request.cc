#include "proxy/auth/token_request.h"

#include <algorithm>
#include <iterator>
#include <optional>

#include "base/text.h"

namespace weir {
namespace {

Error bad_request(std::string what) { return Error{Failure::invalid, Side::client, false, std::move(what)}; }

// `a+b` is `a b` in forms, and in the queries that forms make.
std::optional<std::string> form_decode(std::string_view text) {
  std::string spaced(text);
  std::replace(spaced.begin(), spaced.end(), '+', ' ');
  return percent_decode(spaced);
}

// Where the value of each parameter goes; the one named `scope` may be there any number of times.
struct Parameter {
  std::string_view name;
  std::string* into;
};

Status read_parameters(std::string_view text, std::initializer_list<Parameter> parameters, std::vector<Scope>& scopes) {
  std::vector<std::string_view> seen;
  for (const auto pair : split(text, '&')) {
    const auto equals = pair.find('=');
    const auto name = form_decode(pair.substr(0, equals));
    auto value = form_decode(equals == std::string_view::npos ? std::string_view() : pair.substr(equals + 1));
    if (!name || !value) return bad_request("a '%' is not followed by two hex digits");
    if (*name == "scope") {
      auto more = parse_scopes(*value);
      if (!more) return std::move(more).error();
      if (scopes.size() + more->size() > kMostScopes)
        return Error{Failure::too_large, Side::client, false, "more than 32 scopes"};
      std::move(more->begin(), more->end(), std::back_inserter(scopes));
      continue;
    }
    const auto known = std::find_if(parameters.begin(), parameters.end(), [&](const auto& each) { return each.name == *name; });
    if (known == parameters.end()) continue;
    if (std::find(seen.begin(), seen.end(), known->name) != seen.end())
      return bad_request("the parameter " + std::string(known->name) + " is there twice");
    seen.push_back(known->name);
    *known->into = *std::move(value);
  }
  return ok_status();
}

}  // namespace

Result<TokenRequest> parse_token_query(std::string_view query) {
  TokenRequest request;
  std::string offline;
  if (auto status = read_parameters(query, {{"service", &request.service}, {"offline_token", &offline}}, request.scopes); !status)
    return std::move(status).error();
  request.offline = offline == "true" || offline == "1";
  return request;
}

Result<TokenRequest> parse_token_form(std::string_view form) {
  TokenRequest request;
  std::string grant_type, access_type;
  if (form.size() > TokenRequest::kMostFormBytes)
    return Error{Failure::too_large, Side::client, false, "a form of more than 64 KiB"};
  const auto status = read_parameters(form,
                                      {{"grant_type", &grant_type},
                                       {"service", &request.service},
                                       {"access_type", &access_type},
                                       {"username", &request.username},
                                       {"password", &request.password},
                                       {"refresh_token", &request.refresh_token}},
                                      request.scopes);
  if (!status) return status.error();
  request.offline = access_type == "offline";
  if (grant_type != "password" && grant_type != "refresh_token")
    return Error{Failure::unsupported, Side::client, false, "grant_type is password or refresh_token"};
  request.proof = grant_type == "password" ? TokenRequest::Proof::password : TokenRequest::Proof::refresh_token;
  return request;
}

}  // namespace weir
