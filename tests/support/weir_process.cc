#include "tests/support/weir_process.h"

#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <sstream>
#include <string_view>
#include <utility>

#include "tests/support/failure_watch.h"
#include "tests/support/http_client.h"
#include "tests/support/http_message.h"

namespace weir::testing {

namespace {

constexpr char kDirectory[] = "{directory}";

// Settings that hold unless the configuration has its own.
constexpr struct {
  const char* section;
  const char* key;
  const char* value;
} kDefaults[] = {
    {"server", "listen", "127.0.0.1:0"},
    {"admin", "listen", "127.0.0.1:0"},
    {"cache", "directory", "{directory}/store"},
};

std::string_view trimmed(std::string_view text) {
  auto first = text.find_first_not_of(" \t\r");
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
}

bool has_setting(const std::string& configuration, const std::string& section, const std::string& key) {
  std::istringstream lines(configuration);
  std::string line;
  bool inside = false;
  while (std::getline(lines, line)) {
    auto text = trimmed(line);
    if (text.starts_with('[')) inside = text == "[" + section + "]";
    if (inside && trimmed(text.substr(0, text.find('='))) == key) return true;
  }
  return false;
}

bool is_inherited(std::string_view name) {
  if (name.starts_with("WEIR_") || name.starts_with("LISTEN_") || name.starts_with("WATCHDOG_")) return false;
  if (name.starts_with("AWS_") || name == "NOTIFY_SOCKET") return false;
  return name.size() < 6 || !equal_ignoring_case(name.substr(name.size() - 6), "_proxy");
}

std::vector<std::string> environment_with(const std::map<std::string, std::string>& more) {
  std::vector<std::string> environment;
  for (char** each = environ; *each; ++each) {
    std::string name(*each, std::string_view(*each).find('='));
    if (is_inherited(name) && !more.contains(name)) environment.push_back(*each);
  }
  for (const auto& [name, value] : more) environment.push_back(name + "=" + value);
  return environment;
}

}  // namespace

std::string weir_program() {
  const char* given = std::getenv("WEIR");
  return std::filesystem::absolute(given && *given ? given : "build/release/weir").string();
}

WeirProcess::WeirProcess(std::string configuration, WeirOptions options)
    : configuration_(std::move(configuration)), options_(std::move(options)) {}

WeirProcess::~WeirProcess() {
  bool failed = current_test_failed || std::uncaught_exceptions() > 0 || crashed();
  child_.reset();
  if (failed) {
    std::fprintf(stderr, "---- the end of the program's log\n%s----\n", log_tail().c_str());
  }
}

bool WeirProcess::start() {
  launch();
  return wait_until_ready();
}

void WeirProcess::launch() {
  child_.reset();
  addresses_.clear();
  asked_to_end_ = false;
  std::filesystem::remove(path("ports"));
  write_configuration();
  child_ = std::make_unique<ChildProcess>(ChildOptions{
      .arguments = command(),
      .environment = environment_with(options_.environment),
      .directory = directory_.path().string(),
      .output_file = path("stdout"),
      .error_file = path("stderr"),
  });
}

bool WeirProcess::wait_until_ready() {
  bool ready = false;
  (void)wait_until([&] { return !running() || (ready = is_ready()); }, options_.ready_timeout);
  return ready;
}

std::vector<std::string> WeirProcess::command() const {
  std::vector<std::string> words{weir_program(), "serve", "--config", path("weir.conf")};
  auto set = [&](const std::string& setting) { words.insert(words.end(), {"--set", expanded(setting)}); };
  set("server.ports-file={directory}/ports");
  for (const auto& [section, key, value] : kDefaults) {
    if (!has_setting(configuration_, section, key)) set(std::string(section) + "." + key + "=" + value);
  }
  for (const auto& argument : options_.arguments) words.push_back(expanded(argument));
  return words;
}

std::string WeirProcess::expanded(std::string text) const {
  for (auto at = text.find(kDirectory); at != text.npos; at = text.find(kDirectory, at)) {
    text.replace(at, sizeof kDirectory - 1, directory_.path().string());
  }
  return text;
}

void WeirProcess::write_configuration() const { directory_.write("weir.conf", expanded(configuration_)); }

bool WeirProcess::is_ready() {
  auto text = read_file(path("ports"));
  if (!text.ends_with('\n')) return false;
  std::istringstream words(text);
  std::multimap<std::string, std::string> found;
  for (std::string listener, address; words >> listener >> address;) found.emplace(listener, address);
  if (!found.contains("server") && !found.contains("server-tls")) return false;
  if (!found.contains("admin")) return false;
  addresses_ = std::move(found);
  return fetch(admin_url(), "/readyz", {}, Body::keep, {.timeout = Milliseconds(2000)}).status == 200;
}

std::optional<int> WeirProcess::terminate(Milliseconds timeout) {
  if (!child_) return std::nullopt;
  asked_to_end_ = true;
  child_->signal(SIGTERM);
  return child_->wait_for_exit(timeout);
}

void WeirProcess::kill() {
  if (!child_) return;
  asked_to_end_ = true;
  child_->signal(SIGKILL);
  (void)child_->wait_for_exit();
}

void WeirProcess::hang_up() {
  if (child_) child_->signal(SIGHUP);
}

bool WeirProcess::restart() { return terminate() && start(); }

void WeirProcess::set_configuration(std::string configuration) {
  configuration_ = std::move(configuration);
  write_configuration();
}

bool WeirProcess::running() const { return child_ && child_->running(); }

std::optional<int> WeirProcess::exit_code() const { return child_ ? child_->exit_code() : std::nullopt; }

std::optional<int> WeirProcess::wait_for_exit(Milliseconds timeout) const {
  return child_ ? child_->wait_for_exit(timeout) : std::nullopt;
}

pid_t WeirProcess::pid() const { return child_ ? child_->pid() : 0; }

bool WeirProcess::crashed() const { return !asked_to_end_ && exit_code().value_or(0) < 0; }

std::string WeirProcess::address(const std::string& listener) const {
  auto found = addresses_.find(listener);
  return found == addresses_.end() ? "" : found->second;
}

std::vector<std::string> WeirProcess::addresses(const std::string& listener) const {
  std::vector<std::string> found;
  auto [each, end] = addresses_.equal_range(listener);
  for (; each != end; ++each) found.push_back(each->second);
  return found;
}

std::string WeirProcess::output() const { return read_file(path("stdout")); }

std::string WeirProcess::log() const { return read_file(path("stderr")); }

std::string WeirProcess::log_tail(std::size_t lines) const {
  auto text = log();
  auto start = text.size();
  for (std::size_t seen = 0; start > 0; --start) {
    if (text[start - 1] == '\n' && start != text.size() && ++seen == lines) break;
  }
  return text.substr(start);
}

Metrics WeirProcess::metrics() const {
  if (address("admin").empty()) return {};
  return Metrics::parse(fetch(admin_url(), "/metrics").body);
}

double WeirProcess::metric(const std::string& name, const Labels& labels) const { return metrics().value(name, labels); }

bool WeirProcess::wait_for_metric(const std::string& name, const Labels& labels, double at_least, Milliseconds timeout) const {
  return wait_until([&] { return metric(name, labels) >= at_least; }, timeout);
}

std::uint64_t WeirProcess::rss_anon_kib() const { return child_ ? child_->rss_anon_kib() : 0; }

std::uint64_t WeirProcess::peak_rss_anon_kib() const { return child_ ? child_->peak_rss_anon_kib() : 0; }

void WeirProcess::forget_peak() {
  if (child_) child_->forget_peak();
}

std::size_t WeirProcess::open_descriptors() const { return child_ ? child_->open_descriptors() : 0; }

CommandResult run_weir(std::vector<std::string> arguments, const std::string& input, Milliseconds timeout) {
  TemporaryDirectory directory;
  arguments.insert(arguments.begin(), weir_program());
  ChildProcess child({
      .arguments = std::move(arguments),
      .environment = environment_with({}),
      .input_file = directory.write("stdin", input),
      .output_file = directory.file("stdout"),
      .error_file = directory.file("stderr"),
  });
  auto exit_code = child.wait_for_exit(timeout);
  return {exit_code, read_file(directory.file("stdout")), read_file(directory.file("stderr"))};
}

}  // namespace weir::testing
