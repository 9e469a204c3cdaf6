// The example that docs/cost.md works by hand, as the command prints it. Run from the root of the sources.
#include "commands/report_command.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

#include "base/file_system.h"
#include "base/json.h"
#include "base/text.h"
#include "cache/layout.h"
#include "meter/report_text.h"
#include "meter/usage_writer.h"
#include "tests/unit/base/scratch.h"

#include <doctest/doctest.h>

using namespace weir;
using weir::testing::read_file;
using weir::testing::Scratch;
using weir::testing::write_file;

namespace {

// The block of docs/cost.md that begins with ```NAME.
std::string block(const std::string& name) {
  const auto text = read_file("docs/cost.md");
  const auto fence = "```" + name + "\n";
  const auto begin = text.find(fence);
  REQUIRE_MESSAGE(begin != std::string::npos, name);
  const auto from = begin + fence.size();
  return text.substr(from, text.find("```", from) - from);
}

// Lines `day,team,upstream,repository,direction,outcome,requests,gb` into a ledger, at noon of each day; the team is the identity too.
void fill_ledger(const std::string& directory, const std::string& csv) {
  std::filesystem::create_directories(directory + "/ledger");
  auto ledger = Ledger::open({.directory = directory + "/ledger"});
  REQUIRE(ledger.ok());
  Ledger::Fold fold(**ledger);
  std::istringstream lines(csv);
  std::string line;
  std::getline(lines, line);
  while (std::getline(lines, line)) {
    const auto fields = split(line, ',');
    REQUIRE(fields.size() == 8);
    const auto direction = std::find(kDirectionNames.begin(), kDirectionNames.end(), fields[4]) - kDirectionNames.begin();
    const auto outcome = std::find(kOutcomeNames.begin(), kOutcomeNames.end(), fields[5]) - kOutcomeNames.begin();
    const UsageKey key{
        fields[1], fields[1], fields[3], fields[2], static_cast<Outcome>(outcome), static_cast<Direction>(direction)};
    REQUIRE(fold.add(*parse_moment(fields[0]) + 12, key, {*parse_number(fields[6]), *parse_number(fields[7]) * 1'000'000'000}).ok());
  }
  REQUIRE(fold.commit().ok());
}

struct Said {
  int code = 0;
  std::string text;
};

// What the command prints on standard output.
Said said_by(const std::vector<std::string>& words, const Options& options) {
  Program program{"weir", "", "", report_commands()};
  auto parsed = parse_command_line(program, words);
  REQUIRE(std::holds_alternative<Invocation>(parsed));
  const Scratch scratch;
  std::fflush(stdout);
  const int before = ::dup(1);
  std::FILE* file = std::fopen(scratch.file("out").c_str(), "w+");
  ::dup2(::fileno(file), 1);
  const int code = report_command(std::get<Invocation>(parsed), options);
  std::fflush(stdout);
  ::dup2(before, 1);
  ::close(before);
  std::fclose(file);
  return {code, read_file(scratch.file("out"))};
}

Options example_options(const Scratch& scratch) {
  Options options;
  options.cache.directory = scratch.path();
  auto prices = Prices::parse(block("prices"));
  REQUIRE(std::holds_alternative<Prices>(prices));
  options.price.prices = std::make_shared<const Prices>(std::get<Prices>(std::move(prices)));
  fill_ledger(Layout(scratch.path()).usage(), block("usage"));
  return options;
}

const std::vector<std::string> kApril{"--from", "2026-04", "--to", "2026-05"};

std::vector<std::string> in_april(std::vector<std::string> words) {
  words.insert(words.end(), kApril.begin(), kApril.end());
  return words;
}

// CSV with its head, each line by name. Fields without quotes are what is not in quotes.
std::vector<std::map<std::string, std::string>> csv_lines(const std::string& text) {
  std::vector<std::vector<std::string>> lines(1);
  std::string field;
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quoted) {
      if (c != '"') field += c;
      else if (text[i + 1] == '"') field += text[++i];
      else quoted = false;
    } else if (c == '"') {
      quoted = true;
    } else if (c == ',' || c == '\n') {
      lines.back().push_back(std::exchange(field, {}));
      if (c == '\n') lines.emplace_back();
    } else if (c != '\r') {
      field += c;
    }
  }
  lines.pop_back();
  std::vector<std::map<std::string, std::string>> named;
  for (std::size_t i = 1; i < lines.size(); ++i) {
    REQUIRE(lines[i].size() == lines[0].size());
    auto& row = named.emplace_back();
    for (std::size_t k = 0; k < lines[i].size(); ++k) row[lines[0][k]] = lines[i][k];
  }
  return named;
}

Money sum_of(const std::vector<std::map<std::string, std::string>>& rows, const std::string& column) {
  Money sum;
  for (const auto& row : rows) {
    const auto& text = row.at(column);
    if (text.empty()) continue;
    const auto money = Money::parse(text);
    REQUIRE_MESSAGE(money.ok(), text);
    sum += *money;
  }
  return sum;
}

}  // namespace

TEST_CASE("the example of docs/cost.md is what the commands print, to the cent") {
  const Scratch scratch;
  const auto options = example_options(scratch);
  const auto cost = said_by(in_april({"report", "cost", "--by", "team"}), options);
  CHECK(cost.code == 0);
  CHECK(cost.text == block("cost"));
  const auto savings = said_by(in_april({"report", "savings", "--by", "team"}), options);
  CHECK(savings.text == block("savings"));
}

TEST_CASE("half a month costs its share of the month, and the two halves cost the whole") {
  const Scratch scratch;
  const auto options = example_options(scratch);
  const auto costs = [&](const char* from, const char* to) {
    return sum_of(csv_lines(said_by({"report", "cost", "--format", "csv", "--from", from, "--to", to}, options).text), "cost");
  };
  const auto first = costs("2026-04-01", "2026-04-10"), second = costs("2026-04-10", "2026-05-01");
  CHECK(first.rounded(2) == "98.33");  // 115 * 1100 / 1500 + 14: storage was counted on the 15th
  CHECK((first + second).text() == "199");
}

TEST_CASE("JSON and CSV have every digit, and the same figures") {
  const Scratch scratch;
  const auto options = example_options(scratch);
  const auto json = Json::parse(said_by(in_april({"report", "cost", "--by", "team,upstream", "--format", "json"}), options).text);
  REQUIRE(json.ok());
  const auto rows = json->at("rows")->items();
  const auto lines = csv_lines(
      said_by(in_april({"report", "cost", "--by", "team", "--by", "upstream", "--format", "csv"}), options).text);
  REQUIRE(rows.size() == lines.size());
  CHECK(rows.size() == 8);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    CHECK(rows[i].string_at("team") == lines[i].at("team"));
    CHECK(rows[i].string_at("upstream") == lines[i].at("upstream"));
    CHECK(std::to_string(*rows[i].integer_at("received_bytes")) == lines[i].at("received_bytes"));
    CHECK(rows[i].string_at("transfer_cost") == lines[i].at("transfer_cost"));
    CHECK(rows[i].has("cost"));
  }
  CHECK(sum_of(lines, "cost").text() == "199");
  CHECK(sum_of(lines, "savings").text() == "591");
}

