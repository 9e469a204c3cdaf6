#include "conf/command_line.h"

#include <algorithm>
#include <boost/program_options/errors.hpp>
#include <boost/program_options/options_description.hpp>
#include <boost/program_options/parsers.hpp>
#include <boost/program_options/value_semantic.hpp>
#include <sstream>

#include "base/spelling.h"
#include "base/text.h"

namespace weir {
namespace {
namespace po = boost::program_options;

// No abbreviations: what is short for one flag today is ambiguous when the next one comes.
constexpr int kStyle = po::command_line_style::unix_style &
                       ~(po::command_line_style::allow_guessing | po::command_line_style::allow_sticky);
constexpr unsigned kHelpColumns = 110;

std::string two_columns(const std::vector<std::pair<std::string, std::string>>& rows) {
  std::size_t width = 0;
  for (const auto& [left, right] : rows) width = std::max(width, left.size());
  std::string text;
  for (const auto& [left, right] : rows) text += "  " + left + std::string(width - left.size() + 3, ' ') + right + '\n';
  return text;
}

po::options_description described(const Command& command) {
  po::options_description flags("flags", kHelpColumns, kHelpColumns / 2);
  for (const auto& flag : command.flags) {
    po::value_semantic* semantic = nullptr;
    if (flag.argument.empty()) {
      semantic = new po::untyped_value(true);
    } else {
      auto* typed = po::value<std::string>()->value_name(flag.argument);
      if (!flag.default_value.empty()) typed->default_value(flag.default_value);
      semantic = typed;
    }
    flags.add_options()(flag.name.c_str(), semantic, flag.help.c_str());
  }
  flags.add_options()("help,h", new po::untyped_value(true), "Print this and exit.");
  flags.add_options()("version", new po::untyped_value(true), "Print the version and exit.");
  return flags;
}

// The flags of a command as a user writes them.
std::vector<std::string> written_flags(const Command& command) {
  std::vector<std::string> flags;
  for (const auto& flag : command.flags) flags.push_back("--" + flag.name);
  flags.insert(flags.end(), {"--help", "--version"});
  return flags;
}

std::string usage_of(const Positional& positional) {
  const auto name = positional.name + (positional.many ? "..." : "");
  return positional.required ? name : '[' + name + ']';
}

std::string command_help(const Program& program, const Command& command) {
  std::ostringstream text;
  text << "usage: " << program.name << ' ' << command.name;
  for (const auto& flag : command.flags) {
    if (flag.required) text << " --" << flag.name << ' ' << flag.argument;
  }
  text << " [flags]";
  std::vector<std::pair<std::string, std::string>> rows;
  for (const auto& positional : command.positionals) {
    text << ' ' << usage_of(positional);
    rows.emplace_back(positional.name, positional.help);
  }
  text << "\n\n" << command.help << "\n\n";
  if (!rows.empty()) text << two_columns(rows) << '\n';
  text << described(command);
  return text.str();
}

// The commands whose names begin with these words.
std::string group_help(const Program& program, const std::string& group) {
  std::vector<std::pair<std::string, std::string>> rows;
  for (const auto& command : program.commands) {
    if (group.empty() || command.name.starts_with(group + ' ')) rows.emplace_back(command.name, command.help);
  }
  const std::string full = program.name + (group.empty() ? "" : ' ' + group);
  return "usage: " + full + (group.empty() ? " COMMAND" : " SUBCOMMAND") + " [flags]\n\n" +
         (group.empty() ? program.help + "\n\n" : "") + two_columns(rows) + "\n`" + full +
         (group.empty() ? " COMMAND" : " SUBCOMMAND") + " --help` says more about each.\n";
}

bool asks_for_help(const std::string& word) { return word == "--help" || word == "-h"; }

}  // namespace

class CommandLineParser {
 public:
  CommandLineParser(const Program& program, const std::vector<std::string>& arguments)
      : program_(program), arguments_(arguments) {
    if (!arguments_.empty() && arguments_.front() == "help") {
      arguments_.erase(arguments_.begin());
      arguments_.push_back("--help");
    }
  }

  std::variant<Invocation, Reply> parse();

 private:
  std::variant<Invocation, Reply> parse_flags(const Command& command);
  std::optional<std::string> take(const Command& command, const po::option& option, Invocation& invocation);
  std::optional<std::string> check_positionals(const Command& command, const Invocation& invocation);
  Reply no_command(const std::string& group);

  // `weir cache list: WHAT`, and where to read on.
  Reply wrong(const std::string& command, const std::string& what) const {
    const auto full = program_.name + (command.empty() ? "" : ' ' + command);
    return {2, full + ": " + what + "\nTry `" + full + " --help`.\n"};
  }

