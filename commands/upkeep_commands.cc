#include "commands/upkeep_commands.h"

#include <unistd.h>

#include <cstdio>

#include "base/log.h"
#include "base/text.h"
#include "cache/rebuild.h"
#include "cache/scrub.h"
#include "cache/scrub_report.h"
#include "commands/command_tools.h"
#include "oci/pattern.h"

namespace weir {
namespace {

constexpr auto kLookAgain = Milliseconds(200);

// On a terminal alone; a pipe gets the result and nothing else.
void show_progress(const std::string& text) {
  if (::isatty(STDERR_FILENO)) std::fprintf(stderr, "\r\033[K%s", text.c_str());
}

void pause(Milliseconds duration) {
  const SystemClock clock;
  Loop loop(clock, 0);
  Timer timer(loop, [&loop] { loop.stop(); });
  timer.start(duration);
  loop.run();
}

// The store for a command of its own, when no server runs.
struct OwnStore {
  explicit OwnStore(const Options& options) : owned(act_as_owner(options)), store(open()) {}
  Result<std::unique_ptr<BlobStore>> open() {
    if (!owned) return owned.error();
    disk = std::make_unique<RealFileSystem>(owned->cache.directory);
    return BlobStore::open(clock, *disk, pool, owned->cache);
  }
  SystemClock clock;
  Result<Options> owned;
  std::unique_ptr<RealFileSystem> disk;
  DiskPool pool{1};
  Result<std::unique_ptr<BlobStore>> store;
};

int show_scrub(const std::string& text, bool json) {
  const auto state = Json::parse(text);
  if (!state) return complain(state.error());
  print((json ? text : scrub_sentence(*state)) + "\n");
  return state->integer_at("rotten").value_or(0) + state->integer_at("unreadable").value_or(0) > 0 ? 1 : 0;
}

std::string without_line_end(std::string text) {
  while (text.ends_with('\n')) text.pop_back();
  return text;
}

// A pass of the server, to its end.
int wait_for_scrub(const Options& options, bool json) {
  for (;;) {
    auto answer = ask_server(options, "/admin/v1/cache/scrub", "");
    if (!answer) return complain(answer.error());
    if (!*answer) return complain(Error{Failure::unreachable, Side::local, true, "the server ended before its scrub did"});
    const auto state = Json::parse((*answer)->body);
    if (!state) return complain(state.error());
    if (!state->at("running") || !state->at("running")->boolean().value_or(false)) {
      show_progress("");
      return show_scrub(without_line_end((*answer)->body), json);
    }
    show_progress(scrub_sentence(*state));
    pause(kLookAgain);
  }
}

}  // namespace

int cache_pin(const Options& options, const std::string& pattern, bool pinned, bool json) {
  const auto parsed = Pattern::parse(pattern);
  if (!parsed) return complain(parsed.error());
  JsonWriter request;
  request.object().member("pattern", pattern).end();
  auto answer = ask_server(options, pinned ? "/admin/v1/cache/pin" : "/admin/v1/cache/unpin", request.take());
  if (!answer) return complain(answer.error());
  const std::string said = (pinned ? "pinned " : "no longer pinned: ") + pattern;
  if (*answer) return show_answer(**answer, json, [&said](const Json&) { return said; });
  OwnStore own(options);
  if (!own.store) return complain(own.store.error());
  auto status = (*own.store)->index().commit_and_wait([&](IndexWriter& writer) {
    return pinned ? writer.put_pin(pattern, writer.now()) : writer.remove_pin(pattern);
  });
  if (!status) return complain(status.error());
  JsonWriter out;
  out.object().member("pattern", pattern).member("pinned", pinned).end();
  print((json ? out.take() : said) + "\n");
  return 0;
}

int cache_pins(const Options& options, bool json) {
  const SystemClock clock;
  auto index = open_for_reading(clock, options);
  if (!index) return complain(index.error());
  JsonWriter rows;
  rows.object().key("rows").array();
  const auto show = [&](const std::string& pattern, const std::string& from) {
    if (json) rows.object().member("pattern", pattern).member("from", from).end();
    else std::printf("%-60s %s\n", pattern.c_str(), from.c_str());
  };
  for (const auto& pattern : options.cache.pins) show(pattern, "configuration");
  (*index)->each_pin([&](std::string_view pattern, WallSeconds since) { show(std::string(pattern), rfc3339(since * 1000)); });
  if (json) print(rows.end().end().take() + "\n");
  return 0;
}

int cache_scrub(const Options& options, bool now, bool json) {
  auto answer = ask_server(options, "/admin/v1/cache/scrub", now ? "{}" : "");
  if (!answer) return complain(answer.error());
  if (*answer && (*answer)->status != 200) return show_answer(**answer, json, [](const Json&) { return std::string(); });
  if (*answer) return now ? wait_for_scrub(options, json) : show_scrub(without_line_end((*answer)->body), json);
  OwnStore own(options);
  if (!own.store) return complain(own.store.error());
  Log log(own.clock, {.json = false, .level = LogLevel::error});
  Scrub scrub(**own.store, log);
  return show_scrub(scrub_json(now ? scrub.run_whole_pass() : scrub.state()), json);
}

int cache_rebuild(const Options& given, bool json) {
  const auto owned = act_as_owner(given);
  if (!owned) return complain(owned.error());
  const Options& options = *owned;
  const SystemClock clock;
  RealFileSystem disk(options.cache.directory);
  auto rebuilt = rebuild_index(clock, disk, options.cache,
                               [](std::uint64_t blobs) { show_progress(std::to_string(blobs) + " blobs"); });
  show_progress("");
  if (!rebuilt) return complain(rebuilt.error());
  if (json) {
    JsonWriter out;
    out.object().member("blobs", rebuilt->blobs).member("bytes", rebuilt->bytes).member("strange", rebuilt->strange);
    out.member("salvaged", rebuilt->salvaged)
        .member("damaged", rebuilt->damaged)
        .member("links", rebuilt->links)
        .member("tags", rebuilt->tags)
        .end();
    print(out.take() + "\n");
    return 0;
  }
  std::printf("%llu blobs of %llu bytes", static_cast<unsigned long long>(rebuilt->blobs),
              static_cast<unsigned long long>(rebuilt->bytes));
  if (rebuilt->salvaged)
    std::printf("; %llu links and %llu tags of the old index were kept%s", static_cast<unsigned long long>(rebuilt->links),
                static_cast<unsigned long long>(rebuilt->tags),
                rebuilt->damaged ? ", not all could be read: look at the pins (weir cache pin)" : "");
  else std::printf("; the old index could not be read, so links and tags are asked of the upstreams again");
  if (rebuilt->strange > 0)
    std::printf("; %llu files in blobs/ are no blobs and were left alone", static_cast<unsigned long long>(rebuilt->strange));
  std::printf("\n");
  return 0;
}

}  // namespace weir
