#include "policy/matcher.h"

#include <algorithm>
#include <random>
#include <regex>
#include <set>
#include <thread>

#include "oci/pattern.h"
#include "policy/database_folder.h"
#include "tests/unit/base/scratch.h"
#include "tests/unit/policy/asking.h"

using namespace weir;
using namespace weir::testing;

namespace {

std::unique_ptr<const Matcher> matcher_of(const std::vector<std::string>& patterns, const Matcher::Options& options = {}) {
  auto made = Matcher::make(patterns, options);
  if (const auto* refused = std::get_if<Matcher::Refusal>(&made)) FAIL(refused->what);
  return std::get<0>(std::move(made));
}

std::vector<std::uint32_t> found_by(const Matcher& matcher, std::string_view text) {
  std::vector<std::uint32_t> found;
  matcher.match(text, found);
  std::ranges::sort(found);
  return found;
}

// One after the other, by other code.
std::vector<std::uint32_t> found_slowly(const std::vector<std::string>& patterns, const std::string& text) {
  std::vector<std::uint32_t> found;
  for (std::uint32_t i = 0; i < patterns.size(); ++i) {
    const auto& pattern = patterns[i];
    const bool matches = pattern.starts_with('~') ? std::regex_match(text, std::regex(pattern.substr(1)))
                                                  : matches_glob(pattern, text);
    if (matches) found.push_back(i);
  }
  return found;
}

using Refusal = Matcher::Refusal;

}  // namespace

TEST_CASE("the matcher finds what a plain one finds, over random patterns and names") {
  std::mt19937 random(1);
  const auto text = [&](std::string_view letters, std::size_t most) {
    std::string made;
    for (auto i = random() % (most + 1); i > 0; --i) made += letters[random() % letters.size()];
    return made;
  };
  const std::vector<std::string> pieces{"a", "ab", "/",   "*",      "**",      "docker.io/",        "library",
                                        "x", "b",  "-rc", "team-1", "team-12", "quay.io/prometheus"};
  const std::vector<std::string> expressions{"a+",    "[ab/]*",      "(a|b)/x?", "x{2,3}", ".*ab", "docker\\.io/.*",
                                             "a|b/a", "[^/]+/[^/]+", "a*b*"};
  for (int round = 0; round < testing::rounds(40); ++round) {
    std::set<std::string> distinct;
    for (auto i = 1 + random() % 80; i > 0; --i) {
      std::string pattern;
      if (random() % 8 == 0) pattern = '~' + expressions[random() % expressions.size()];
      else if (random() % 4 == 0) pattern = text("ab/*", 8);
      else
        for (auto k = 1 + random() % 5; k > 0; --k) pattern += pieces[random() % pieces.size()];
      if (!pattern.empty()) distinct.insert(pattern);
    }
    const std::vector<std::string> patterns(distinct.begin(), distinct.end());
    if (patterns.empty()) continue;
    const auto matcher = matcher_of(patterns, {.own_process = false});
    for (int i = 0; i < 100; ++i) {
      std::string name;
      if (random() % 2) name = text("ab/x", 10);
      else
        for (auto k = random() % 5; k > 0; --k) name += pieces[random() % pieces.size()];
      std::erase(name, '*');
      CHECK_MESSAGE(found_by(*matcher, name) == found_slowly(patterns, name), name);
    }
  }
}

TEST_CASE("patterns that share all but a little are told apart") {
  std::vector<std::string> patterns;
  for (int i = 0; i < 3000; ++i) patterns.push_back("registry.example.com/team-" + std::to_string(i) + "/*-rc");
  for (int i = 0; i < 3000; ++i) patterns.push_back("registry.example.com/team-" + std::to_string(i) + "/app");
  patterns.push_back("**");
  const auto matcher = matcher_of(patterns);
  CHECK(found_by(*matcher, "registry.example.com/team-12/a-rc") == (std::vector<std::uint32_t>{12, 6000}));
  CHECK(found_by(*matcher, "registry.example.com/team-2999/app") == (std::vector<std::uint32_t>{5999, 6000}));
  CHECK(found_by(*matcher, "registry.example.com/team-3000/app") == std::vector<std::uint32_t>{6000});
}

TEST_CASE("an expression is for the whole of a text, whatever is in it") {
  const auto matcher = matcher_of({"~a|b", "~x.*", "~(?i)Y"});
  CHECK(found_by(*matcher, "a") == std::vector<std::uint32_t>{0});
  CHECK(found_by(*matcher, "ab").empty());
  CHECK(found_by(*matcher, "b\n").empty());
  CHECK(found_by(*matcher, "ax").empty());
  CHECK(found_by(*matcher, "y") == std::vector<std::uint32_t>{2});
}

