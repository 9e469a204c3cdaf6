#include "conf/config.h"

#include <algorithm>
#include <map>
#include <memory>

#include "base/file_system.h"
#include "base/spelling.h"
#include "base/text.h"
#include "conf/address.h"
#include "conf/ini.h"
#include "conf/section.h"
#include "conf/settings.h"
#include "oci/ecr_host.h"
#include "oci/name.h"

namespace weir {
namespace {

constexpr std::size_t kMostFileBytes = 1 << 20;
constexpr std::string_view kUpstream = "upstream.";

bool names_upstream(std::string_view section) { return section.starts_with(kUpstream) && section != kUpstream; }

// `weir-cache` as the name of a Kubernetes service puts WEIR_CACHE_PORT and its like into the environment of every pod.
bool is_service_link(std::string_view key) {
  return key == "PORT" || key.starts_with("SERVICE_HOST") || key.starts_with("SERVICE_PORT") ||
         (key.starts_with("PORT_") && key.size() > 5 && key[5] >= '0' && key[5] <= '9');
}

struct Upstream {
  Upstream(const std::string& name, Place place) : section(name, std::move(place), upstream_keys(options)) {
    options.name = name.substr(kUpstream.size());
  }

  UpstreamOptions options;  // what the section fills
  ConfigSection section;
};

std::string variable_name(std::string_view section, std::string_view key) {
  std::string name = "WEIR_" + std::string(section) + '_' + std::string(key);
  for (char& c : name) c = c == '-' ? '_' : c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
  return name;
}

class Loader {
 public:
  Loader() {
    for (auto& [name, keys, families] : fixed_sections(options_))
      fixed_.push_back(std::make_unique<ConfigSection>(name, Place{}, std::move(keys), std::move(families)));
  }

  void read_file(const std::string& path);
  void read_variable(const std::string& variable);
  void read_set(const std::string& set);
  void check_server();
  void check_auth();
  void check_upstreams();
  void check_policy();
  void check_meter();
  void check_prices();
  std::variant<LoadedConfig, std::vector<ConfigError>> finish();

 private:
  void mistake(const Place& place, std::string what) {
    mistakes_.emplace(std::pair(place.layer, place.order), ConfigError{place.name, std::move(what)});
  }
  void assign(ConfigSection& section, const std::string& key, std::string_view text, const Place& place) {
    if (auto wrong = section.assign(key, std::string(trim(text)), place)) mistake(place, std::move(*wrong));
  }
  ConfigSection* find(const std::string& name) const;
  ConfigSection* find_family(const std::string& name);
  ConfigSection* begin_in_file(const std::string& name, const Place& place);
  void set_new_upstream(const std::string& name, const std::string& key, std::string_view text, const Place& place);
  std::string unknown_section(const std::string& name) const;
  void check_ecr(const Upstream& upstream);
  void check_namespaces(Upstream& upstream, std::map<std::string, const ConfigSection*>& owners);

