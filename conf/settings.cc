#include "conf/settings.h"

#include <algorithm>

#include "base/spelling.h"
#include "base/text.h"

namespace weir {
namespace {

constexpr Milliseconds kZero{0};
constexpr Milliseconds kMinute{60'000};
constexpr Milliseconds kSome{1};  // a timeout of nothing would end everything at once

// What the configuration will hold one day. A word that comes into the tables below leaves this one (a test asks for it).
struct Planned {
  std::string_view section;
  std::string_view keys;  // empty: the section as a whole
};
constexpr Planned kPlanned[] = {
    {"upstream", "offline max-rate parallel-ranges"},
    {"registry", ""},
    {"sync", ""},
};

std::string_view family(std::string_view section) { return section.substr(0, section.find('.')); }

std::vector<ConfigKey> server_keys(HttpOptions& http) {
  return {
      {"listen", addresses_or_off(http.listen),
       "Where clients are served: ADDRESS:PORT, [IPV6]:PORT or *:PORT for every address of the machine; several words or several "
       "lines make several; `off` for nowhere but listen-tls."},
      {"listen-tls", addresses(http.listen_tls),
       "Where clients are served over TLS, with the certificates of tls-certificate; none by default."},
      {"tls-certificate", certificate_files(http.tls_certificates),
       "The PEM certificate that clients are shown, with those that lead from it to its root behind it; of several the one for "
       "the "
       "name they ask for, else the first; read at the start, on SIGHUP, and within two seconds of a change; none by default."},
      {"tls-key", key_files(http.tls_keys),
       "The PEM private key of each tls-certificate, in the same order, without a passphrase; none by default."},
      {"client-ca", certificate_file(http.client_ca),
       "PEM certificates of the authorities that sign clients' certificates: over TLS clients are asked for one, and one that is "
       "shown has to be theirs; none by default, and then nobody is asked."},
      {"public-url", url(http.public_url),
       "How clients reach this server, for what it tells them of itself; by default as their requests say that they did."},
      {"trusted-proxies", proxies(http.trusted_proxies),
       "Who may speak for others, as X-Forwarded-For, X-Forwarded-Proto and X-Forwarded-Host say, which nobody else is believed: "
       "networks and addresses, and `unix` for unix sockets; several words or several lines make several; none by default."},
      {"proxy-protocol", on_off(http.proxy_protocol),
       "Whether connections begin with a header of the PROXY protocol, version 2: those from trusted-proxies, or all where there "
       "are none; whoever sends none is cut off."},
      {"threads", count(http.threads, 0, 1024), "Event loops; 0 means one for each core."},
      {"max-connections", count(http.max_connections, 1, 10'000'000),
       "Client connections at once; one more is answered 503 and closed, over TLS only closed."},
      {"idle-timeout", duration(http.idle_timeout, kSome), "How long a connection may stay silent between two requests."},
      {"header-timeout", duration(http.header_timeout, kSome),
       "How long a client may take to send the head of a request, from its first byte to its last, and for its TLS handshake."},
      {"progress-timeout", duration(http.progress_timeout, kSome),
       "How long a body may stand still, without a single byte in either direction; a transfer that moves has no limit."},
      {"drain-timeout", duration(http.drain_timeout, kZero),
       "How long answers under way may go on after SIGTERM; what is left then is cut."},
      {"ports-file", file_name(http.ports_file),
       "A file that gets the addresses really in use, one `server HOST:PORT`, `server-tls HOST:PORT` or `admin HOST:PORT` a "
       "line, "
       "once they accept; none by default."},
  };
}

std::vector<ConfigKey> admin_keys(AdminOptions& admin) {
  return {
      {"listen", addresses_or_off(admin.listen),
       "Where health, metrics and the admin API are served over TCP; `off` for nowhere."},
      {"socket", file_name(admin.socket),
       "The socket through which commands on this machine ask the server; by default admin.sock in the cache directory."},
  };
}

std::vector<ConfigKey> cache_keys(CacheOptions& cache, FreshnessOptions& freshness) {
  return {
      {"directory", file_name(cache.directory), "Where everything that is cached is kept."},
      {"capacity", share(cache.capacity),
       "What the directory may take of the disk at most, downloads under way and the index included; a size, or a share of the "
       "file system. What is used least goes for what comes."},
      {"memory-budget", size(cache.memory_budget, 32 << 20),
       "What may be held in memory for clients that read slowly: lists, manifests on their way in, and blobs that pass by a disk "
       "that takes no bytes; when it is used up clients wait, or are told 503; at least 32MiB."},
      {"reserve", share(cache.reserve),
       "What stays free on the file system whoever fills it: blobs go when there is less; a size, or a share of the file "
       "system."},
      {"pin", patterns(cache.pins),
       "What is never evicted: repositories, tags or digests, where `*` stands for a part of a component and `**` for anything; "
       "several words or several lines make several; none by default."},
      {"keep-within", duration(cache.keep_within, kZero), "What was pulled within this time is not evicted either."},
      {"last-copies", share(cache.last_copies),
       "How much of what upstreams have no more is kept as if it were pinned; a size, or a share of the capacity."},
      {"tag-ttl", duration(freshness.tag_ttl, kZero),
       "How long a tag is answered without asking its upstream; 0 asks every time."},
      {"negative-ttl", duration(freshness.negative_ttl, kZero), "How long an upstream's \"not there\" is believed."},
      {"stale-if-error", duration(freshness.stale_if_error, kZero),
       "How long after its last confirmation a tag may be answered while its upstream fails; 0 means never."},
      {"resume-partial", on_off(cache.resume_partial),
       "Whether an interrupted download is kept and continued; off removes it, at the start and after every failure."},
      {"scrub-rate", rate(cache.scrub_rate),
       "How much a second is read from the disk to see whether it is still what was stored; 0 reads nothing by itself."},
      {"verify-age", duration_or_off(cache.verify_age),
       "A blob that was not hashed for this long is hashed again on its way to the next client, two at once, others at a later "
       "hit; 0 hashes every hit, `off` none."},
      {"sync", one_of<bool>(cache.durable, {{"durable", true}, {"fast", false}}),
       "`durable` announces a blob when it is safely on the disk; with `fast` a power cut may lose the latest blobs, but never "
       "tears one."},
  };
}

std::vector<ConfigKey> auth_keys(AuthOptions& auth) {
  return {
      {"mode",
       one_of<AuthMode>(auth.mode, {{"open", AuthMode::open}, {"optional", AuthMode::optional}, {"required", AuthMode::required}}),
       "Who is served: with `open` anybody, and nobody is asked; with `optional` anybody, and who has a token is known by it; "
       "with "
       "`required` who has one."},
      {"realm", url(auth.realm),
       "The URL where clients get their tokens; by default /token at the public-url of [server], or else where their request "
       "came "
       "to."},
      {"service", plain_text(auth.service), "What tokens are for, as they and the challenge say."},
      {"token-ttl", duration(auth.token_ttl, kMinute), "How long a token is good; a minute at least."},
      {"key-file", file_name(auth.key_file),
       "The PEM private keys that sign tokens, of P-256, the one in use first; made when it is not there; by default "
       "token-keys.pem in the cache directory."},
      {"users-file", readable_file(auth.users_file),
       "The users who may ask for tokens with a password, in the form of htpasswd, with bcrypt or yescrypt; read at the start "
       "and "
       "on SIGHUP; none by default."},
      {"anonymous", identity_or_off(auth.anonymous),
       "Whom those are taken for who say nothing, or nothing that is known here; `off`: they get no token; by default "
       "`anonymous`, "
       "and `off` where tokens are required."},
      {"trust-client-certificates",
       one_of<std::optional<CertificateName>>(auth.trust_client_certificates, {{"off", std::nullopt},
                                                                               {"CN", CertificateName::common_name},
                                                                               {"URI", CertificateName::uri},
                                                                               {"DNS", CertificateName::dns}}),
       "Which name in the certificate that a client has shown over TLS says who it is: `CN` of the subject, or `URI` or `DNS` of "
       "the alternative names; with `off` none; needs the client-ca of [server]."},
      {"oidc-issuer", plain_text(auth.oidc_issuer),
       "An OpenID Connect issuer, as its tokens name it, whose tokens are taken as passwords; none by default."},
      {"oidc-audience", plain_text(auth.oidc_audience), "What such a token must be for, among other things; none by default."},
      {"oidc-jwks", file_or_url(auth.oidc_jwks),
       "The keys of that issuer, as a JSON Web Key Set: a file, or a URL that is asked when it is needed; none by default."},
      {"oidc-ca-file", certificate_file(auth.oidc_ca_file),
       "PEM certificates to trust at that URL; by default those of the system."},
      {"oidc-claim", plain_text(auth.oidc_claim), "The claim of such a token that says who it is."},
  };
}

std::vector<ConfigKey> policy_keys(PolicyOptions& policy) {
  return {
      {"file", file_name(policy.file),
       "The rules that say who may what, read at the start, on SIGHUP and by `weir policy reload`; none by default, and then "
       "everything may be pulled."},
      {"default", one_of<bool>(policy.default_allow, {{"allow", true}, {"deny", false}}),
       "What is done with a pull or a list that no rule speaks of: `allow` or `deny`; a push or a delete needs a rule."},
      {"mode", one_of<bool>(policy.enforce, {{"enforce", true}, {"audit", false}}),
       "`enforce` refuses what is denied; `audit` logs and counts it, and lets it through."},
  };
}

std::vector<ConfigKey> meter_keys(MeterOptions& meter) {
  return {
      {"flush-interval", duration(meter.flush_interval, Milliseconds(100)),
       "How often what was counted is written to the ledger; a power cut loses up to so much, a kill nothing."},
      {"retention", duration(meter.retention, std::chrono::hours(48)),
       "How long usage is known by the hour; by the day it is known ten times as long, by the month for good."},
      {"max-series", count(meter.max_series, 100, 10'000'000),
       "Combinations of identity, repository, upstream and outcome that are told apart in an hour; what is beyond is counted as "
       "`other`."},
  };
}

// A word that can name a team or a budget.
bool valid_word(std::string_view text) {
  return !text.empty() && text.size() <= kMostTeamBytes && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
  });
}

template <typename T>
T* named(std::vector<T>& all, std::string_view name) {
  const auto found = std::find_if(all.begin(), all.end(), [&](const T& one) { return one.name == name; });
  return found == all.end() ? nullptr : &*found;
}

std::optional<ConfigKey> team_key(MeterOptions& meter, const std::string& key) {
  const auto name = key.substr(key.find('.') + 1);
  if (!valid_word(name) || name == kNoTeam || name == kOther) return std::nullopt;
  ConfigValue value;
  value.type = "PATTERN";
  value.repeatable = true;
  value.read = [&meter, name](std::string_view text, bool again) -> Status {
    auto* team = named(meter.teams, name);
    if (!team) team = &meter.teams.emplace_back(TeamOptions{name, {}});
    if (!again) team->patterns.clear();
    for (const auto word : words(text)) team->patterns.emplace_back(word);
    return ok_status();
  };
  value.show = [&meter, name] {
    const auto* team = named(meter.teams, name);
    return team ? joined(team->patterns, " ") : std::string();
  };
  return ConfigKey{
      key, std::move(value),
      "Whose usage is counted for the team of that name: identities, where `*` stands for a part between slashes and `**` "
      "for anything; the first team that matches has it; none by default."};
}

std::optional<ConfigKey> budget_key(MeterOptions& meter, const std::string& key) {
  const auto name = key.substr(key.find('.') + 1);
  if (!valid_word(name)) return std::nullopt;
  ConfigValue value;
  value.type = "WHAT, PERIOD, SOFT, HARD";
  value.read = [&meter, name](std::string_view text, bool) -> Status {
    auto budget = BudgetOptions::parse(name, text);
    if (!budget) return std::move(budget).error();
    if (auto* known = named(meter.budgets, name)) *known = *std::move(budget);
    else meter.budgets.push_back(*std::move(budget));
    return ok_status();
  };
  value.show = [&meter, name] {
    const auto* budget = named(meter.budgets, name);
    return budget ? budget->text() : std::string();
  };
  return ConfigKey{
      key, std::move(value),
      "What `team NAME` or `upstream NAME` may fetch in a `day` or a `month`, as bytes or as money: from the soft limit on "
      "answers carry a warning, from the hard one on misses are refused with 429, hits never; `-` is no limit; none by "
      "default."};
}

std::vector<KeyFamily> meter_families(MeterOptions& meter) {
  return {{"team.", "ml", [&meter](const std::string& key) { return team_key(meter, key); }},
          {"budget.", "ml", [&meter](const std::string& key) { return budget_key(meter, key); }}};
}

std::vector<ConfigKey> price_keys(PriceOptions& price) {
  return {
      {"currency", currency(price.currency), "What prices are in: a code of ISO 4217, such as USD, EUR or JPY."},
      {"file", file_name(price.file),
       "What upstreams and storage cost, read at the start and on SIGHUP; none by default, and nothing has a price."},
  };
}

std::vector<ConfigKey> log_keys(Options& options) {
  return {
      {"format", one_of<bool>(options.log.json, {{"json", true}, {"text", false}}),
       "How a line of the log is written: `json` or `text`."},
      {"level",
       one_of<LogLevel>(
           options.log.level,
           {{"debug", LogLevel::debug}, {"info", LogLevel::info}, {"warning", LogLevel::warning}, {"error", LogLevel::error}}),
       "The least important lines to write: `debug`, `info`, `warning` or `error`."},
      {"access", on_off(options.access_log), "Whether every request that was answered gets a line."},
  };
}

}  // namespace

