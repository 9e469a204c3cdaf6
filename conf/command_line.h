#pragma once
// The command line: which commands there are, what each takes, and what a user asked for.
//
//   weir COMMAND [SUBCOMMAND] [--flag [ARGUMENT] | POSITIONAL]...
//
// A command of two words is simply named by both: "cache list". Flags and positionals mix; after `--` all are positionals.
// --help (also -h, and `weir help COMMAND`) and --version are answered for every command without being declared.

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace weir {

struct Flag {
  std::string name;      // without dashes
  std::string argument;  // `FILE`; empty: a switch; `text|json`: one of these words
  std::string help;      // one line
  bool repeatable = false;
  std::string default_value;  // what Invocation::value says when the flag is not given; empty: nothing
  bool required = false;
};

struct Positional {
  std::string name;  // `REFERENCE`
  std::string help;
  bool required = true;
  bool many = false;  // takes all that follow; the last one only
};

struct Command {
  std::string name;  // "serve", "cache list"
  std::string help;  // one line
  std::vector<Flag> flags;
  std::vector<Positional> positionals;
};

struct Program {
  std::string name;
  std::string help;
  std::string version;  // the whole line that --version prints
  std::vector<Command> commands;
};

// --config FILE and --set section.key=value, for every command that needs the configuration.
std::vector<Flag> config_flags();
// --format text|json, for every command that prints data.
Flag format_flag();

// What a user asked for; only flags and positionals that the command declares, in the numbers it declares.
class Invocation {
 public:
  std::string command;  // its name
  std::vector<std::string> positionals;

  bool has(const std::string& flag) const { return flags_.contains(flag); }
  // The last argument of a flag or else its default; nothing when it has neither.
  std::optional<std::string> value(const std::string& flag) const;
  std::vector<std::string> values(const std::string& flag) const;

 private:
  friend class CommandLineParser;
  std::map<std::string, std::vector<std::string>> flags_;  // that were given; a switch with no argument
  std::map<std::string, std::string> defaults_;
};

// The program has nothing to do but say this: on standard output when the exit code is 0, else on standard error.
struct Reply {
  int exit_code = 0;  // 0 help or version, 2 wrong usage
  std::string text;   // whole lines
};

// `arguments` without the program's own name. Never throws for what a user typed.
[[nodiscard]] std::variant<Invocation, Reply> parse_command_line(const Program& program, const std::vector<std::string>& arguments);

}  // namespace weir
