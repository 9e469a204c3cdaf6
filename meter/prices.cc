#include "meter/prices.h"

#include <algorithm>
#include <optional>
#include <set>

#include "base/text.h"

namespace weir {
namespace {

constexpr std::size_t kMostPriceLine = 1024;

struct Token {
  std::string_view text;
  unsigned column = 1;
};

// Words between blanks, each with where it begins.
std::vector<Token> tokens_of(std::string_view line) {
  std::vector<Token> tokens;
  for (std::size_t at = 0; at < line.size();) {
    const auto begin = line.find_first_not_of(" \t", at);
    if (begin == std::string_view::npos) break;
    at = std::min(line.find_first_of(" \t", begin), line.size());
    tokens.push_back({line.substr(begin, at - begin), static_cast<unsigned>(begin + 1)});
  }
  return tokens;
}

// As it may be printed: cut, and nothing in it that ends a line.
std::string in_quotes(std::string_view text) {
  std::string shown = "\"";
  for (const char c : text.substr(0, 40)) shown += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? '?' : c;
  return shown + (text.size() > 40 ? "...\"" : "\"");
}

bool valid_what(std::string_view text) {
  return text.size() <= 128 && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_' || c == ':';
         });
}

struct PriceLine {
  unsigned number = 0;
  std::string what;
  PriceMeter meter = PriceMeter::received_gb;
  UnitPrice price;
  DayNumber from = 0, until = UINT32_MAX;
  std::uint64_t up_to = UINT64_MAX;
  unsigned column = 1;  // of `what`, or of the condition that tells it from others
  unsigned from_column = 1, until_column = 1;
};

}  // namespace

std::string_view price_meter_name(PriceMeter meter) {
  switch (meter) {
    case PriceMeter::received_gb: return "transfer-gb";
    case PriceMeter::sent_gb: return "transfer-gb direction=sent";
    case PriceMeter::request_1000: return "request-1000";
    case PriceMeter::gb_month: return "gb-month";
  }
  return "";
}

class PriceParser {
 public:
  std::variant<Prices, std::vector<PriceError>> parse(std::string_view text) {
    if (text.size() > Prices::kMostBytes) {
      wrong(1, 1, "the file is larger than a MiB");
      return std::move(errors_);
    }
    if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
    unsigned number = 0;
    for (std::string_view line : split(text, '\n')) {
      ++number;
      if (line.ends_with('\r')) line.remove_suffix(1);
      read_line(number, line);
    }
    for (auto& line : lines_) put(line);
    check_lists();
    if (errors_.empty()) return std::move(prices_);
    std::sort(errors_.begin(), errors_.end(),
              [](const auto& a, const auto& b) { return std::pair(a.line, a.column) < std::pair(b.line, b.column); });
    return std::move(errors_);
  }

 private:
  void wrong(unsigned line, unsigned column, std::string what) { errors_.push_back({line, column, std::move(what)}); }

  void read_line(unsigned number, std::string_view text) {
    if (text.size() > kMostPriceLine) return wrong(number, 1, "a line is at most 1024 bytes long");
    const auto tokens = tokens_of(text);
    if (tokens.empty() || tokens[0].text.starts_with('#')) return;
    const auto before = errors_.size();
    PriceLine line{.number = number, .what = std::string(tokens[0].text), .column = tokens[0].column};
    if (!valid_what(tokens[0].text))
      wrong(number, tokens[0].column, in_quotes(tokens[0].text) + " is neither the name of an upstream nor `storage`");
    if (tokens.size() < 3) {
      const auto end = static_cast<unsigned>(text.size() + 1);
      return wrong(number, end,
                   tokens.size() < 2 ? "the meter is missing: transfer-gb, request-1000 or gb-month" : "the price is missing");
    }
    read_meter(line, tokens[1]);
    const auto price = UnitPrice::parse(tokens[2].text);
    if (price) line.price = *price;
    else
      wrong(number, tokens[2].column,
            in_quotes(tokens[2].text) + " is no price from 0 to 999999 with up to nine decimals, such as 0.09");
    read_conditions(line, tokens);
    if (errors_.size() == before) lines_.push_back(std::move(line));
  }

  void read_meter(PriceLine& line, const Token& token) {
    const bool storage = line.what == Prices::kStorage;
    if (token.text == "transfer-gb") line.meter = PriceMeter::received_gb;
    else if (token.text == "request-1000") line.meter = PriceMeter::request_1000;
    else if (token.text == "gb-month") line.meter = PriceMeter::gb_month;
    else return wrong(line.number, token.column, in_quotes(token.text) + " is no meter: transfer-gb, request-1000 or gb-month");
    if (storage && line.meter != PriceMeter::gb_month) wrong(line.number, token.column, "`storage` is priced by gb-month");
    if (!storage && line.meter == PriceMeter::gb_month)
      wrong(line.number, token.column, "gb-month is a price of `storage`, not of an upstream");
  }

  void read_conditions(PriceLine& line, const std::vector<Token>& tokens) {
    std::set<std::string_view> given;
    for (std::size_t i = 3; i < tokens.size(); ++i) {
      const auto& token = tokens[i];
      const auto equals = token.text.find('=');
      const auto name = token.text.substr(0, equals);
      if (equals == std::string_view::npos) {
        wrong(line.number, token.column, in_quotes(token.text) + " is no condition: from=, until=, up-to= or direction=");
        continue;
      }
      if (!given.insert(name).second) {
        wrong(line.number, token.column, in_quotes(name) + " is given twice");
        continue;
      }
      const Token value{token.text.substr(equals + 1), token.column + static_cast<unsigned>(equals) + 1};
      read_condition(line, name, value, token);
    }
    if (line.until <= line.from) wrong(line.number, line.until_column, "until= is not after from=");
  }

