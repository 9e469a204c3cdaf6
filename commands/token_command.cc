#include "commands/token_command.h"

#include <cstdio>

#include "base/json.h"
#include "base/text.h"
#include "cache/layout.h"
#include "commands/command_tools.h"
#include "proxy/auth/identity.h"
#include "proxy/auth/scope.h"
#include "proxy/auth/tokens.h"

namespace weir {
namespace {

constexpr Milliseconds kMostLife = std::chrono::hours(24 * 366);

int usage(const std::string& what) {
  std::fprintf(stderr, "weir: %s\n", what.c_str());
  return 2;
}

std::string key_file_of(const Options& options) {
  return options.auth.key_file.empty() ? Layout(options.cache.directory).token_keys() : options.auth.key_file;
}

int issue(const Invocation& invocation, const Options& options, const SystemClock& clock) {
  const auto subject = invocation.value("subject").value_or("");
  if (!valid_identity(subject)) return usage("--subject is a name in one word");
  auto life = options.auth.token_ttl;
  if (const auto text = invocation.value("ttl")) {
    const auto given = parse_duration(*text);
    if (!given || *given < Seconds(1) || *given > kMostLife) return usage("--ttl is a duration from 1s to a year, such as 15m");
    life = *given;
  }
  std::vector<Access> access;
  for (const auto& text : invocation.values("scope")) {
    auto scopes = parse_scopes(text);
    if (!scopes) return usage("--scope: " + scopes.error().what);
    for (auto& scope : *scopes) access.push_back({std::move(scope.type), std::move(scope.name), std::move(scope.actions)});
  }
  auto keys = KeyRing::read_or_make(key_file_of(options));
  if (!keys) return complain(keys.error());
  const Tokens tokens(options.auth.service, options.auth.token_ttl, *std::move(keys));
  const auto seconds = std::chrono::duration_cast<Seconds>(life);
  const auto token = tokens.issue(subject, std::move(access), clock.wall_seconds(), seconds);
  if (invocation.value("format") != "json") {
    print(token + '\n');
    return 0;
  }
  JsonWriter json;
  json.object().member("token", token).member("expires_in", std::int64_t{seconds.count()});
  print(json.end().take() + '\n');
  return 0;
}

// The token of the command line, or of standard input, where nobody sees it in a list of processes.
std::string token_to_inspect(const Invocation& invocation) {
  const auto given = invocation.positionals.empty() ? std::string("-") : invocation.positionals[0];
  if (given != "-") return given;
  std::string text(Jwt::kMostBytes + 2, '\0');
  text.resize(std::fread(text.data(), 1, text.size(), stdin));
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r' || text.back() == ' ')) text.pop_back();
  return text;
}

int inspect(const Invocation& invocation, const Options& options, const SystemClock& clock) {
  const auto token = token_to_inspect(invocation);
  const auto jwt = parse_jwt(token);
  if (!jwt) return complain(jwt.error());
  auto keys = KeyRing::read(key_file_of(options));
  if (!keys) return complain(keys.error());
  const Tokens tokens(options.auth.service, options.auth.token_ttl, *std::move(keys));
  const auto grant = tokens.verify(token, clock.wall_seconds());
  const std::string verdict = grant ? "good" : grant.error().what;
  const auto& claims = jwt->claims;
  if (invocation.value("format") == "json") {
    JsonWriter json;
    json.object().member("good", grant.ok()).member("verdict", verdict);
    json.member("alg", signature_algorithm_name(jwt->algorithm)).member("kid", jwt->kid).key("claims").value(jwt->payload);
    print(json.end().take() + '\n');
    return grant ? 0 : 1;
  }
  const auto line = [](const char* name, std::string value) {
    for (char& c : value) c = static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? '?' : c;  // it goes to a terminal
    std::printf("%-10s %s\n", name, value.c_str());
  };
  const auto time = [&](const char* name, const std::optional<WallSeconds>& seconds) {
    if (seconds) line(name, rfc3339(*seconds * 1000));
  };
  line("verdict", verdict);
  line("subject", claims.sub);
  line("issuer", claims.iss);
  for (const auto& audience : claims.aud) line("audience", audience);
  time("issued", claims.iat);
  time("from", claims.nbf);
  time("until", claims.exp);
  line("key", jwt->kid);
  for (const auto& access : claims.access) line("access", Scope{access.type, "", access.name, access.actions}.text());
  return grant ? 0 : 1;
}

int rotate(const Options& options) {
  const auto file = key_file_of(options);
  if (auto status = KeyRing::rotate(file); !status) return complain(status.error());
  std::printf("%s begins with a new key; a running server reads it on SIGHUP\n", file.c_str());
  return 0;
}

}  // namespace

std::vector<Command> token_commands() {
  auto common = config_flags();
  common.push_back(format_flag());
  std::vector<Flag> issuing = {
      {"subject", "NAME", "Whom it names.", false, "", true},
      {"scope", "SCOPE", "What it is for, such as repository:library/alpine:pull; may be repeated.", true, ""},
      {"ttl", "DURATION", "How long it is good; by default the token-ttl of [auth].", false, ""},
  };
  issuing.insert(issuing.end(), common.begin(), common.end());
  return {{"token issue", "make a token from the key file", issuing, {}},
          {"token inspect",
           "say what a token says, and whether it is good",
           common,
           {{"TOKEN", "without it, from standard input", false}}},
          {"token rotate", "put a new key in front of the key file; the one before it still verifies", config_flags(), {}}};
}

int token_command(const Invocation& invocation, const Options& given) {
  const SystemClock clock;
  const auto owned = given.auth.key_file.empty() ? act_as_owner(given) : Result<Options>(given);
  if (!owned) return complain(owned.error());
  const Options& options = *owned;
  if (invocation.command == "token issue") return issue(invocation, options, clock);
  if (invocation.command == "token inspect") return inspect(invocation, options, clock);
  return rotate(options);
}

}  // namespace weir