TEST_CASE("top cuts the rows and not the total") {
  const Scratch scratch;
  const auto options = example_options(scratch);
  const auto json = Json::parse(
      said_by(in_april({"report", "usage", "--by", "repository", "--top", "2", "--format", "json"}), options).text);
  REQUIRE(json.ok());
  CHECK(json->at("rows")->items().size() == 2);
  CHECK(json->at("rows")->items()[0].string_at("repository") == "public.ecr.aws/ml/train");
  CHECK(json->at("total")->integer_at("sent_bytes") == 12'203'000'000'000);
  CHECK(json->integer_at("left_out") == 4);
}

TEST_CASE("reports of two sites are one report") {
  const Scratch scratch;
  const auto options = example_options(scratch);
  const auto one = said_by(in_april({"report", "cost", "--by", "team", "--format", "json"}), options).text;
  write_file(scratch.file("a.json"), one);
  write_file(scratch.file("b.json"), one);
  const auto merged = said_by({"report", "merge", scratch.file("a.json"), scratch.file("b.json"), "--format", "json"}, options);
  REQUIRE(merged.code == 0);
  const auto json = Json::parse(merged.text);
  CHECK(json->at("rows")->items().size() == 4);
  const auto twice = parse_report(merged.text);
  REQUIRE(twice.ok());
  CHECK(twice->total.cost().text() == "398");
  CHECK(twice->total.savings().text() == "1182");
  write_file(scratch.file("c.json"), said_by(in_april({"report", "cost", "--by", "upstream", "--format", "json"}), options).text);
  CHECK(said_by({"report", "merge", scratch.file("a.json"), scratch.file("c.json")}, options).code == 1);
  write_file(scratch.file("d.json"), "{\"rows\":[]}");
  CHECK(said_by({"report", "merge", scratch.file("d.json")}, options).code == 1);
  CHECK(said_by({"report", "merge", scratch.file("nowhere")}, options).code == 1);
}