  const Program& program_;
  std::vector<std::string> arguments_;
  std::size_t words_ = 0;  // of the command's name, at the front of the arguments
};

std::variant<Invocation, Reply> CommandLineParser::parse() {
  std::string name;
  for (; words_ < arguments_.size() && !arguments_[words_].starts_with('-'); ++words_) {
    const auto longer = (name.empty() ? "" : name + ' ') + arguments_[words_];
    const auto belongs = [&](const Command& command) { return command.name == longer || command.name.starts_with(longer + ' '); };
    if (std::none_of(program_.commands.begin(), program_.commands.end(), belongs)) break;
    name = longer;
  }
  for (const auto& command : program_.commands) {
    if (command.name == name) return parse_flags(command);
  }
  return no_command(name);
}

// The words name no command yet: they are a group, or wrong, or not there at all.
Reply CommandLineParser::no_command(const std::string& group) {
  if (words_ == arguments_.size()) return {2, group_help(program_, group)};
  const auto& next = arguments_[words_];
  if (asks_for_help(next)) return {0, group_help(program_, group)};
  if (next == "--version") return {0, program_.version + '\n'};
  if (next.starts_with('-')) return wrong(group, "a command comes before " + quoted(next));
  std::vector<std::string> known;
  for (const auto& command : program_.commands) {
    if (!group.empty() && !command.name.starts_with(group + ' ')) continue;
    const auto rest = command.name.substr(group.empty() ? 0 : group.size() + 1);
    const auto word = rest.substr(0, rest.find(' '));
    if (known.empty() || known.back() != word) known.push_back(word);
  }
  return wrong(group, "unknown command " + quoted(next) + suggestion(next, known));
}

std::variant<Invocation, Reply> CommandLineParser::parse_flags(const Command& command) {
  Invocation invocation;
  invocation.command = command.name;
  for (const auto& flag : command.flags) {
    if (!flag.default_value.empty()) invocation.defaults_[flag.name] = flag.default_value;
  }
  const std::vector<std::string> rest(arguments_.begin() + static_cast<std::ptrdiff_t>(words_), arguments_.end());
  const auto flags = described(command);
  try {
    std::optional<std::string> first_mistake;
    for (const auto& option : po::command_line_parser(rest).options(flags).style(kStyle).allow_unregistered().run().options) {
      if (option.string_key == "help" && !option.unregistered) return Reply{0, command_help(program_, command)};
      if (option.string_key == "version" && !option.unregistered) return Reply{0, program_.version + '\n'};
      auto mistake = take(command, option, invocation);
      if (mistake && !first_mistake) first_mistake = std::move(mistake);
    }
    if (first_mistake) return wrong(command.name, *first_mistake);
  } catch (const po::error& error) {
    return wrong(command.name, error.what());
  }
  for (const auto& flag : command.flags) {
    const auto value = invocation.value(flag.name);
    if (flag.required && (!value || value->empty()))
      return wrong(command.name, "--" + flag.name + ' ' + flag.argument + " is missing");
  }
  if (const auto mistake = check_positionals(command, invocation)) return wrong(command.name, *mistake);
  return invocation;
}

// Keeps what one option says; answers what is wrong with it, if anything.
std::optional<std::string> CommandLineParser::take(const Command& command, const po::option& option, Invocation& invocation) {
  if (option.string_key.empty() && !option.unregistered) {
    invocation.positionals.insert(invocation.positionals.end(), option.value.begin(), option.value.end());
    return std::nullopt;
  }
  const auto flag = std::find_if(command.flags.begin(), command.flags.end(),
                                 [&](const Flag& known) { return known.name == option.string_key; });
  if (option.unregistered || flag == command.flags.end()) {
    const auto typed = option.original_tokens.empty() ? option.string_key : option.original_tokens.front();
    const auto given = typed.substr(0, typed.find('='));
    return "unknown flag " + quoted(given) + suggestion(given, written_flags(command));
  }
  auto& values = invocation.flags_.try_emplace(flag->name).first->second;
  if (!values.empty() && !flag->repeatable) return "--" + flag->name + " is given twice";
  if (flag->argument.empty()) return std::nullopt;
  const auto value = option.value.empty() ? std::string() : option.value.front();
  const auto known = written_flags(command);
  // Program_options takes whatever word comes next, a flag too; after `=` it is meant.
  if (option.original_tokens.size() > 1 && std::find(known.begin(), known.end(), value) != known.end()) {
    return "--" + flag->name + ' ' + flag->argument + ": the argument is missing";
  }
  if (flag->argument.find('|') != std::string::npos) {
    const auto choices = split(flag->argument, '|');
    if (std::find(choices.begin(), choices.end(), value) == choices.end()) {
      return "--" + flag->name + ' ' + quoted(value) + ": not one of " + joined({choices.begin(), choices.end()});
    }
  }
  values.push_back(value);
  return std::nullopt;
}

std::optional<std::string> CommandLineParser::check_positionals(const Command& command, const Invocation& invocation) {
  const auto& given = invocation.positionals;
  for (std::size_t i = given.size(); i < command.positionals.size(); ++i) {
    if (command.positionals[i].required) return command.positionals[i].name + " is missing";
  }
  const bool many = !command.positionals.empty() && command.positionals.back().many;
  if (!many && given.size() > command.positionals.size())
    return "unexpected argument " + quoted(given[command.positionals.size()]);
  return std::nullopt;
}

std::optional<std::string> Invocation::value(const std::string& flag) const {
  if (const auto given = flags_.find(flag); given != flags_.end() && !given->second.empty()) return given->second.back();
  if (const auto fallback = defaults_.find(flag); fallback != defaults_.end()) return fallback->second;
  return std::nullopt;
}

std::vector<std::string> Invocation::values(const std::string& flag) const {
  const auto given = flags_.find(flag);
  return given == flags_.end() ? std::vector<std::string>() : given->second;
}

std::vector<Flag> config_flags() {
  return {
      {"config", "FILE", "The configuration to read; without it every key has its default.", false, ""},
      {"set", "SECTION.KEY=VALUE", "Set one key over the file and the environment; may be repeated.", true, ""},
  };
}

Flag format_flag() { return {"format", "text|json", "How to print.", false, "text"}; }

std::variant<Invocation, Reply> parse_command_line(const Program& program, const std::vector<std::string>& arguments) {
  return CommandLineParser(program, arguments).parse();
}

}  // namespace weir
