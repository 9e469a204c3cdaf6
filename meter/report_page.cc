#include "meter/report_page.h"

#include <algorithm>
#include <map>

namespace weir {
namespace {

constexpr std::size_t kMostDaysDrawn = 93;
constexpr std::size_t kMostBarsDrawn = 15;
constexpr unsigned kChartWidth = 900, kChartHeight = 220, kBarHeight = 24, kLabelWidth = 340;

constexpr std::string_view kPageStyle = R"(<style>
:root { color-scheme: light dark; font: 15px/1.45 system-ui, sans-serif; }
body { max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.1rem; margin-top: 2.2rem; }
svg { width: 100%; height: auto; } svg text { font-size: 12px; fill: currentColor; }
table { border-collapse: collapse; } td, th { padding: .15rem .8rem .15rem 0; text-align: right; }
td:first-child, th:first-child { text-align: left; }
.facts td:last-child { font-weight: 600; } .key span { display: inline-block; width: .8em; height: .8em; margin: 0 .3em 0 1em; }
.note { opacity: .75; }
</style>
)";

// By the order of the outcomes: what was saved is green, what was fetched blue, what went wrong red.
constexpr std::string_view kOutcomeColors[] = {"#2e9e5b", "#7cc79a", "#3b78c4", "#c9a227", "#8a8f98", "#b06fc0", "#c4453b"};

std::string gb_text(std::uint64_t bytes) {
  const auto milli = bytes / 1'000'000;
  auto rest = std::to_string(milli % 1000);
  rest.insert(0, 3 - rest.size(), '0');
  return std::to_string(milli / 1000) + '.' + rest + " GB";
}

// Its place on a scale of `pixels`, in whole pixels.
unsigned scaled(std::uint64_t part, std::uint64_t whole, unsigned pixels) {
  if (whole == 0) return 0;
  return static_cast<unsigned>(static_cast<unsigned __int128>(part) * pixels / whole);
}

std::uint64_t cents(Money money, unsigned decimals) {
  if (money < Money()) return 0;
  __int128 unit = 1;
  for (unsigned i = decimals; i < Money::kDecimals; ++i) unit *= 10;
  return static_cast<std::uint64_t>(std::min<__int128>(money.attos() / unit, INT64_MAX));
}

std::string rect(unsigned x, unsigned y, unsigned width, unsigned height, std::string_view color, const std::string& title) {
  return "<rect x=\"" + std::to_string(x) + "\" y=\"" + std::to_string(y) + "\" width=\"" + std::to_string(width) +
         "\" height=\"" + std::to_string(height) + "\" fill=\"" + std::string(color) + "\"><title>" + html_text(title) +
         "</title></rect>\n";
}

std::string label(unsigned x, unsigned y, std::string_view anchor, std::string_view text) {
  return "<text x=\"" + std::to_string(x) + "\" y=\"" + std::to_string(y) + "\" text-anchor=\"" + std::string(anchor) + "\">" +
         html_text(text) + "</text>\n";
}

std::string svg(unsigned height, std::string_view name, const std::string& inside) {
  return "<svg viewBox=\"0 0 " + std::to_string(kChartWidth) + ' ' + std::to_string(height) + "\" role=\"img\" aria-label=\"" +
         html_text(name) + "\">\n" + inside + "</svg>\n";
}

// One column for a day or a month, its parts on top of each other.
struct ChartColumn {
  struct Part {
    std::uint64_t size = 0;
    std::string_view color;
    std::string title;
  };
  std::string name;
  std::vector<Part> parts;
  std::uint64_t sum() const {
    std::uint64_t all = 0;
    for (const auto& part : parts) all += part.size;
    return all;
  }
};

std::string column_chart(const std::vector<ChartColumn>& columns, std::string_view name, const std::string& most_text) {
  std::uint64_t most = 0;
  for (const auto& column : columns) most = std::max(most, column.sum());
  std::string inside = label(0, 12, "start", most_text);
  const auto count = static_cast<unsigned>(columns.size());
  const unsigned step = count > 0 ? std::max(2u, kChartWidth / count) : kChartWidth;
  for (unsigned i = 0; i < count; ++i) {
    unsigned y = kChartHeight;
    for (const auto& part : columns[i].parts) {
      const auto height = scaled(part.size, most, kChartHeight - 20);
      if (height == 0) continue;
      y -= height;
      inside += rect(i * step, y, std::max(1u, step * 4 / 5), height, part.color, columns[i].name + ": " + part.title);
    }
  }
  if (count > 0) {
    inside += label(0, kChartHeight + 16, "start", columns.front().name);
    if (count > 1) inside += label(std::min(kChartWidth, step * count), kChartHeight + 16, "end", columns.back().name);
  }
  return svg(kChartHeight + 22, name, inside);
}

struct ChartBar {
  std::string name;
  std::uint64_t size = 0;
  std::string text;
};

std::string bar_chart(const std::vector<ChartBar>& bars, std::string_view name) {
  std::uint64_t most = 0;
  for (const auto& bar : bars) most = std::max(most, bar.size);
  std::string inside;
  unsigned y = 0;
  for (const auto& bar : bars) {
    inside += label(0, y + 16, "start", bar.name.size() > 48 ? "…" + bar.name.substr(bar.name.size() - 46) : bar.name);
    const auto width = std::max(1u, scaled(bar.size, most, kChartWidth - kLabelWidth - 130));
    inside += rect(kLabelWidth, y + 3, width, kBarHeight - 6, kOutcomeColors[2], bar.name + ": " + bar.text);
    inside += label(kLabelWidth + width + 6, y + 16, "start", bar.text);
    y += kBarHeight;
  }
  return svg(std::max(y, kBarHeight), name, inside);
}

// Days as they are, or by their months.
std::string column_name(const std::string& day, bool months) { return months ? day.substr(0, 7) : day; }

bool draw_months(const Report& by_outcome) {
  std::map<std::string_view, int> days;
  for (const auto& row : by_outcome.rows) days[row.keys[0]] = 1;
  return days.size() > kMostDaysDrawn;
}

std::string bytes_chart(const Report& report) {
  const bool months = draw_months(report);
  std::map<std::string, std::map<std::size_t, std::uint64_t>> columns;
  for (const auto& row : report.rows) {
    const auto outcome = std::find(kOutcomeNames.begin(), kOutcomeNames.end(), row.keys[1]) - kOutcomeNames.begin();
    if (outcome == static_cast<std::ptrdiff_t>(kOutcomeNames.size())) continue;
    columns[column_name(row.keys[0], months)][static_cast<std::size_t>(outcome)] += row.figures.sent_bytes;
  }
  std::vector<ChartColumn> drawn;
  std::uint64_t most = 0;
  for (const auto& [name, parts] : columns) {
    ChartColumn column{name, {}};
    for (const auto& [outcome, bytes] : parts)
      column.parts.push_back({bytes, kOutcomeColors[outcome], std::string(kOutcomeNames[outcome]) + ' ' + gb_text(bytes)});
    most = std::max(most, column.sum());
    drawn.push_back(std::move(column));
  }
  std::string key = "<p class=\"key\">";
  for (std::size_t i = 0; i < kOutcomeNames.size(); ++i)
    key += "<span style=\"background:" + std::string(kOutcomeColors[i]) + "\"></span>" + std::string(kOutcomeNames[i]);
  return column_chart(drawn, "Bytes sent by outcome", gb_text(most)) + key + "</p>\n";
}

std::string savings_chart(const Report& report, unsigned decimals) {
  const bool months = draw_months(report);
  std::map<std::string, Money> columns;
  for (const auto& row : report.rows) columns[column_name(row.keys[0], months)] += row.figures.savings();
  std::vector<ChartColumn> drawn;
  Money most;
  for (const auto& [name, saved] : columns) {
    most = std::max(most, saved);
    drawn.push_back({name, {{cents(saved, decimals), kOutcomeColors[0], saved.rounded(decimals) + ' ' + report.currency}}});
  }
  return column_chart(drawn, "Savings", most.rounded(decimals) + ' ' + report.currency);
}

std::string fact(std::string_view name, const std::string& value) {
  return "<tr><td>" + std::string(name) + "</td><td>" + html_text(value) + "</td></tr>\n";
}

}  // namespace

