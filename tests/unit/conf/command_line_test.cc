#include "conf/command_line.h"

#include <doctest/doctest.h>

using namespace weir;

namespace {

Program program() {
  auto data = config_flags();
  data.push_back(format_flag());
  auto list = data;
  list.push_back({"long", "", "Everything about each.", false, ""});
  return {"weir",
          "A caching proxy for container registries.",
          "weir 1.2.3",
          {
              {"serve", "Serves.", config_flags(), {}},
              {"config check", "Checks the configuration.", config_flags(), {}},
              {"config show", "Prints the configuration.", data, {}},
              {"cache list", "Lists what is cached.", list, {{"PATTERN", "What to list.", false, false}}},
              {"cache purge", "Forgets.", data, {{"REFERENCE", "What to forget.", true, true}}},
              {"node", "Writes.", {{"out", "DIR", "Where to.", false, "", true}}, {}},
          }};
}

Invocation accepted(const std::vector<std::string>& arguments) {
  auto parsed = parse_command_line(program(), arguments);
  if (const auto* reply = std::get_if<Reply>(&parsed)) FAIL(reply->text);
  return std::get<Invocation>(parsed);
}

Reply answered(const std::vector<std::string>& arguments) {
  auto parsed = parse_command_line(program(), arguments);
  if (std::holds_alternative<Invocation>(parsed)) FAIL("it was accepted");
  return std::get<Reply>(parsed);
}

// The first line of a usage error.
std::string refused(const std::vector<std::string>& arguments) {
  const auto reply = answered(arguments);
  CHECK(reply.exit_code == 2);
  return reply.text.substr(0, reply.text.find('\n'));
}

using Words = std::vector<std::string>;

}  // namespace

TEST_CASE("a command of one word or of two is found by its name") {
  CHECK(accepted({"serve"}).command == "serve");
  CHECK(accepted({"config", "show"}).command == "config show");
}

TEST_CASE("a flag that is required is missed when it is not there or empty, and named in the usage line") {
  CHECK(accepted({"node", "--out", "here"}).value("out") == "here");
  CHECK(refused({"node"}) == "weir node: --out DIR is missing");
  CHECK(answered({"node", "--help"}).text.starts_with("usage: weir node --out DIR [flags]"));
}

TEST_CASE("a flag's argument follows it, or an equals sign, and may hold more of those") {
  const auto asked = accepted({"serve", "--config", "weir.conf", "--set", "a.b=c=d", "--set=x.y=z"});
  CHECK(asked.value("config") == "weir.conf");
  CHECK(asked.values("set") == Words{"a.b=c=d", "x.y=z"});
  CHECK(asked.has("set"));
}

TEST_CASE("a flag that is not given has its default or no value") {
  const auto asked = accepted({"config", "show"});
  CHECK_FALSE(asked.has("format"));
  CHECK(asked.value("format") == "text");
  CHECK_FALSE(asked.value("config"));
  CHECK(asked.values("set").empty());
  CHECK(accepted({"config", "show", "--format=json"}).value("format") == "json");
}

TEST_CASE("flags and positionals mix, and after two dashes all are positionals") {
  const auto asked = accepted({"cache", "purge", "a", "--format", "json", "b", "--", "--set", "-c"});
  CHECK(asked.positionals == Words{"a", "b", "--set", "-c"});
  CHECK_FALSE(asked.has("set"));
}

TEST_CASE("a switch is given or not") {
  CHECK(accepted({"cache", "list", "--long"}).has("long"));
  CHECK_FALSE(accepted({"cache", "list"}).has("long"));
  CHECK(refused({"cache", "list", "--long=1"}) == "weir cache list: option '--long' does not take any arguments");
}

TEST_CASE("a value may begin with a dash but is not one of the command's own flags") {
  CHECK(accepted({"serve", "--set", "-x"}).values("set") == Words{"-x"});
  CHECK(refused({"serve", "--set", "--config", "x"}) == "weir serve: --set SECTION.KEY=VALUE: the argument is missing");
  CHECK(accepted({"serve", "--config=--set"}).value("config") == "--set");
}

TEST_CASE("an unknown command names the one that was meant") {
  CHECK(refused({"sevre"}) == "weir: unknown command \"sevre\"; did you mean \"serve\"?");
  CHECK(refused({"cache", "lst"}) == "weir cache: unknown command \"lst\"; did you mean \"list\"?");
  CHECK(refused({"frobnicate"}) == "weir: unknown command \"frobnicate\"; known: serve, config, cache, node");
  CHECK(refused({""}) == "weir: unknown command \"\"; known: serve, config, cache, node");
}

