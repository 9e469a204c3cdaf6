#include "base/log.h"

#include <fcntl.h>
#include <unistd.h>

#include <functional>
#include <thread>

#include "base/fd.h"
#include "base/json.h"
#include "base/text.h"
#include "tests/unit/base/scratch.h"

#include <doctest/doctest.h>

using namespace weir;
using namespace weir::testing;

namespace {

// What a log wrote, once it is gone.
struct LogFile {
  Scratch scratch;
  ManualClock clock{1'000'000'000};
  std::string written(Log::Options options, const std::function<void(Log&)>& use) {
    const UniqueFd fd(::open(scratch.file("log").c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    options.fd = fd.get();
    {
      Log log(clock, options);
      use(log);
    }
    return read_file(scratch.file("log"));
  }
  std::string json(const std::function<void(Log&)>& use) { return written({.json = true, .level = LogLevel::debug}, use); }
  std::string text(const std::function<void(Log&)>& use) { return written({.json = false, .level = LogLevel::debug}, use); }
};

}  // namespace

TEST_CASE("a JSON line holds time, level, event and the fields in their order") {
  const auto line = LogFile().json([](Log& log) {
    log.warning("upstream failed",
                {{"upstream", "docker.io"}, {"status", 503}, {"bytes", std::uint64_t{1} << 40}, {"least", INT64_MIN}});
  });
  CHECK(line == R"({"time":"2001-09-09T01:46:40.000Z","level":"warning","event":"upstream failed","upstream":"docker.io",)"
                R"("status":503,"bytes":1099511627776,"least":-9223372036854775808})"
                "\n");
}

TEST_CASE("a text line holds the same, quoted where a value would be mistaken") {
  const auto line = LogFile().text([](Log& log) {
    log.info("done", {{"plain", "a/b:c"}, {"empty", ""}, {"spaces", "a b"}, {"quote", "a\"b"}, {"equals", "a=b"}, {"number", -5}});
  });
  CHECK(line ==
        "2001-09-09T01:46:40.000Z info done plain=a/b:c empty=\"\" spaces=\"a b\" quote=\"a\\\"b\" equals=\"a=b\" number=-5\n");
}

TEST_CASE("whatever is in a value, a line stays a line and JSON stays JSON") {
  std::string all;
  for (int i = 0; i < 256; ++i) all += static_cast<char>(i);
  const auto use = [&all](Log& log) { log.info(all, {{"value", all}, {"injected", "x\n{\"level\":\"error\"}"}}); };
  for (const bool json : {true, false}) {
    const auto text = json ? LogFile().json(use) : LogFile().text(use);
    REQUIRE(text.ends_with('\n'));
    CHECK(text.find('\n') == text.size() - 1);
    for (const char c : text.substr(0, text.size() - 1)) CHECK(static_cast<unsigned char>(c) >= 0x20);
    if (json) {
      const auto parsed = Json::parse(text);
      REQUIRE(parsed.ok());
      CHECK(parsed->string_at("injected") == "x\n{\"level\":\"error\"}");
      CHECK(parsed->string_at("level") == "info");
    } else {
      CHECK(text.find('\x7f') == std::string::npos);
    }
  }
}

TEST_CASE("what is below the level is not written") {
  const auto text = LogFile().written({.json = false, .level = LogLevel::warning}, [](Log& log) {
    CHECK_FALSE(log.enabled(LogLevel::info));
    CHECK(log.enabled(LogLevel::warning));
    log.write(LogLevel::debug, "debug");
    log.info("info");
    log.warning("warning");
    log.error("error");
  });
  CHECK(text.find("info") == std::string::npos);
  CHECK(text.find("debug") == std::string::npos);
  CHECK(text.find("warning warning\n") != std::string::npos);
  CHECK(text.find("error error\n") != std::string::npos);
}

TEST_CASE("lines come out in the order a thread wrote them, and none is lost or torn") {
  const auto text = LogFile().text([](Log& log) {
    std::vector<std::jthread> writers;
    for (int t = 0; t < 4; ++t) {
      writers.emplace_back([&log, t] {
        for (int i = 0; i < 2000; ++i) log.info("e", {{"thread", t}, {"i", i}});
      });
    }
  });
  int next[4] = {};
  std::size_t lines = 0;
  for (const auto line : split(text, '\n')) {
    if (line.empty()) continue;
    ++lines;
    const auto fields = split(line, ' ');
    REQUIRE(fields.size() == 5);
    const auto thread = parse_number(fields[3].substr(7));
    REQUIRE((thread && *thread < 4));
    CHECK(fields[4] == "i=" + std::to_string(next[*thread]++));
  }
  CHECK(lines == 8000);
}

TEST_CASE("a log nobody reads keeps 4 MiB, drops the rest, and says later how many lines that were") {
  int fds[2] = {-1, -1};
  REQUIRE(::pipe2(fds, O_CLOEXEC) == 0);
  UniqueFd reader(fds[0]), writer(fds[1]);
  const ManualClock clock;
  constexpr int kLines = 20'000;
  const std::string filler(1000, 'x');  // about 20 MB in all
  std::string text;
  std::jthread reading;
  {
    Log log(clock, {.json = false, .level = LogLevel::info, .fd = writer.get()});
    for (int i = 0; i < kLines; ++i) log.info("e", {{"i", i}, {"filler", filler}});  // returns although nobody reads
    reading = std::jthread([&] {
      char buffer[64 << 10];
      for (;;) {
        const auto count = ::read(reader.get(), buffer, sizeof buffer);
        if (count <= 0) return;
        text.append(buffer, static_cast<std::size_t>(count));
      }
    });
  }
  writer.reset();
  reading.join();
  std::uint64_t kept = 0, dropped = 0;
  for (const auto line : split(text, '\n')) {
    if (line.find(" info e i=") != std::string_view::npos) ++kept;
    const auto count = line.find("\"log lines dropped\" count=");
    const auto plain = line.find("log lines dropped count=");
    if (count != std::string_view::npos) dropped += parse_number(line.substr(count + 26)).value_or(0);
    else if (plain != std::string_view::npos) dropped += parse_number(line.substr(plain + 24)).value_or(0);
  }
  CHECK(kept < 10'000);  // two batches of 4 MiB at most, and what a pipe holds
  CHECK(kept >= 3'000);
  CHECK(kept + dropped == kLines);
}