  void read_condition(PriceLine& line, std::string_view name, const Token& value, const Token& whole) {
    if (name == "from" || name == "until") {
      const auto moment = parse_moment(value.text);
      if (!moment || *moment % 24 != 0)
        return wrong(line.number, value.column, in_quotes(value.text) + " is no day, such as 2026-01-31");
      (name == "from" ? line.from : line.until) = day_of(*moment);
      (name == "from" ? line.from_column : line.until_column) = whole.column;
    } else if (name == "up-to") {
      const bool counts = line.meter == PriceMeter::request_1000;
      const auto amount = counts ? parse_number(value.text) : parse_size(value.text);
      if (!amount || *amount == 0) {
        return wrong(line.number, value.column,
                     in_quotes(value.text) + (counts ? " is no number of requests, such as 1000000" : " is no size, such as 10TB"));
      }
      line.up_to = *amount;
      line.column = whole.column;
    } else if (name == "direction") {
      if (line.meter != PriceMeter::received_gb) return wrong(line.number, whole.column, "direction= belongs to transfer-gb");
      if (value.text == "sent") line.meter = PriceMeter::sent_gb;
      else if (value.text != "received")
        wrong(line.number, value.column, in_quotes(value.text) + " is no direction: received or sent");
    } else {
      wrong(line.number, whole.column, in_quotes(name) + " is no condition: from=, until=, up-to= or direction=");
    }
  }

  void put(const PriceLine& line) {
    auto& lists = prices_.lists_[{line.what, line.meter}];
    auto list = std::find_if(lists.begin(), lists.end(), [&](const auto& other) { return other.from == line.from; });
    if (list == lists.end()) {
      list = lists.insert(lists.end(), Prices::List{line.from, line.until, {}});
      began_[{line.what, line.meter, line.from}] = line.number;
    } else if (list->until != line.until) {
      return wrong(line.number, line.until_column,
                   "until= is another one than at line " + std::to_string(began_[{line.what, line.meter, line.from}]) +
                       ", though both begin on the same day");
    }
    const auto [place, first] = tiers_.emplace(std::tuple(line.what, line.meter, line.from, line.up_to), line.number);
    if (!first) return wrong(line.number, line.column, "this is priced at line " + std::to_string(place->second) + " already");
    list->tiers.push_back({line.price, line.up_to});
  }

  void check_lists() {
    for (auto& [key, lists] : prices_.lists_) {
      std::sort(lists.begin(), lists.end(), [](const auto& a, const auto& b) { return a.from < b.from; });
      for (auto& list : lists) {
        std::sort(list.tiers.begin(), list.tiers.end(), [](const auto& a, const auto& b) { return a.up_to < b.up_to; });
        if (!list.tiers.empty()) list.tiers.back().up_to = UINT64_MAX;
      }
    }
  }

  Prices prices_;
  std::vector<PriceLine> lines_;
  std::vector<PriceError> errors_;
  std::map<std::tuple<std::string, PriceMeter, DayNumber>, unsigned> began_;
  std::map<std::tuple<std::string, PriceMeter, DayNumber, std::uint64_t>, unsigned> tiers_;
};

std::variant<Prices, std::vector<PriceError>> Prices::parse(std::string_view text) { return PriceParser().parse(text); }

const Prices::Tiers* Prices::tiers(std::string_view what, PriceMeter meter, DayNumber day) const {
  const auto found = lists_.find(Key(what, meter));
  if (found == lists_.end()) return nullptr;
  for (auto list = found->second.rbegin(); list != found->second.rend(); ++list) {
    if (list->from <= day && day < list->until) return &list->tiers;
  }
  return nullptr;
}

bool Prices::knows(std::string_view what, PriceMeter meter) const { return lists_.contains(Key(what, meter)); }

std::vector<DayNumber> Prices::changes(std::string_view what, PriceMeter meter, DayNumber from, DayNumber until) const {
  std::set<DayNumber> days;
  if (const auto found = lists_.find(Key(what, meter)); found != lists_.end()) {
    for (const auto& list : found->second) {
      for (const auto day : {list.from, list.until}) {
        if (day > from && day < until && tiers(what, meter, day - 1) != tiers(what, meter, day)) days.insert(day);
      }
    }
  }
  return {days.begin(), days.end()};
}

bool Prices::changes_within(MonthNumber month) const {
  const auto from = first_day(month), until = first_day(month + 1);
  return std::any_of(lists_.begin(), lists_.end(),
                     [&](const auto& list) { return !changes(list.first.first, list.first.second, from, until).empty(); });
}

Money Prices::price(const Tiers& tiers, PriceMeter meter, std::uint64_t before, std::uint64_t amount, MonthNumber month) {
  Money sum;
  const auto hours = hours_of(month);
  const auto one = [&](UnitPrice price, std::uint64_t part) {
    if (meter == PriceMeter::request_1000) return price.each_thousand(part);
    return meter == PriceMeter::gb_month ? price.each_gb_month(part, hours) : price.each_gb(part);
  };
  for (const auto& tier : tiers) {
    // A tier of storage is told in bytes that were there all the month.
    auto end = tier.up_to;
    if (meter == PriceMeter::gb_month && __builtin_mul_overflow(end, std::uint64_t{hours}, &end)) end = UINT64_MAX;
    if (amount == 0) break;
    if (before >= end) continue;
    const auto part = std::min(amount, end - before);
    sum += one(tier.price, part);
    before += part;
    amount -= part;
  }
  if (amount > 0 && !tiers.empty()) sum += one(tiers.back().price, amount);
  return sum;
}

}  // namespace weir