TEST_CASE("ledgers of sites are merged, with each other and with reports") {
  const Scratch scratch, other;
  const auto options = example_options(scratch);
  fill_ledger(other.file("copied"), block("usage"));
  const auto total_of = [&](std::vector<std::string> words) {
    words.insert(words.begin(), {"report", "merge"});
    words.insert(words.end(), {"--format", "json"});
    const auto said = said_by(words, options);
    REQUIRE(said.code == 0);
    auto report = parse_report(said.text);
    REQUIRE(report.ok());
    return *std::move(report);
  };
  // The directory of a cache, and a meter that was copied from one.
  const auto both = total_of(in_april({scratch.path(), other.file("copied"), "--kind", "cost", "--by", "team"}));
  CHECK(both.total.cost().text() == "398");
  CHECK(both.rows.size() == 4);
  write_file(scratch.file("a.json"), said_by(in_april({"report", "savings", "--by", "team", "--format", "json"}), options).text);
  const auto mixed = total_of(in_april({other.file("copied"), scratch.file("a.json")}));
  CHECK(mixed.kind == ReportKind::savings);
  CHECK(mixed.rows.size() == 4);
  CHECK(mixed.total.savings().text() == "1182");
  CHECK(said_by({"report", "merge", Scratch().path()}, options).code == 1);
}

TEST_CASE("the FOCUS file adds up to what the table says") {
  const Scratch scratch;
  const auto options = example_options(scratch);
  const auto lines = csv_lines(said_by(in_april({"report", "cost", "--format", "focus"}), options).text);
  CHECK(sum_of(lines, "BilledCost").text() == "199");
  CHECK((sum_of(lines, "x_AvoidedCost")).text() == "661");  // 790 - 129: what is stored is not avoided
  std::map<std::string, Money> by_team;
  for (const auto& line : lines) by_team[line.at("SubAccountId")] += *Money::parse(line.at("BilledCost"));
  CHECK(by_team.at("ml").rounded(2) == "71.00");
  CHECK(by_team.at("web").rounded(2) == "46.33");
  CHECK(by_team.at("ops").rounded(2) == "11.67");
  CHECK(by_team.at("").rounded(2) == "70.00");
}

TEST_CASE("the page is one file that asks for nothing, and shows names as text") {
  const Scratch scratch;
  auto options = example_options(scratch);
  const auto page = said_by(in_april({"report", "usage", "--format", "html"}), options).text;
  CHECK(page.starts_with("<!doctype html>"));
  for (const char* outside : {"http:", "https:", "src=", "href=", "url(", "<script", "@import"})
    CHECK(page.find(outside) == std::string::npos);
  CHECK(page.find("591.00 USD") != std::string::npos);
  CHECK(page.find("<svg") != std::string::npos);
  fill_ledger(Layout(scratch.path()).usage(),
              "day\n2026-04-09,<b>&\"x',public.ecr.aws,<script>alert(1)</script>,sent,hit,1,90000\n");
  const auto hostile = said_by(in_april({"report", "usage", "--format", "html"}), options).text;
  CHECK(hostile.find("<script") == std::string::npos);
  CHECK(hostile.find("<b>") == std::string::npos);
  CHECK(hostile.find("&lt;script&gt;alert(1)&lt;/script&gt;") != std::string::npos);
}

TEST_CASE("what cannot be asked for is wrong usage, and where nothing was counted there is no report") {
  const Scratch scratch;
  const auto options = example_options(scratch);
  CHECK(said_by({"report", "usage", "--by", "color"}, options).code == 2);
  CHECK(said_by({"report", "usage", "--from", "yesterday"}, options).code == 2);
  CHECK(said_by({"report", "usage", "--from", "2026-05", "--to", "2026-04"}, options).code == 2);
  CHECK(said_by({"report", "usage", "--top", "0"}, options).code == 2);
  const Scratch empty;
  Options nothing;
  nothing.cache.directory = empty.path();
  CHECK(said_by({"report", "usage"}, nothing).code == 1);
}
