#include "commands/credential_command.h"

#include <cstdio>

#include "base/clock.h"
#include "base/file_system.h"
#include "base/text.h"
#include "node/credential.h"

namespace weir {
namespace {

constexpr std::size_t kMostTokenBytes = 64 << 10;
constexpr std::size_t kMostInputBytes = 1 << 20;

std::string standard_input() {
  std::string text;
  char piece[4096];
  while (text.size() < kMostInputBytes) {
    const auto count = std::fread(piece, 1, sizeof piece, stdin);
    if (count == 0) break;
    text.append(piece, count);
  }
  return text;
}

// Without what stands around a line.
std::string stripped(const std::string& text) {
  const auto first = text.find_first_not_of(" \t\r\n");
  return first == std::string::npos ? "" : text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

Result<std::string> token_in(const std::string& file) {
  if (file.empty()) return std::string();
  auto text = read_small_file(file, kMostTokenBytes);
  if (!text) return text;
  return stripped(*text);
}

int answer_with(const Result<std::string>& answer) {
  if (answer) {
    std::printf("%s\n", answer->c_str());
    return 0;
  }
  // docker reads what went wrong from standard output, a person and the kubelet's log from standard error.
  if (answer.error().failure == Failure::not_found) std::printf("%s\n", answer.error().what.c_str());
  else std::fprintf(stderr, "weir: %s\n", answer.error().what.c_str());
  return 1;
}

}  // namespace

std::vector<Command> credential_commands() {
  const std::vector<Flag> flags = {
      {"token-file", "FILE", "A token that somebody keeps fresh, such as the projected token of a service account.", false, ""},
      {"username", "NAME", "Whose password it is said to be; weir looks at the token alone.", false, "token"},
      {"registry", "NAME", "A registry that it is for; may be repeated.", true, ""},
  };
  return {{"credential kubelet", "answer a kubelet's credential provider request on standard input", flags, {}},
          {"credential docker", "answer docker as a credential helper", flags, {{"ACTION", "get, store, erase or list"}}}};
}

int credential_command(const Invocation& invocation) {
  CredentialOptions options{invocation.value("username").value_or("token"), invocation.values("registry")};
  const SystemClock clock;
  const auto token = token_in(invocation.value("token-file").value_or(""));
  if (invocation.command == "credential kubelet") {
    if (!token) return answer_with(token);
    return answer_with(kubelet_credential(standard_input(), *token, options, clock.wall_seconds()));
  }
  const auto& action = invocation.positionals.at(0);
  const auto input = stripped(action == "list" ? std::string() : standard_input());
  if (action == "store" || action == "erase") return 0;  // there is nothing to keep
  if (action == "list") return answer_with(docker_credential_list(options));
  if (action != "get") {
    std::fprintf(stderr, "weir: %s is not one of get, store, erase, list\n", action.c_str());
    return 2;
  }
  if (!token) return answer_with(token);
  return answer_with(docker_credential(input, *token, options, clock.wall_seconds()));
}

}  // namespace weir
