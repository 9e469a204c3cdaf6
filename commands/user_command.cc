#include "commands/user_command.h"

#include <termios.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "base/file_system.h"
#include "base/json.h"
#include "base/replace_file.h"
#include "base/spelling.h"
#include "proxy/auth/users.h"

namespace weir {
namespace {

constexpr std::size_t kMostInput = 4096;

int complain_of_user(const std::string& what, int code) {
  std::fprintf(stderr, "weir: %s\n", what.c_str());
  return code;
}

// What is typed is not shown while this is there.
class SilentTerminal {
 public:
  SilentTerminal() : is_terminal_(::tcgetattr(STDIN_FILENO, &before_) == 0) {
    if (!is_terminal_) return;
    termios silent = before_;
    silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    silent.c_lflag |= ECHONL;
    ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
  }
  ~SilentTerminal() {
    if (is_terminal_) ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &before_);
  }
  SilentTerminal(const SilentTerminal&) = delete;
  bool is_terminal() const noexcept { return is_terminal_; }

 private:
  termios before_{};
  const bool is_terminal_;
};

// One line of standard input, or all of it up to there, without its end.
Result<std::string> read_password_line() {
  std::string line;
  char c;
  for (;;) {
    const auto count = ::read(STDIN_FILENO, &c, 1);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return system_error(errno, "read the password");
    if (count == 0 || c == '\n') break;
    if (line.size() == kMostInput)
      return Error{Failure::too_large, Side::local, false, "the password is longer than anything takes"};
    line += c;
  }
  if (line.ends_with('\r')) line.pop_back();
  return line;
}

// From a person it is wanted twice.
Result<std::string> read_password(const std::string& name) {
  const SilentTerminal terminal;
  if (!terminal.is_terminal()) return read_password_line();
  std::fprintf(stderr, "password for %s: ", name.c_str());
  auto first = read_password_line();
  if (!first) return first;
  std::fprintf(stderr, "again: ");
  const auto second = read_password_line();
  if (!second) return second;
  if (*first != *second) return Error{Failure::invalid, Side::local, false, "the two passwords differ"};
  return first;
}

Result<UsersFile> parse_users(const std::string& path, std::string_view text) {
  auto file = UsersFile::parse(text);
  if (file) return file;
  Error error = std::move(file).error();
  error.what = path + ": " + error.what;
  return error;
}

int add_user(const std::string& path, const std::string& name, HashScheme scheme) {
  const auto password = read_password(name);
  if (!password) return complain_of_user(password.error().what, 1);
  const auto hash = hash_password(*password, scheme);
  if (!hash) return complain_of_user(hash.error().what, 1);
  bool replaced = false;
  const auto status = rewrite_file(path, UsersFile::kMostBytes, [&](std::string_view before) -> Result<std::string> {
    auto file = parse_users(path, before);
    if (!file) return std::move(file).error();
    replaced = file->set(name, *hash);
    return file->text();
  });
  if (!status) return complain_of_user(status.error().what, 1);
  std::printf("%s %s in %s\n", replaced ? "changed the password of" : "added", name.c_str(), path.c_str());
  return 0;
}

int remove_user(const std::string& path, const std::string& name) {
  const auto status = rewrite_file(path, UsersFile::kMostBytes, [&](std::string_view before) -> Result<std::string> {
    auto file = parse_users(path, before);
    if (!file) return std::move(file).error();
    if (!file->remove(name)) return Error{Failure::not_found, Side::local, false, "there is no " + name + " in " + path};
    return file->text();
  });
  if (!status) return complain_of_user(status.error().what, 1);
  std::printf("removed %s from %s\n", name.c_str(), path.c_str());
  return 0;
}

int list_users(const std::string& path, bool json) {
  const auto text = read_small_file(path, UsersFile::kMostBytes);
  if (!text) return complain_of_user(text.error().what, 1);
  const auto file = parse_users(path, *text);
  if (!file) return complain_of_user(file.error().what, 1);
  JsonWriter out;
  out.object().key("rows").array();
  for (const auto& user : file->users()) {
    const char* scheme = user.hash.starts_with("$y$") ? "yescrypt" : "bcrypt";
    if (json) out.object().member("name", user.name).member("hash", scheme).end();
    else std::printf("%-40s %s\n", user.name.c_str(), scheme);
  }
  if (json) std::printf("%s\n", out.end().end().take().c_str());
  return 0;
}

}  // namespace

std::vector<Command> user_commands() {
  std::vector<Flag> flags = {{"file", "FILE", "The users file; by default the users-file of the configuration.", false, ""}};
  for (const auto& flag : config_flags()) flags.push_back(flag);
  auto adding = flags, listing = flags;
  adding.push_back({"hash", "bcrypt|yescrypt", "How the password is hashed.", false, "bcrypt"});
  listing.push_back(format_flag());
  const Positional name{"NAME", "who the user is"};
  return {{"user add", "add a user or change a password, read from standard input", adding, {name}},
          {"user remove", "remove a user", flags, {name}},
          {"user list", "list the users", listing, {}}};
}

int user_command(const Invocation& invocation, const Options& options) {
  const auto path = invocation.value("file").value_or(options.auth.users_file);
  if (path.empty()) return complain_of_user("no users file: --file, or users-file in [auth] of the configuration, names it", 2);
  if (invocation.command == "user list") return list_users(path, invocation.value("format") == "json");
  const auto& name = invocation.positionals[0];
  if (!valid_user_name(name))
    return complain_of_user(quoted(name) + " is no name for a user: 1 to 255 bytes without blanks, control characters and colons",
                            2);
  if (invocation.command == "user remove") return remove_user(path, name);
  return add_user(path, name, invocation.value("hash") == "yescrypt" ? HashScheme::yescrypt : HashScheme::bcrypt);
}

}  // namespace weir
