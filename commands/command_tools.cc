#include "commands/command_tools.h"

#include <fcntl.h>
#include <grp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "base/fd.h"
#include "cache/layout.h"
#include "proxy/upstream/router.h"

namespace weir {
namespace {

std::string admin_socket(const Options& options) {
  return options.admin.socket.empty() ? Layout(options.cache.directory).admin_socket() : options.admin.socket;
}

}  // namespace

int complain(const Error& error) {
  std::fprintf(stderr, "weir: %s\n", error.what.c_str());
  return 1;
}

void print(const std::string& text) { std::fwrite(text.data(), 1, text.size(), stdout); }

Result<std::unique_ptr<Index>> open_for_reading(const Clock& clock, const Options& options) {
  auto index = Index::open(clock, {.directory = Layout(options.cache.directory).index(), .read_only = true});
  if (!index && index.error().failure == Failure::not_found) {
    return Error{Failure::not_found, Side::local, false, "there is no store in " + options.cache.directory};
  }
  return index;
}

Result<Options> act_as_owner(Options options) {
  auto& directory = options.cache.directory;
  const UniqueFd there(::open(directory.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  struct stat status{};
  if (::geteuid() != 0 || !there.valid() || ::fstat(there.get(), &status) != 0 || status.st_uid == 0) return options;
  if (::setgroups(0, nullptr) != 0 || ::setgid(status.st_gid) != 0 || ::setuid(status.st_uid) != 0)
    return system_error(errno, "become the owner of " + directory);
  // The way there may be root's alone, as that to a service's with DynamicUser is. From the inside it is open.
  if (::access(directory.c_str(), X_OK) != 0 && ::fchdir(there.get()) == 0) directory = ".";
  return options;
}

Result<WrittenReference> canonical(const Clock& clock, const Options& options, const std::string& text) {
  auto written = parse_written_reference(text);
  if (!written) return written;
  auto path = RepositoryPath::parse(written->repository);
  if (!path) return std::move(path).error();
  auto router = Router::make(clock, options.upstreams);
  if (!router) return std::move(router).error();
  // A repository of an upstream that is no longer configured is named in full.
  if (auto target = (*router)->resolve(*path, std::nullopt, "")) written->repository = target->repository.text();
  return written;
}

Result<std::optional<AdminAnswer>> ask_server(const Options& options, const std::string& path, const std::string& json) {
  auto answer = ask_admin(admin_socket(options), path, json);
  if (answer) return std::optional(*std::move(answer));
  if (answer.error().failure == Failure::unreachable) return std::optional<AdminAnswer>();
  return std::move(answer).error();
}

int show_answer(const AdminAnswer& answer, bool json, const std::function<std::string(const Json&)>& sentence) {
  const auto document = Json::parse(answer.body);
  if (answer.status != 200 || !document) {
    const auto why = document ? document->string_at("error").value_or(answer.body) : answer.body;
    std::fprintf(stderr, "weir: %s\n", why.c_str());
    return 1;
  }
  print(json ? answer.body : sentence(*document) + "\n");
  return 0;
}

}  // namespace weir
