#pragma once
// A report as one HTML file that needs nothing else: its charts are drawn in it, and no address of anything is in it. Whatever a
// name contains is text in it.

#include <string>

#include "meter/report.h"

namespace weir {

// Bytes by day and outcome, the repositories that clients pulled most, cost by team, and savings by day; by month where there
// are more than three months.
std::string report_page(const UsageView& view, const Prices& prices, std::string_view currency, HourNumber from, HourNumber to);

// &, <, > and both quotes as HTML wants them.
std::string html_text(std::string_view text);

}  // namespace weir
