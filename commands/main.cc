// weir: the commands, and which part answers each.

#include <unistd.h>

#include <cstdio>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/version.h"
#include "commands/cache_commands.h"
#include "commands/credential_command.h"
#include "commands/node_command.h"
#include "commands/policy_commands.h"
#include "commands/report_command.h"
#include "commands/token_command.h"
#include "commands/upkeep_commands.h"
#include "commands/user_command.h"
#include "conf/command_line.h"
#include "conf/config.h"
#include "proxy/auth/users.h"
#include "proxy/serve.h"
#include "scan/worker.h"

namespace weir {
namespace {

std::vector<Flag> config_and_format() {
  auto flags = config_flags();
  flags.push_back(format_flag());
  return flags;
}

std::vector<Flag> scrub_flags() {
  auto flags = config_and_format();
  flags.push_back({"now", "", "hash everything that is stored, now, and say what was found"});
  return flags;
}

Program describe_program() {
  Program program = {"weir",
                     "A caching proxy between a site's nodes and the container registries they pull from.",
                     std::string("weir ") + version(),
                     {{"serve", "serve until told to stop", config_flags(), {}},
                      {"config check", "read the configuration and report every mistake", config_flags(), {}},
                      {"config show", "print each value and where it came from", config_and_format(), {}},
                      {"cache list", "list the tags the store knows", config_and_format(), {{"PREFIX", "of the repository", false}}},
                      {"cache stat",
                       "what the store holds, in all or of one reference",
                       config_and_format(),
                       {{"REFERENCE", "such as docker.io/library/alpine:3", false}}},
                      {"cache purge",
                       "forget a repository, REPOSITORY:TAG or REPOSITORY@DIGEST and the bytes only it needs; or a digest alone",
                       config_and_format(),
                       {{"REFERENCE", "a repository, REPOSITORY:TAG, REPOSITORY@DIGEST, or a digest"}}},
                      {"cache refresh", "ask the upstream for a tag now", config_and_format(), {{"REFERENCE", "REPOSITORY:TAG"}}},
                      {"cache pin",
                       "never evict what this names, until it is unpinned; without it: list what is pinned",
                       config_and_format(),
                       {{"PATTERN", "such as docker.io/library/**, quay.io/site/app:v2.* or REPOSITORY@DIGEST", false}}},
                      {"cache unpin", "let go of a pin", config_and_format(), {{"PATTERN", "as it was pinned"}}},
                      {"cache scrub", "what the last scrub found", scrub_flags(), {}},
                      {"cache rebuild", "make the index again from the blobs; no server may run", config_and_format(), {}}}};
  for (auto& command : token_commands()) program.commands.push_back(std::move(command));
  for (auto& command : credential_commands()) program.commands.push_back(std::move(command));
  for (auto& command : policy_commands()) program.commands.push_back(std::move(command));
  for (auto& command : node_commands()) program.commands.push_back(std::move(command));
  for (auto& command : report_commands()) program.commands.push_back(std::move(command));
  for (auto& command : user_commands()) program.commands.push_back(std::move(command));
  return program;
}

std::vector<std::string> environment() {
  std::vector<std::string> variables;
  for (char** variable = environ; *variable; ++variable) variables.emplace_back(*variable);
  return variables;
}

void show_config(const LoadedConfig& config, bool json) {
  JsonWriter out;
  out.object().key("rows").array();
  for (const auto& setting : config.shown) {
    if (json) {
      out.object()
          .member("section", setting.section)
          .member("key", setting.key)
          .member("value", setting.value)
          .member("from", setting.from)
          .end();
    } else {
      std::printf("%-50s %s\n", (setting.section + '.' + setting.key + " = " + setting.value).c_str(),
                  ("# " + setting.from).c_str());
    }
  }
  if (json) std::printf("%s\n", out.end().end().take().c_str());
}

// What load_config() has not judged: files that other parts read.
int check_config(const Options& options) {
  bool good = true;
  if (!options.auth.users_file.empty()) {
    const auto users = Users::read(options.auth.users_file);
    if (!users) std::fprintf(stderr, "%s\n", users.error().what.c_str());
    good = users.ok();
  }
  good = rules_are_good(options.policy) && good;
  if (good) std::printf("the configuration is good\n");
  return good ? 0 : 2;
}

int run(const Invocation& invocation) {
  if (invocation.command.starts_with("credential ")) return credential_command(invocation);
  const ConfigSource source{invocation.value("config"), invocation.values("set"), environment()};
  auto loaded = load_config(source);
  if (const auto* errors = std::get_if<std::vector<ConfigError>>(&loaded)) {
    for (const auto& error : *errors) std::fprintf(stderr, "%s: %s\n", error.where.c_str(), error.what.c_str());
    return 2;
  }
  const auto& config = std::get<LoadedConfig>(loaded);
  const auto& command = invocation.command;
  const auto first = invocation.positionals.empty() ? std::string() : invocation.positionals[0];
  const bool json = invocation.value("format") == "json";
  if (command == "serve") return serve(config, source);
  if (command == "config show") show_config(config, json);
  if (command == "config check") return check_config(config.options);
  if (command == "cache list") return cache_list(config.options, first, json);
  if (command == "cache stat") return cache_stat(config.options, first, json);
  if (command == "cache purge") return cache_purge(config.options, first, json);
  if (command.starts_with("report ")) return report_command(invocation, config.options);
  if (command.starts_with("token ")) return token_command(invocation, config.options);
  if (command.starts_with("policy ")) return policy_command(invocation, config.options);
  if (command.starts_with("node ")) return node_command(invocation, config.options);
  if (command.starts_with("user ")) return user_command(invocation, config.options);
  if (command == "cache refresh") return cache_refresh(config.options, first, json);
  if (command == "cache pin" && first.empty()) return cache_pins(config.options, json);
  if (command == "cache pin" || command == "cache unpin") return cache_pin(config.options, first, command == "cache pin", json);
  if (command == "cache scrub") return cache_scrub(config.options, invocation.has("now"), json);
  if (command == "cache rebuild") return cache_rebuild(config.options, json);
  return 0;
}

}  // namespace
}  // namespace weir

int main(int argc, char** argv) {
  // Not a command for people: the program starts itself so to look into a layer (scan/worker.h).
  if (argc > 1 && std::string_view(argv[1]) == "scan-worker") return weir::scan_worker_main({argv + 2, argv + argc});
  const auto parsed = weir::parse_command_line(weir::describe_program(), std::vector<std::string>(argv + 1, argv + argc));
  if (const auto* reply = std::get_if<weir::Reply>(&parsed)) {
    std::fputs(reply->text.c_str(), reply->exit_code == 0 ? stdout : stderr);
    return reply->exit_code;
  }
  const int code = weir::run(std::get<weir::Invocation>(parsed));
  if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return code;
  std::fputs("weir: the output could not be written to its end\n", stderr);
  return code == 0 ? 1 : code;
}