  Options options_;  // without the upstreams until finish()
  std::vector<std::unique_ptr<ConfigSection>> fixed_;
  std::vector<std::unique_ptr<Upstream>> upstreams_;
  std::multimap<std::pair<Layer, unsigned>, ConfigError> mistakes_;
  unsigned variables_ = 0;  // that concern the configuration, so far
  unsigned sets_ = 0;
};

ConfigSection* Loader::find(const std::string& name) const {
  for (const auto& section : fixed_) {
    if (section->name() == name) return section.get();
  }
  for (const auto& upstream : upstreams_) {
    if (upstream->section.name() == name) return &upstream->section;
  }
  return nullptr;
}

std::string Loader::unknown_section(const std::string& name) const {
  if (planned_section(name)) return "[" + name + "] is not offered by this version";
  if (name == "upstream" || name == kUpstream) return "an upstream is written [upstream.NAME], such as [upstream.docker.io]";
  std::vector<std::string> known;
  for (const auto& section : fixed_) known.push_back(section->name());
  known.push_back("upstream.NAME");
  // An upstream's own name is anything; only the word before it can be misspelt.
  const auto dot = name.find('.');
  if (dot != std::string::npos && nearest_word(name.substr(0, dot), {"upstream"})) known = {"upstream" + name.substr(dot)};
  return "unknown section " + quoted(name) + suggestion(name, known);
}

ConfigSection* Loader::begin_in_file(const std::string& name, const Place& place) {
  ConfigSection* section = find(name);
  if (section && section->place().layer == Layer::file) {
    mistake(place, "[" + name + "] begins twice, at lines " + std::to_string(section->place().order) + " and " +
                       std::to_string(place.order));
  } else if (section) {
    section->begin_at(place);
  } else if (names_upstream(name)) {
    section = &upstreams_.emplace_back(std::make_unique<Upstream>(name, place))->section;
  } else {
    mistake(place, unknown_section(name));
  }
  return section;
}

void Loader::read_file(const std::string& path) {
  const auto text = read_small_file(path, kMostFileBytes);
  if (!text) return mistake({Layer::file, 0, path}, text.error().what);
  ConfigSection* section = nullptr;  // none below a section that is not known: its keys are not judged
  for (const auto& line : scan_ini(*text)) {
    const Place place{Layer::file, line.number, path + ':' + std::to_string(line.number)};
    if (line.kind == IniLine::Kind::mistake) mistake(place, line.value);
    else if (line.kind == IniLine::Kind::section) section = begin_in_file(line.name, place);
    else if (section) assign(*section, line.name, line.value, place);
  }
}

void Loader::read_variable(const std::string& variable) {
  const auto equals = variable.find('=');
  if (equals == std::string::npos) return;
  const auto name = variable.substr(0, equals);
  for (const auto& section : fixed_) {
    const auto prefix = variable_name(section->name(), "");
    if (!name.starts_with(prefix)) continue;
    const Place place{Layer::environment, ++variables_, name};
    auto key = to_lower(std::string_view(name).substr(prefix.size()));
    std::replace(key.begin(), key.end(), '_', '-');
    if (!section->knows(key) && is_service_link(std::string_view(name).substr(prefix.size()))) return;
    if (variable_name(section->name(), key) != name)
      mistake(place, "a variable is written in capitals, with _ for -: " + variable_name(section->name(), key));
    else assign(*section, key, std::string_view(variable).substr(equals + 1), place);
  }
}

// The section of `meter.team.ml`, where what follows the first dot is a key of a family.
ConfigSection* Loader::find_family(const std::string& name) {
  const auto dot = name.find('.');
  for (const auto& section : fixed_) {
    if (section->name() != name.substr(0, dot)) continue;
    const auto key = name.substr(dot + 1);
    return section->knows(key) || section->admit(key) ? section.get() : nullptr;
  }
  return nullptr;
}

// A misspelt key does not bring an upstream into being.
void Loader::set_new_upstream(const std::string& name, const std::string& key, std::string_view text, const Place& place) {
  auto upstream = std::make_unique<Upstream>(name, place);
  if (!upstream->section.knows(key)) return mistake(place, upstream->section.unknown(key));
  assign(upstream->section, key, text, place);
  upstreams_.push_back(std::move(upstream));
}

void Loader::read_set(const std::string& set) {
  const auto equals = set.find('=');
  const std::string name(trim(std::string_view(set).substr(0, equals)));
  const auto dot = name.rfind('.');
  Place place{Layer::command_line, ++sets_, "--set"};
  if (equals == std::string::npos || dot == std::string::npos || dot == 0 || dot + 1 == name.size()) {
    return mistake(place, quoted(name) + " is not written section.key=value");
  }
  place.name += ' ' + name;
  const auto section_name = name.substr(0, dot), key = name.substr(dot + 1);
  const auto text = std::string_view(set).substr(equals + 1);
  if (ConfigSection* section = find(section_name)) assign(*section, key, text, place);
  else if (ConfigSection* named = find_family(name)) assign(*named, name.substr(named->name().size() + 1), text, place);
  else if (names_upstream(section_name)) set_new_upstream(section_name, key, text, place);
  else mistake(place, unknown_section(section_name));
}

// Certificates and their keys are judged in pairs; what they hold goes into the options.
void Loader::check_server() {
  const ConfigSection& section = *find("server");
  HttpOptions& http = options_.http;
  const auto certificates = http.tls_certificates.size(), keys = http.tls_keys.size();
  if (http.listen.empty() && !section.has("listen-tls"))
    mistake(section.place_of("listen"), "[server] has listen = off and no listen-tls");
  if (!section.is_sound("tls-certificate") || !section.is_sound("tls-key")) return;
  if (certificates != keys) {
    const bool more_keys = keys > certificates;
    const auto& odd = more_keys ? section.place_of("tls-key", certificates) : section.place_of("tls-certificate", keys);
    mistake(odd, "[server] has " + std::to_string(certificates) + " in tls-certificate and " + std::to_string(keys) +
                     " in tls-key; they make pairs, in their order");
  } else if (certificates == 0 && !http.listen_tls.empty()) {
    mistake(section.place_of("listen-tls"), "[server] has listen-tls and no tls-certificate");
  }
  if (certificates == 0 && !http.client_ca.empty())
    mistake(section.place_of("client-ca"), "[server] has client-ca and no tls-certificate");
  if (!http.client_ca.empty()) {
    if (auto authorities = read_small_file(http.client_ca, kMostAuthoritiesBytes))
      http.client_authorities = *std::move(authorities);
    else mistake(section.place_of("client-ca"), "[server] " + authorities.error().what);
  }
  for (std::size_t i = 0; i < std::min(certificates, keys); ++i) {
    auto loaded = CertifiedKey::load(http.tls_certificates[i], http.tls_keys[i]);
    if (!loaded) mistake(section.place_of("tls-key", i), "[server] " + loaded.error().what);
    else http.certified_keys.push_back(*std::move(loaded));
  }
}

// What only makes sense together.
void Loader::check_auth() {
  const ConfigSection& section = *find("auth");
  if (options_.auth.mode == AuthMode::optional && options_.auth.anonymous == "off")
    mistake(section.place_of("anonymous"), "[auth] has anonymous = off and mode = optional, which serves who is nobody");
  if (options_.auth.trust_client_certificates && !find("server")->has("client-ca"))
    mistake(section.place_of("trust-client-certificates"), "[auth] has trust-client-certificates, and [server] no client-ca");
  const bool issuer = section.has("oidc-issuer");
  for (const char* key : {"oidc-audience", "oidc-jwks"}) {
    if (issuer && !section.has(key))
      mistake(section.place_of("oidc-issuer"), std::string("[auth] has an oidc-issuer and no ") + key);
  }
  for (const char* key : {"oidc-audience", "oidc-jwks", "oidc-ca-file"}) {
    if (!issuer && section.has(key)) mistake(section.place_of(key), std::string("[auth] has ") + key + " and no oidc-issuer");
  }
}

void Loader::check_namespaces(Upstream& upstream, std::map<std::string, const ConfigSection*>& owners) {
  const ConfigSection& section = upstream.section;
  if (!section.has("namespaces")) upstream.options.namespaces = {upstream.options.name};
  for (const auto& name : upstream.options.namespaces) {
    const auto [owner, first] = owners.emplace(name, &section);
    if (first) continue;
    mistake(section.place_of("namespaces"), "namespace " + quoted(name) + " of [" + section.name() + "] belongs to [" +
                                                owner->second->name() + "] already (" +
                                                owner->second->place_of("namespaces").name + ")");
  }
}

// Whose region it is must be known before the first token is wanted; one token serves all its URLs.
void Loader::check_ecr(const Upstream& upstream) {
  const ConfigSection& section = upstream.section;
  const UpstreamOptions& options = upstream.options;
  const auto title = '[' + section.name() + ']';
  if (options.auth != UpstreamAuth::ecr || !section.is_sound("url") || !section.is_sound("region")) return;
  std::optional<EcrHost> first;
  for (std::size_t i = 0; i < options.urls.size(); ++i) {
    const auto host = EcrHost::parse(host_of_url(options.urls[i]));
    const auto region = host ? host->region : options.region;
    if (region.empty()) {
      mistake(section.place_of("url", i),
              title + " has auth = ecr and no region, which " + quoted(options.urls[i]) + " does not say either");
    } else if (first && host && (host->is_public != first->is_public || (options.region.empty() && host->region != first->region))) {
      mistake(section.place_of("url", i), title + " has URLs in several regions, and one token for all");
    }
    if (host && !first) first = host;
  }
}

void Loader::check_upstreams() {
  std::map<std::string, const ConfigSection*> owners;
  const ConfigSection* chosen = nullptr;
  for (const auto& upstream : upstreams_) {
    const ConfigSection& section = upstream->section;
    if (!valid_namespace(upstream->options.name)) {
      mistake(section.place(),
              quoted(upstream->options.name) + " cannot name an upstream: a host or a word in lower case, such as docker.io");
    }
    if (!section.has("url")) mistake(section.place(), "[" + section.name() + "] has no url");
    for (const auto& [one, other] : {std::pair("tls-certificate", "tls-key"), std::pair("tls-key", "tls-certificate")}) {
      if (section.has(one) && !section.has(other))
        mistake(section.place_of(one), "[" + section.name() + "] has a " + one + " and no " + other);
    }
    check_ecr(*upstream);
    // A client has one Authorization header, for us or for the upstream.
    if (upstream->options.visibility == Visibility::client && options_.auth.mode != AuthMode::open) {
      mistake(section.place_of("visibility"),
              "[" + section.name() +
                  "] has visibility = client, whose callers show what the upstream knows; that needs [auth] mode = open");
    }
    check_namespaces(*upstream, owners);
    if (!upstream->options.is_default) continue;
    if (chosen) {
      mistake(section.place_of("default"), "[" + section.name() + "] cannot be the default: [" + chosen->name() +
                                               "] is already (" + chosen->place_of("default").name + ")");
    } else {
      chosen = &section;
    }
  }
}

void Loader::check_policy() {
  if (!options_.policy.default_allow && options_.policy.file.empty())
    mistake(find("policy")->place_of("default"), "[policy] has default = deny and no file, without which all is allowed");
}

// Budgets are of teams, upstreams and the currency that there are.
void Loader::check_meter() {
  const ConfigSection& section = *find("meter");
  for (const auto& budget : options_.meter.budgets) {
    const auto wrong = [&](std::string what) {
      mistake(section.place_of("budget." + budget.name), "[meter] budget." + budget.name + ": " + std::move(what));
    };
    if (budget.of == BudgetOptions::Of::team) {
      std::vector<std::string> teams{std::string(kNoTeam)};
      for (const auto& team : options_.meter.teams) teams.push_back(team.name);
      if (std::find(teams.begin(), teams.end(), budget.who) == teams.end())
        wrong("there is no team." + budget.who + suggestion(budget.who, teams));
    } else if (!find(std::string(kUpstream) + budget.who)) {
      wrong("there is no [upstream." + budget.who + "]");
    }
    if (!budget.currency.empty() && budget.currency != options_.price.currency)
      wrong("its limits are in " + budget.currency + ", and prices in " + options_.price.currency);
  }
}

void Loader::check_prices() {
  const auto& file = options_.price.file;
  if (file.empty()) return;
  const Place& place = find("price")->place_of("file");
  const auto text = read_small_file(file, Prices::kMostBytes);
  if (!text) return mistake(place, "[price] file: " + text.error().what);
  auto outcome = Prices::parse(*text);
  if (auto* errors = std::get_if<std::vector<PriceError>>(&outcome)) {
    for (auto& error : *errors) {
      Place there = place;
      there.name = file + ':' + std::to_string(error.line) + ':' + std::to_string(error.column);
      mistake(there, std::move(error.what));
    }
    return;
  }
  options_.price.prices = std::make_shared<const Prices>(std::get<Prices>(std::move(outcome)));
}

std::variant<LoadedConfig, std::vector<ConfigError>> Loader::finish() {
  if (!mistakes_.empty()) {
    std::vector<ConfigError> errors;
    for (auto& [order, error] : mistakes_) errors.push_back(std::move(error));
    return errors;
  }
  LoadedConfig loaded{options_, {}};  // copied: the sections still show their fields
  const auto show = [&](const ConfigSection& section) {
    for (auto& setting : section.shown()) loaded.shown.push_back(std::move(setting));
  };
  for (const auto& section : fixed_) show(*section);
  for (const auto& upstream : upstreams_) {
    show(upstream->section);
    loaded.options.upstreams.push_back(upstream->options);
  }
  return loaded;
}

}  // namespace

std::variant<LoadedConfig, std::vector<ConfigError>> load_config(const ConfigSource& source) {
  Loader loader;
  if (source.file) loader.read_file(*source.file);
  for (const auto& variable : source.environment) loader.read_variable(variable);
  for (const auto& set : source.sets) loader.read_set(set);
  loader.check_server();
  loader.check_auth();
  loader.check_upstreams();
  loader.check_policy();
  loader.check_meter();
  loader.check_prices();
  return loader.finish();
}

}  // namespace weir
