#include "commands/report_command.h"

#include <sys/stat.h>

#include <algorithm>
#include <cstdio>
#include <utility>

#include "base/file_system.h"
#include "base/text.h"
#include "cache/layout.h"
#include "commands/command_tools.h"
#include "meter/focus.h"
#include "meter/report_page.h"
#include "meter/report_text.h"

namespace weir {
namespace {

constexpr std::size_t kMostReportBytes = 256 << 20;

std::vector<Flag> query_flags() {
  auto flags = config_flags();
  flags.push_back(
      {"from", "TIME", "The first hour: 2026, 2026-01, 2026-01-31 or 2026-01-31T05, in UTC; else the first there is."});
  flags.push_back({"to", "TIME", "The first hour that is not in it any more; else all up to now."});
  flags.push_back(
      {"by", "WHAT", "identity, team, repository, upstream, outcome or day; several with commas; may be repeated.", true});
  flags.push_back({"top", "NUMBER", "Only so many rows; the total is of all."});
  return flags;
}

std::vector<Flag> report_flags() {
  auto flags = query_flags();
  flags.push_back({"format", "table|csv|json|focus|html", "How to print.", false, "table"});
  return flags;
}

std::vector<Flag> merge_flags() {
  auto flags = query_flags();
  flags.push_back({"kind", "usage|cost|savings", "What to say of ledgers; else what the first report says, or usage."});
  flags.push_back({"format", "table|csv|json", "How to print.", false, "table"});
  return flags;
}

int wrong_usage(const std::string& what) {
  std::fprintf(stderr, "weir: %s\n", what.c_str());
  return 2;
}

// What a flag says; nothing when it is not there. Error: invalid.
Result<std::optional<HourNumber>> moment_of(const Invocation& invocation, const char* flag) {
  const auto text = invocation.value(flag);
  if (!text) return std::optional<HourNumber>();
  const auto moment = parse_moment(*text);
  if (!moment)
    return Error{Failure::invalid, Side::client, false, std::string("--") + flag + " " + *text + ": " + moment.error().what};
  return std::optional(*moment);
}

Result<std::size_t> top_of(const Invocation& invocation) {
  const auto text = invocation.value("top");
  if (!text) return std::size_t{0};
  const auto number = parse_number(*text);
  if (!number || *number == 0) return Error{Failure::invalid, Side::client, false, "--top " + *text + ": a number from 1"};
  return static_cast<std::size_t>(*number);
}

// REQUIRES: it is one, which the command line sees to.
ReportKind kind_of(std::string_view word) {
  const auto known = std::find(kReportKindNames.begin(), kReportKindNames.end(), word);
  MUST(known != kReportKindNames.end());
  return static_cast<ReportKind>(known - kReportKindNames.begin());
}

Result<ReportQuery> query_of(const Invocation& invocation, ReportKind kind) {
  ReportQuery query;
  query.kind = kind;
  const auto from = moment_of(invocation, "from"), to = moment_of(invocation, "to");
  const auto top = top_of(invocation);
  if (!from) return from.error();
  if (!to) return to.error();
  if (!top) return top.error();
  query.from = from->value_or(0);
  query.to = to->value_or(kNoEnd);
  if (query.from >= query.to) return Error{Failure::invalid, Side::client, false, "--to is not after --from"};
  query.top = *top;
  for (const auto& given : invocation.values("by")) {
    for (const auto word : words(given)) {
      const auto dimension = parse_dimension(word);
      if (!dimension) {
        return Error{Failure::invalid, Side::client, false,
                     "--by " + std::string(word) + ": not one of identity, team, repository, upstream, outcome, day"};
      }
      if (std::find(query.by.begin(), query.by.end(), *dimension) == query.by.end()) query.by.push_back(*dimension);
    }
  }
  return query;
}

void group_by_default(ReportQuery& query) {
  if (query.by.empty()) query.by.push_back(query.kind == ReportKind::usage ? Dimension::outcome : Dimension::upstream);
}

void print_report(const Report& report, const std::string& format) {
  if (format == "json") print(report_json(report));
  else if (format == "csv") print(report_csv(report));
  else print(report_table(report));
}

Result<Report> read_report(const std::string& file) {
  const auto text = read_small_file(file, kMostReportBytes);
  if (!text) return text.error();
  auto report = parse_report(*text);
  if (!report) return Error{Failure::invalid, Side::client, false, file + ": " + report.error().what};
  return report;
}

bool is_directory(const std::string& path) {
  struct stat status{};
  return ::stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
}

// The usage below a site's cache directory, or in what was copied of it: its `meter`.
Result<UsageView> open_usage(const std::string& directory) {
  auto below = UsageView::open(Layout(directory).usage());
  if (below || below.error().failure != Failure::not_found) return below;
  return UsageView::open(directory);
}

// Reports as JSON are taken as they are; ledgers are asked the same as the first of them, or what the flags say.
int merge(const Invocation& invocation, const Options& options) {
  const auto given_kind = invocation.value("kind");
  auto query = query_of(invocation, kind_of(given_kind.value_or("usage")));
  if (!query) return wrong_usage(query.error().what);
  std::vector<Report> reports;
  std::vector<std::string> ledgers;
  for (const auto& file : invocation.positionals) {
    if (is_directory(file)) {
      ledgers.push_back(file);
      continue;
    }
    auto report = read_report(file);
    if (!report) return complain(report.error());
    reports.push_back(*std::move(report));
  }
  if (!reports.empty() && !given_kind) query->kind = reports[0].kind;
  if (!reports.empty() && query->by.empty()) query->by = reports[0].by;
  group_by_default(*query);
  const auto top = std::exchange(query->top, 0);
  for (const auto& ledger : ledgers) {
    const auto view = open_usage(ledger);
    if (!view) return complain(Error{view.error().failure, Side::local, false, ledger + ": " + view.error().what});
    reports.push_back(make_report(*view, *options.price.prices, options.price.currency, *query));
  }
  auto merged = merge_reports(std::move(reports));
  if (!merged) return complain(merged.error());
  order_report(*merged, top);
  print_report(*merged, invocation.value("format").value_or("table"));
  return 0;
}

}  // namespace

std::vector<Command> report_commands() {
  return {{"report usage", "requests and bytes, by outcome or as --by says", report_flags(), {}},
          {"report cost", "what upstreams and storage cost, by the prices of [price]", report_flags(), {}},
          {"report savings", "what the same pulls had cost straight from the upstreams, and what was saved", report_flags(), {}},
          {"report merge",
           "several sites as one: their ledgers, or reports printed with --format json",
           merge_flags(),
           {{"FILE", "a report as JSON, or the directory of a site's cache or of its meter", true, true}}}};
}

int report_command(const Invocation& invocation, const Options& options) {
  if (invocation.command == "report merge") return merge(invocation, options);
  auto query = query_of(invocation, kind_of(invocation.command.substr(invocation.command.find(' ') + 1)));
  if (!query) return wrong_usage(query.error().what);
  group_by_default(*query);
  auto view = UsageView::open(Layout(options.cache.directory).usage());
  if (!view) return complain(view.error());
  const auto format = invocation.value("format").value_or("table");
  const auto& prices = *options.price.prices;
  const auto& currency = options.price.currency;
  if (format == "focus") {
    write_focus(*view, prices, currency, query->from, query->to,
                [](std::string_view piece) { std::fwrite(piece.data(), 1, piece.size(), stdout); });
  } else if (format == "html") {
    print(report_page(*view, prices, currency, query->from, query->to));
  } else {
    print_report(make_report(*view, prices, currency, *query), format);
  }
  return 0;
}

}  // namespace weir
