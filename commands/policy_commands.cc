#include "commands/policy_commands.h"

#include <cstdio>
#include <ctime>
#include <fstream>
#include <iostream>

#include "base/json.h"
#include "commands/command_tools.h"
#include "policy/policy.h"
#include "proxy/upstream/router.h"

namespace weir {
namespace {

int complain_of_usage(const std::string& what) {
  std::fprintf(stderr, "weir: %s\n", what.c_str());
  return 2;
}

// The rules of a file, compiled; nothing: every mistake was told.
std::shared_ptr<const Policy> rules_of(const PolicyOptions& options) {
  auto loaded = Policy::load(options, {});
  if (const auto* mistakes = std::get_if<std::vector<RuleMistake>>(&loaded)) {
    for (const auto& mistake : *mistakes) std::fprintf(stderr, "%s\n", mistake.text().c_str());
    return nullptr;
  }
  return std::get<std::shared_ptr<const Policy>>(std::move(loaded));
}

int check(const Invocation& invocation, const Options& options, bool json) {
  auto policy_options = options.policy;
  if (!invocation.positionals.empty()) policy_options.file = invocation.positionals[0];
  if (policy_options.file.empty()) return complain_of_usage("which file? [policy] names none either");
  const auto policy = rules_of(policy_options);
  if (!policy) return 2;
  if (json) {
    JsonWriter out;
    out.object().member("file", policy_options.file).member("rules", static_cast<std::uint64_t>(policy->rules())).end();
    print(out.take() + "\n");
  } else {
    std::printf("%s: %zu rules, all good\n", policy_options.file.c_str(), policy->rules());
  }
  return 0;
}

// The upstream's name, as the rules know it.
std::string upstream_of(const Router& router, const std::string& repository) {
  const auto path = RepositoryPath::parse(repository);
  if (!path) return "";
  const auto target = router.resolve(*path, std::nullopt, "");
  return target ? target->upstream->options().name : "";
}

std::string placed(const Policy& policy, const Rule& rule) { return rule.name + " (" + policy.place(rule) + ")"; }

void print_explained(const Policy& policy, const Question& question, const Decision& decision, bool json) {
  const auto matched = policy.explain(question);
  if (json) {
    JsonWriter out;
    out.object().member("decision", effect_name(decision.effect));
    const auto rule = [&](const Rule& of) {
      out.member("rule", of.name).member("effect", effect_name(of.effect)).member("place", policy.place(of));
    };
    if (decision.rule) rule(*decision.rule);
    if (decision.needs) out.member("depends_on", show_needs(decision.needs));
    if (decision.offline) out.member("offline", decision.offline->name);
    out.key("matched").array();
    for (const auto& each : matched) {
      out.object();
      rule(*each.rule);
      if (each.depends) out.member("depends_on", show_needs(each.needs));
      out.end();
    }
    print(out.end().end().take() + "\n");
    return;
  }
  std::string text(effect_name(decision.effect));
  text += decision.rule ? ": rule " + placed(policy, *decision.rule) : ": no rule decides, so the default does";
  if (decision.needs) text += ", which depends on " + show_needs(decision.needs);
  if (decision.offline) text += "; offline: rule " + placed(policy, *decision.offline);
  for (const auto& each : matched) {
    if (each.rule == decision.rule) continue;
    text += "\n  also " + std::string(effect_name(each.rule->effect)) + ": rule " + placed(policy, *each.rule);
    if (each.depends) text += ", which depends on " + show_needs(each.needs);
  }
  print(text + "\n");
}

int explain(const Invocation& invocation, const Options& options, bool json) {
  auto policy_options = options.policy;
  if (const auto file = invocation.value("file")) policy_options.file = *file;
  Question question;
  const auto identity = invocation.value("as").value_or("anonymous");
  question.identity = identity;
  if (const auto from = invocation.value("from")) {
    question.from = IpAddress::parse(*from);
    if (!question.from) return complain_of_usage("--from '" + *from + "' is no address");
  }
  const auto action = parse_action(invocation.positionals[0]);
  if (!action) return complain_of_usage("'" + invocation.positionals[0] + "' is not one of pull, push, delete, list");
  question.action = *action;
  const SystemClock clock;
  auto router = Router::make(clock, options.upstreams);
  if (!router) return complain_of_usage(router.error().what);
  const auto written = canonical(clock, options, invocation.positionals[1]);
  if (!written) return complain_of_usage(written.error().what);
  const auto upstream = upstream_of(**router, written->repository);
  question.repository = written->repository;
  question.upstream = upstream;
  question.now = clock.wall_seconds();
  if (written->reference) {
    const auto* tag = written->reference->tag();
    question.asked = tag ? Question::Asked::tag : Question::Asked::digest;
    if (tag) question.tag = tag->text();
  } else if (*action != Action::list) {
    return complain_of_usage("a tag or a digest is pulled: REPOSITORY:TAG or REPOSITORY@DIGEST");
  }
  const auto policy = rules_of(policy_options);
  if (!policy) return 2;
  const auto decision = policy->decide(question);
  print_explained(*policy, question, decision, json);
  return decision.effect == Decision::Effect::allow ? 0 : 1;
}

// A line of the access log, as far as it can be asked again.
struct Logged {
  std::string time, identity, client, repository, reference, route;
  bool denied = false;
};

std::optional<Logged> read_logged(const std::string& line) {
  const auto json = Json::parse(line, 4);
  if (!json || json->string_at("event") != "access") return std::nullopt;
  Logged logged;
  logged.time = json->string_at("time").value_or("");
  logged.identity = json->string_at("identity").value_or("anonymous");
  logged.client = json->string_at("client").value_or("");
  logged.repository = json->string_at("repository").value_or("");
  logged.reference = json->string_at("reference").value_or("");
  logged.route = json->string_at("route").value_or("");
  logged.denied = json->string_at("outcome") == "denied" && json->string_at("error").value_or("").starts_with("denied by policy");
  if (logged.repository.empty()) return std::nullopt;
  return logged;
}

// `2026-11-21T02:00:00.123Z`
WallSeconds seconds_of(const std::string& time) {
  std::tm parts{};
  return ::strptime(time.c_str(), "%Y-%m-%dT%H:%M:%S", &parts) ? ::timegm(&parts) : 0;
}

int replay(const Invocation& invocation, const Options& options, bool json) {
  auto policy_options = options.policy;
  policy_options.file = invocation.value("with").value_or("");
  const auto policy = rules_of(policy_options);
  if (!policy) return 2;
  const SystemClock clock;
  auto router = Router::make(clock, options.upstreams);
  if (!router) return complain_of_usage(router.error().what);
  const auto name = invocation.value("log").value_or("");
  std::ifstream file;
  if (name != "-") file.open(name);
  if (name != "-" && !file) return complain_of_usage("cannot read " + name);
  std::istream& log = name == "-" ? std::cin : file;
  std::uint64_t requests = 0, otherwise = 0, open = 0;
  JsonWriter rows;
  rows.object().key("rows").array();
  for (std::string line; std::getline(log, line);) {
    const auto logged = read_logged(line);
    if (!logged) continue;
    ++requests;
    Question question;
    question.identity = logged->identity;
    question.from = IpAddress::of_peer(logged->client);
    question.action = logged->route == "tags" ? Action::list : Action::pull;
    question.repository = logged->repository;
    const auto upstream = upstream_of(**router, logged->repository);
    question.upstream = upstream;
    question.now = seconds_of(logged->time);
    if (!logged->reference.empty()) {
      const bool digest = logged->reference.find(':') != std::string::npos;
      question.asked = digest ? Question::Asked::digest : Question::Asked::tag;
      if (!digest) question.tag = logged->reference;
    }
    const auto decision = policy->decide(question);
    const bool depends = decision.effect == Decision::Effect::depends;
    open += depends;
    const bool denied = decision.effect == Decision::Effect::deny;
    if (depends || denied == logged->denied) continue;
    ++otherwise;
    const std::string rule = decision.rule ? decision.rule->name : "default",
                      place = decision.rule ? policy->place(*decision.rule) : "";
    if (json) {
      rows.object().member("time", logged->time).member("identity", logged->identity).member("client", logged->client);
      rows.member("repository", logged->repository).member("reference", logged->reference);
      rows.member("was", logged->denied ? "deny" : "allow").member("would_be", effect_name(decision.effect));
      rows.member("rule", rule).member("place", place).end();
    } else {
      std::printf("%s %s %s %s %s: %s, by %s %s\n", logged->time.c_str(), logged->identity.c_str(), logged->client.c_str(),
                  logged->repository.c_str(), logged->reference.c_str(), denied ? "would be denied" : "would be allowed",
                  decision.rule ? "rule" : "the", (decision.rule ? placed(*policy, *decision.rule) : rule).c_str());
    }
  }
  if (json) {
    rows.end().member("requests", requests).member("otherwise", otherwise).member("undecided", open).end();
    print(rows.take() + "\n");
  } else {
    std::printf("%llu of %llu requests would be decided otherwise; %llu depend on what the log does not say\n",
                static_cast<unsigned long long>(otherwise), static_cast<unsigned long long>(requests),
                static_cast<unsigned long long>(open));
  }
  return otherwise > 0 ? 1 : 0;
}

int ask_to_change(const Options& options, const std::string& path, const std::string& body, bool json,
                  const std::function<std::string(const Json&)>& sentence) {
  auto answer = ask_server(options, path, body);
  if (!answer) return complain(answer.error());
  if (!*answer) return complain(Error{Failure::unreachable, Side::local, true, "no server runs here"});
  return show_answer(**answer, json, sentence);
}

int release(const Invocation& invocation, const Options& options, bool json) {
  const auto digest = Digest::parse(invocation.positionals[0]);
  if (!digest) return complain_of_usage("'" + invocation.positionals[0] + "': " + digest.error().what);
  JsonWriter body;
  body.object().member("digest", digest->text()).end();
  return ask_to_change(options, "/admin/v1/policy/release", body.take(), json,
                       [&](const Json&) { return "released from quarantine: " + digest->text(); });
}

}  // namespace

std::vector<Command> policy_commands() {
  auto flags = config_flags();
  flags.push_back(format_flag());
  auto explain_flags = flags, replay_flags = flags;
  explain_flags.push_back({"as", "ID", "who asks", false, "anonymous"});
  explain_flags.push_back({"from", "ADDRESS", "from where"});
  explain_flags.push_back({"file", "FILE", "these rules, and not those of the configuration"});
  replay_flags.push_back({"log", "FILE", "access log lines in JSON; - for standard input", false, "", true});
  replay_flags.push_back({"with", "FILE", "the new rules", false, "", true});
  return {{"policy check", "tell every mistake of a rule file", flags, {{"FILE", "by default that of the configuration", false}}},
          {"policy explain",
           "what the rules say of one request, and which of them",
           explain_flags,
           {{"ACTION", "pull, push, delete or list"}, {"REFERENCE", "such as docker.io/library/nginx:latest"}}},
          {"policy replay", "which requests of a log new rules would decide otherwise", replay_flags, {}},
          {"policy reload", "have the running server read its rule file again", flags, {}},
          {"policy release", "end the quarantine of a digest", flags, {{"DIGEST", "sha256:..."}}}};
}

bool rules_are_good(const PolicyOptions& options) { return options.file.empty() || rules_of(options) != nullptr; }

int policy_command(const Invocation& invocation, const Options& options) {
  const auto word = invocation.command.substr(invocation.command.find(' ') + 1);
  const bool json = invocation.value("format") == "json";
  if (word == "check") return check(invocation, options, json);
  if (word == "explain") return explain(invocation, options, json);
  if (word == "replay") return replay(invocation, options, json);
  if (word == "release") return release(invocation, options, json);
  return ask_to_change(options, "/admin/v1/policy/reload", "{}", json, [](const Json& answer) {
    return std::to_string(answer.integer_at("rules").value_or(0)) + " rules are in force";
  });
}

}  // namespace weir