std::string html_text(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    switch (c) {
      case '&': escaped += "&amp;"; break;
      case '<': escaped += "&lt;"; break;
      case '>': escaped += "&gt;"; break;
      case '"': escaped += "&quot;"; break;
      case '\'': escaped += "&#39;"; break;
      default: escaped += c;
    }
  }
  return escaped;
}

std::string report_page(const UsageView& view, const Prices& prices, std::string_view currency, HourNumber from, HourNumber to) {
  const auto report = [&](ReportKind kind, std::vector<Dimension> by, std::size_t top) {
    return make_report(view, prices, currency, {kind, from, to, std::move(by), top});
  };
  const auto decimals = minor_digits(currency);
  const auto by_outcome = report(ReportKind::savings, {Dimension::day, Dimension::outcome}, 0);
  const auto by_repository = report(ReportKind::usage, {Dimension::repository}, kMostBarsDrawn);
  const auto by_team = report(ReportKind::cost, {Dimension::team}, kMostBarsDrawn);
  const auto& total = by_outcome.total;
  const auto money = [&](Money amount) { return amount.rounded(decimals) + ' ' + std::string(currency); };

  std::string page =
      "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<title>weir: what was used, and what it cost</title>\n";
  page += kPageStyle;
  page += "<h1>What was used, and what it cost</h1>\n<p>From " + html_text(by_outcome.from) + " to " + html_text(by_outcome.to) +
          ".</p>\n";
  page += "<table class=\"facts\">\n" + fact("requests answered", std::to_string(total.requests));
  page += fact("sent to clients", gb_text(total.sent_bytes)) + fact("received from upstreams", gb_text(total.received_bytes));
  page += fact("cost", money(total.cost())) + fact("straight from the upstreams it had been", money(total.direct_cost));
  page += fact("saved", money(total.savings())) + "</table>\n";

  page += "<h2>Sent to clients, by " + std::string(draw_months(by_outcome) ? "month" : "day") + " and outcome</h2>\n" +
          bytes_chart(by_outcome);
  std::vector<ChartBar> repositories, teams;
  for (const auto& row : by_repository.rows) {
    const auto bytes = row.figures.sent_bytes + row.figures.received_bytes;
    repositories.push_back({row.keys[0], bytes, gb_text(bytes)});
  }
  for (const auto& row : by_team.rows)
    teams.push_back({row.keys[0] == "-" ? "storage, and what is nobody's" : row.keys[0], cents(row.figures.cost(), decimals),
                     money(row.figures.cost())});
  page += "<h2>Repositories with the most bytes, sent and received</h2>\n" + bar_chart(repositories, "Bytes by repository");
  page += "<h2>Cost by team</h2>\n" + bar_chart(teams, "Cost by team");
  page += "<h2>Savings</h2>\n" + savings_chart(by_outcome, decimals);
  for (const auto& what : by_outcome.unpriced) page += "<p class=\"note\">No price for " + html_text(what) + ".</p>\n";
  return page + "</html>\n";
}

}  // namespace weir