TEST_CASE("expressions that could take the program down are refused before they are compiled") {
  for (const char* bad : {"", "(", "(a{1000}){1000}", "((a{30}){30}){30}", "\\1", "(?=a)", "(?<!a)b", "(?x)a #", "x)|(y", "\\Qa",
                          "(*UTF8)a", "[a", "a{99999}", "(?:(?:(?:(?:a{9}){9}){9}){9})"}) {
    CHECK_FALSE_MESSAGE(Matcher::check_expression(bad).ok(), bad);
  }
  for (const char* good : {"a", "a+", "[[:alpha:]]+", "[]a]", "(?:a|b){2,50}", "(?i)ab", "\\.", "a{2}", "[^/]*"})
    CHECK_MESSAGE(Matcher::check_expression(good).ok(), good);
  CHECK_FALSE(Matcher::check_expression(std::string(257, 'a')).ok());
}

TEST_CASE("more expressions than there may be are refused with words, and at the first too many") {
  std::vector<std::string> patterns{"a/*"};
  for (std::size_t i = 0; i <= Matcher::kMostExpressions; ++i) patterns.push_back("~a" + std::to_string(i));
  const auto made = Matcher::make(patterns, {});
  const auto* refused = std::get_if<Refusal>(&made);
  REQUIRE(refused);
  CHECK(refused->pattern == Matcher::kMostExpressions + 1);
  CHECK(refused->what.find("more than 5000 regular expressions") != std::string::npos);
}

TEST_CASE("compiling is ended after its time, and the program goes on") {
  std::vector<std::string> patterns;
  for (int i = 0; i < 2000; ++i) patterns.push_back("~(x|y)-" + std::to_string(i) + "/[a-z]+-v[0-9]{1,3}(\\.[0-9]+)*");
  const auto made = Matcher::make(patterns, {.bounds = {.time = Milliseconds(20)}});
  const auto* refused = std::get_if<Refusal>(&made);
  REQUIRE(refused);
  CHECK(refused->what == "compiling the patterns: it took longer than 20ms");
}

TEST_CASE("what was compiled is found again, what is damaged is compiled again") {
  const Scratch scratch;
  RealFileSystem disk;
  const Matcher::Options options{.disk = &disk, .folder = scratch.file("compiled")};
  const std::vector<std::string> patterns{"docker.io/*", "~a+", "exact/name"};
  CHECK(matcher_of(patterns, options)->compiled() == 2);
  const auto again = matcher_of(patterns, options);
  CHECK(again->compiled() == 0);
  CHECK(found_by(*again, "docker.io/x") == std::vector<std::uint32_t>{0});
  CHECK(found_by(*again, "aaa") == std::vector<std::uint32_t>{1});
  CHECK(matcher_of({"docker.io/*", "~a*"}, options)->compiled() == 1);  // the literals are the same

  std::size_t damaged = 0;
  for (const auto& entry : std::filesystem::directory_iterator(options.folder)) {
    auto bytes = read_file(entry.path());
    if (damaged++ % 2) bytes.resize(bytes.size() / 2);
    else bytes[bytes.size() / 2] ^= 1;
    write_file(entry.path(), bytes);
  }
  CHECK(damaged == 3);
  const auto whole_again = matcher_of(patterns, options);
  CHECK(whole_again->compiled() == 2);
  CHECK(found_by(*whole_again, "docker.io/x") == std::vector<std::uint32_t>{0});
  CHECK(matcher_of(patterns, options)->compiled() == 0);
}

TEST_CASE("of what was compiled so many are kept") {
  const Scratch scratch;
  RealFileSystem disk;
  const DatabaseFolder folder(&disk, scratch.file("compiled"));
  for (char c = 'a'; c < 'a' + 12; ++c) folder.write(std::string(64, c), "bytes");
  CHECK(count_files(scratch.file("compiled")) == DatabaseFolder::kMostKept);
  CHECK_FALSE(folder.read(std::string(64, 'z')));
}

TEST_CASE("many threads match at once") {
  std::vector<std::string> patterns;
  for (int i = 0; i < 500; ++i) patterns.push_back("a.io/" + std::to_string(i) + "/*");
  patterns.push_back("~a\\.io/[0-9]*/x");
  const auto matcher = matcher_of(patterns);
  std::vector<std::thread> threads;
  std::atomic<int> wrong{0};
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 500; ++i) {
        const auto n = static_cast<std::uint32_t>((i * 7 + t) % 500);
        if (found_by(*matcher, "a.io/" + std::to_string(n) + "/x") != std::vector<std::uint32_t>{n, 500}) wrong.fetch_add(1);
      }
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(wrong.load() == 0);
}