std::vector<FixedSection> fixed_sections(Options& options) {
  return {
      {"server", server_keys(options.http)},
      {"admin", admin_keys(options.admin)},
      {"cache", cache_keys(options.cache, options.freshness)},
      {"auth", auth_keys(options.auth)},
      {"policy", policy_keys(options.policy)},
      {"meter", meter_keys(options.meter), meter_families(options.meter)},
      {"price", price_keys(options.price)},
      {"log", log_keys(options)},
  };
}

std::vector<ConfigKey> upstream_keys(UpstreamOptions& upstream) {
  return {
      {"url", urls(upstream.urls),
       "Where the registry is: http:// or https://, a host, maybe a port and a path; of several the next is asked where one does "
       "not answer, or with 429 or 5xx."},
      {"namespaces", namespaces(upstream.namespaces),
       "What `?ns=`, the first part of a path or the Host header say when they mean it, the canonical name first; by default the "
       "name of the section."},
      {"default", on_off(upstream.is_default),
       "Whether it takes the requests that name no namespace, off by default; one upstream at most may."},
      {"auth",
       one_of<UpstreamAuth>(upstream.auth, {{"anonymous", UpstreamAuth::anonymous},
                                            {"basic", UpstreamAuth::basic},
                                            {"bearer", UpstreamAuth::bearer},
                                            {"ecr", UpstreamAuth::ecr}}),
       "How it is told who asks: `anonymous`, `basic` (user and password with every request), `bearer` (user and password for "
       "its token realm) or `ecr` (Amazon ECR, with AWS credentials found as Amazon's tools find them)."},
      {"username", plain_text(upstream.username), "The user it knows this site as; none by default."},
      {"password-file", password_file(upstream.password_file, upstream.password),
       "A file whose first line is that user's password, read at the start and on SIGHUP; or `credential:NAME` for a credential "
       "that systemd hands over, or `env:NAME` for a variable of the environment; none by default."},
      {"visibility",
       one_of<Visibility>(upstream.visibility,
                          {{"public", Visibility::everybody}, {"shared", Visibility::shared}, {"client", Visibility::client}}),
       "Who may see what was fetched from it: `public` (everybody), `shared` (all whom this site lets in, though it was fetched "
       "with "
       "this site's credentials) or `client` (callers whose own credentials it takes for that repository)."},
      {"region", aws_region(upstream.region),
       "With auth = ecr the AWS region whose API gives its tokens; by default what the name of its host says."},
      {"ecr-endpoint", url(upstream.ecr_endpoint),
       "With auth = ecr the URL of the ECR API, where it is not the region's own; none by default."},
      {"sts-endpoint", url(upstream.sts_endpoint),
       "With auth = ecr the URL of the service that gives roles (STS), where it is not the region's own; none by default."},
      {"proxy", url(upstream.proxy), "The proxy to reach it through: http:// or https://; none by default."},
      {"ca-file", certificate_file(upstream.ca_file),
       "PEM certificates to trust for it, and for its proxy; by default those of the system."},
      {"tls-certificate", certificate_file(upstream.tls_certificate),
       "The PEM certificate it is shown when it asks for one, with tls-key; none by default."},
      {"tls-key", key_file(upstream.tls_key), "The PEM private key of that certificate; none by default."},
      {"token-realms", hosts(upstream.token_realms),
       "Hosts besides its own that it may send us to for tokens, and that may have private addresses, for redirects as well; "
       "none by default, but Docker Hub's own at Docker Hub."},
      {"tag-ttl", duration(upstream.tag_ttl, kZero),
       "How long its tags are answered without asking it; by default the tag-ttl of [cache]."},
      {"allowance-floor", count(upstream.allowance_floor, 0, 100),
       "With less than so many percent left of what its ratelimit headers grant, its tags are believed for as long as these "
       "count, "
       "such as six hours at Docker Hub; 0 means never longer."},
      {"max-concurrency", count(upstream.max_concurrency, 1, 100'000),
       "Transfers from it at once, a quarter of them for small requests and the rest for blobs; more wait, for twenty seconds at "
       "most."},
      {"connect-timeout", duration(upstream.connect_timeout, kSome), "How long connecting to it may take."},
      {"first-byte-timeout", duration(upstream.first_byte_timeout, kSome), "How long it may think before it begins to answer."},
      {"stall-timeout", duration(upstream.stall_timeout, kSome),
       "How long a download may go without a byte; a whole download has no limit."},
  };
}

bool planned_section(std::string_view section) {
  return std::any_of(std::begin(kPlanned), std::end(kPlanned),
                     [&](const Planned& planned) { return planned.keys.empty() && planned.section == family(section); });
}

bool planned_key(std::string_view section, std::string_view key) {
  for (const auto& planned : kPlanned) {
    if (planned.section != family(section)) continue;
    const auto keys = words(planned.keys);
    if (std::find(keys.begin(), keys.end(), key) != keys.end()) return true;
  }
  return false;
}

}  // namespace weir
