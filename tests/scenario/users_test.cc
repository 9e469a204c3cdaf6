// The users file: what the commands make of it.
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <fstream>
#include <sstream>

#include "tests/scenario/scene.h"
#include "tests/support/temporary_directory.h"

namespace weir::testing {

namespace {

struct UsersFolder {
  TemporaryDirectory directory;
  std::string file = directory.file("users");

  CommandResult user(std::vector<std::string> words, const std::string& input = "") const {
    words.insert(words.begin(), "user");
    words.insert(words.end(), {"--file", file});
    return run_weir(words, input);
  }
  std::string text() const {
    std::ostringstream text;
    text << std::ifstream(file).rdbuf();
    return text.str();
  }
};

// The command with a terminal for its input: what is shown there while `typed` is typed, a line at each prompt.
std::string at_terminal(const std::vector<std::string>& arguments, const std::vector<std::string>& typed, int& exit_code) {
  const int master = ::posix_openpt(O_RDWR | O_NOCTTY);
  REQUIRE(master >= 0);
  REQUIRE(::grantpt(master) == 0);
  REQUIRE(::unlockpt(master) == 0);
  const std::string name = ::ptsname(master);
  const pid_t child = ::fork();
  if (child == 0) {
    ::setsid();
    const int terminal = ::open(name.c_str(), O_RDWR);
    for (int fd = 0; fd < 3; ++fd) ::dup2(terminal, fd);
    const auto program = weir_program();
    std::vector<char*> argv{const_cast<char*>(program.c_str())};
    for (const auto& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
    argv.push_back(nullptr);
    ::execv(argv[0], argv.data());
    ::_exit(127);
  }
  std::string shown;
  std::size_t next = 0;
  char piece[256];
  for (;;) {
    const auto count = ::read(master, piece, sizeof piece);
    if (count <= 0) break;  // the terminal's last user has gone
    shown.append(piece, static_cast<std::size_t>(count));
    if (next < typed.size() && shown.ends_with(": ")) {
      const auto line = typed[next++] + '\n';
      REQUIRE(::write(master, line.data(), line.size()) == static_cast<ssize_t>(line.size()));
    }
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  ::close(master);
  exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return shown;
}

}  // namespace

TEST_CASE("users are added, changed, listed and removed; comments and mode stay") {
  const UsersFolder folder;
  auto added = folder.user({"add", "ann"}, "correct horse\n");
  CHECK(added.exit_code == 0);
  CHECK(added.output == "added ann in " + folder.file + "\n");
  CHECK(folder.text().starts_with("ann:$2b$10$"));
  struct stat status{};
  CHECK(::stat(folder.file.c_str(), &status) == 0);
  CHECK((status.st_mode & 0777) == 0600);

  const auto line = folder.text();
  std::ofstream(folder.file) << "# of the build farm\n" << line << "\n# the end\n";
  CHECK(::chmod(folder.file.c_str(), 0640) == 0);
  CHECK(folder.user({"add", "bob", "--hash", "yescrypt"}, "s\xc3\xa9same").exit_code == 0);
  auto changed = folder.user({"add", "ann"}, "another\r\n");
  CHECK(changed.output == "changed the password of ann in " + folder.file + "\n");
  CHECK(folder.text().starts_with("# of the build farm\nann:$2b$10$"));
  CHECK(folder.text().find("\n\n# the end\nbob:$y$j9T$") != std::string::npos);
  CHECK(folder.text().find(line) == std::string::npos);
  CHECK(::stat(folder.file.c_str(), &status) == 0);
  CHECK((status.st_mode & 0777) == 0640);

  CHECK(folder.user({"list", "--format", "json"}).output ==
        "{\"rows\":[{\"name\":\"ann\",\"hash\":\"bcrypt\"},{\"name\":\"bob\",\"hash\":\"yescrypt\"}]}\n");
  CHECK(folder.user({"remove", "ann"}).exit_code == 0);
  CHECK(folder.user({"remove", "ann"}).exit_code == 1);
  CHECK(folder.text().starts_with("# of the build farm\n\n# the end\nbob:"));
}

TEST_CASE("what is wrong with a user, a password or the file is said, and the file stays") {
  const UsersFolder folder;
  CHECK(folder.user({"add", "an:n"}, "x").exit_code == 2);
  CHECK(folder.user({"add", ""}, "x").exit_code == 2);
  CHECK(folder.user({"add", "#ann"}, "x").exit_code == 2);
  CHECK(folder.user({"add", "ann"}, "").error.find("the password is empty") != std::string::npos);
  CHECK(folder.user({"add", "ann"}, std::string(73, 'x')).error.find("72 bytes that bcrypt") != std::string::npos);
  CHECK(folder.user({"add", "ann"}, std::string(100'000, 'x')).exit_code == 1);
  CHECK(folder.user({"list"}).exit_code == 1);
  CHECK(::access(folder.file.c_str(), F_OK) != 0);
  CHECK(run_weir({"user", "list"}).exit_code == 2);

  std::ofstream(folder.file) << "ann:$apr1$r31.....$HqJZimcKQFAMYayBlzkrA/\n";
  const auto before = folder.text();
  const auto refused = folder.user({"add", "bob"}, "x");
  CHECK(refused.exit_code == 1);
  CHECK(refused.error.find(folder.file + ": line 1: the hash is neither bcrypt nor yescrypt") != std::string::npos);
  CHECK(refused.error.find("HqJZ") == std::string::npos);
  CHECK(folder.text() == before);
}

TEST_CASE("at a terminal a password is asked for twice and never shown") {
  const UsersFolder folder;
  int exit_code = 0;
  auto shown = at_terminal({"user", "add", "ann", "--file", folder.file}, {"open sesame", "open sesame"}, exit_code);
  CHECK(exit_code == 0);
  CHECK(shown.find("password for ann: ") != std::string::npos);
  CHECK(shown.find("again: ") != std::string::npos);
  CHECK(shown.find("sesame") == std::string::npos);
  CHECK(folder.text().starts_with("ann:$2b$10$"));
  const auto before = folder.text();
  shown = at_terminal({"user", "add", "ann", "--file", folder.file}, {"one", "two"}, exit_code);
  CHECK(exit_code == 1);
  CHECK(shown.find("the two passwords differ") != std::string::npos);
  CHECK(folder.text() == before);
}

}  // namespace weir::testing