TEST_CASE("an unknown flag names the one that was meant") {
  CHECK(refused({"serve", "--confg", "x"}) == "weir serve: unknown flag \"--confg\"; did you mean \"--config\"?");
  CHECK(refused({"serve", "--confg=secret"}) == "weir serve: unknown flag \"--confg\"; did you mean \"--config\"?");
  CHECK(refused({"serve", "-config", "x"}) == "weir serve: unknown flag \"-config\"; did you mean \"--config\"?");
  CHECK(refused({"serve", "-x"}) == "weir serve: unknown flag \"-x\"; known: --config, --set, --help, --version");
  CHECK(refused({"serve", "--format", "json"}).starts_with("weir serve: unknown flag \"--format\""));
}

TEST_CASE("flags are never abbreviated") {
  CHECK(refused({"serve", "--conf", "x"}) == "weir serve: unknown flag \"--conf\"; did you mean \"--config\"?");
}

TEST_CASE("a missing argument is an error") {
  CHECK(refused({"serve", "--config"}) == "weir serve: the required argument for option '--config' is missing");
  CHECK(answered({"serve", "--config="}).exit_code == 2);
}

TEST_CASE("a flag that takes one argument is given once") {
  CHECK(refused({"serve", "--config", "a", "--config", "b"}) == "weir serve: --config is given twice");
}

TEST_CASE("a flag with a choice takes only its words") {
  CHECK(refused({"config", "show", "--format", "xml"}) == "weir config show: --format \"xml\": not one of text, json");
}

TEST_CASE("positionals come in the numbers that are declared") {
  CHECK(refused({"cache", "purge"}) == "weir cache purge: REFERENCE is missing");
  CHECK(refused({"cache", "list", "a", "b"}) == "weir cache list: unexpected argument \"b\"");
  CHECK(refused({"serve", "now"}) == "weir serve: unexpected argument \"now\"");
}

TEST_CASE("a flag before the command is an error, and so is no command at all") {
  CHECK(refused({"--config", "x", "serve"}) == "weir: a command comes before \"--config\"");
  CHECK(answered({}).exit_code == 2);
  CHECK(answered({}).text.find("config check   Checks the configuration.") != std::string::npos);
  CHECK(answered({"cache"}).exit_code == 2);
  CHECK(answered({"cache"}).text.starts_with("usage: weir cache SUBCOMMAND"));
}

TEST_CASE("a usage error ends with where to read on") {
  CHECK(answered({"cache", "purge"}).text.ends_with("Try `weir cache purge --help`.\n"));
  CHECK(answered({"nothing"}).text.ends_with("Try `weir --help`.\n"));
}

TEST_CASE("help is an answer, for the program, for a group and for a command") {
  for (const Words& asked : {Words{"--help"}, Words{"-h"}, Words{"help"}}) {
    CHECK(answered(asked).exit_code == 0);
    CHECK(answered(asked).text.starts_with("usage: weir COMMAND"));
  }
  CHECK(answered({"cache", "--help"}).exit_code == 0);
  CHECK(answered({"cache", "--help"}).text.find("cache list") != std::string::npos);
  CHECK(answered({"cache", "--help"}).text.find("config show") == std::string::npos);
}

TEST_CASE("a command's help names its positionals and flags with their arguments and defaults") {
  for (const Words& asked :
       {Words{"cache", "purge", "--help"}, Words{"cache", "purge", "-h", "x"}, Words{"help", "cache", "purge"}}) {
    const auto reply = answered(asked);
    CHECK(reply.exit_code == 0);
    CHECK(reply.text.starts_with("usage: weir cache purge [flags] REFERENCE...\n\nForgets.\n"));
    for (const char* part :
         {"REFERENCE   What to forget.", "--config FILE", "--format text|json (=text)", "--help", "--version"}) {
      CHECK_MESSAGE(reply.text.find(part) != std::string::npos, part);
    }
  }
  CHECK(answered({"cache", "list", "--help"}).text.starts_with("usage: weir cache list [flags] [PATTERN]\n"));
}

TEST_CASE("the version is an answer everywhere") {
  for (const Words& asked : {Words{"--version"}, Words{"serve", "--version"}, Words{"cache", "--version"}}) {
    CHECK(answered(asked).exit_code == 0);
    CHECK(answered(asked).text == "weir 1.2.3\n");
  }
}

TEST_CASE("odd words are wrong usage and nothing worse") {
  for (const Words& odd :
       {Words{"serve", "--"}, Words{"serve", "---x"}, Words{"serve", "--=x"}, Words{"serve", "-"}, Words{"serve", ""}, Words{"-"},
        Words{"--"}, Words{"serve", "--help=3"}, Words{"serve", "-h=3"}, Words{"serve", "--set", ""}, Words{"help", "help"},
        Words{"serve", std::string(100000, '-')}, Words{std::string("a\0b", 3)}}) {
    const auto parsed = parse_command_line(program(), odd);
    if (const auto* reply = std::get_if<Reply>(&parsed)) CHECK(reply->text.ends_with('\n'));
  }
}
