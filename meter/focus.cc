#include "meter/focus.h"

#include <algorithm>
#include <map>
#include <tuple>
#include <utility>

#include "base/json.h"
#include "meter/bill.h"
#include "meter/report_text.h"

namespace weir {
namespace {

constexpr std::size_t kFocusPiece = 1 << 20;

// What is charged, apart from the meter.
struct FocusItem {
  Period period;
  SeriesNumber series;  // one of those it is made of: its outcome and direction say nothing
  std::uint64_t received = 0, upstream_requests = 0, sent = 0, stored = 0, direct_bytes = 0, direct_requests = 0;
};

enum class FocusMeter : unsigned char { transfer_in, requests, transfer_out, storage };

struct FocusLine {
  const FocusItem& item;
  const UsageKey& series;
  FocusMeter meter;
  Money cost, avoided;
  std::string_view currency;
};

struct MeterWords {
  std::string_view name, description, category, subcategory, service, unit, consumed_unit;
};
constexpr MeterWords kMeterWords[] = {
    {"UpstreamTransferIn", "Bytes received from a registry", "Networking", "Content Delivery", "Registry Transfer", "GB", "GB"},
    {"UpstreamRequests", "Requests made to a registry", "Networking", "Content Delivery", "Registry Transfer", "1000 Requests",
     "Requests"},
    {"ClientTransferOut", "Bytes sent to the site's clients", "Networking", "Content Delivery", "Registry Transfer", "GB", "GB"},
    {"StorageGBMonths", "Images stored in the cache", "Storage", "Object Storage", "Image Storage", "GB-Months", "GB-Hours"},
};
const MeterWords& words_of(FocusMeter meter) { return kMeterWords[static_cast<std::size_t>(meter)]; }

// A count of 10^-decimals, as a decimal without zeros that say nothing.
std::string decimal_of(std::uint64_t count, unsigned decimals) {
  __int128 attos = static_cast<__int128>(count);
  for (unsigned i = decimals; i < Money::kDecimals; ++i) attos *= 10;
  return Money::of_attos(attos).text();
}

unsigned month_hours(const FocusItem& item) { return hours_of(month_of(day_of(item.period.begin()))); }

// What is priced, as a count and by how much it is more than one unit: GB are 10^9 bytes, and so on.
struct FocusQuantity {
  std::uint64_t count;
  std::uint64_t unit;
};
FocusQuantity quantity_of(const FocusLine& line) {
  switch (line.meter) {
    case FocusMeter::transfer_in: return {line.item.received, 1'000'000'000};
    case FocusMeter::requests: return {line.item.upstream_requests, 1000};
    case FocusMeter::transfer_out: return {line.item.sent, 1'000'000'000};
    case FocusMeter::storage: return {line.item.stored, 1'000'000'000ull * month_hours(line.item)};
  }
  return {0, 1};
}

// count / unit, half to even at the eighteenth decimal.
std::string quotient(std::uint64_t count, std::uint64_t unit) {
  const __int128 one = static_cast<__int128>(1'000'000'000) * 1'000'000'000;
  const auto whole = Money::of_attos(static_cast<__int128>(count / unit) * one);
  return (whole + Money::of_attos(one).share(count % unit, unit)).text();
}

// cost / (count / unit): what one unit cost.
std::string unit_price(Money cost, const FocusQuantity& quantity) {
  if (quantity.count == 0) return "0";
  const auto count = static_cast<__int128>(quantity.count), unit = static_cast<__int128>(quantity.unit);
  const auto whole = cost.attos() / count, rest = cost.attos() % count;
  // Both products are below 2^127: a price is below a million, and the rest below the count.
  __int128 more = 0;
  if (__builtin_mul_overflow(rest, unit, &more)) more = rest / count * unit;
  else more = (more + count / 2) / count;
  return Money::of_attos(whole * unit + more).text();
}

std::string consumed(const FocusLine& line) {
  switch (line.meter) {
    case FocusMeter::transfer_in: return decimal_of(line.item.received, 9);
    case FocusMeter::requests: return decimal_of(line.item.upstream_requests, 0);
    case FocusMeter::transfer_out: return decimal_of(line.item.sent, 9);
    case FocusMeter::storage: return decimal_of(line.item.stored, 9);
  }
  return "0";
}

std::string avoided_quantity(const FocusItem& item) {
  const bool more = item.direct_bytes >= item.received;
  return (more ? "" : "-") + decimal_of(more ? item.direct_bytes - item.received : item.received - item.direct_bytes, 9);
}

std::string provider_of(const FocusLine& line) {
  return line.meter == FocusMeter::storage || line.series.upstream.empty() ? std::string("weir")
                                                                           : std::string(line.series.upstream);
}

std::string tags_of(const FocusLine& line) {
  JsonWriter json;
  json.object();
  if (!line.series.identity.empty()) json.member("identity", line.series.identity);
  if (!line.series.team.empty()) json.member("team", line.series.team);
  return json.end().take();
}

std::string hour_of_month(const FocusLine& line, unsigned months_on) {
  return hour_text(first_day(month_of(day_of(line.item.period.begin())) + months_on) * 24);
}

std::string sku_of(const FocusLine& line) { return provider_of(line) + '/' + std::string(words_of(line.meter).name); }

struct FocusColumn {
  std::string_view name;
  std::string (*value)(const FocusLine& line);  // not yet quoted; empty: null
};

// The 21 mandatory columns, the conditional ones that this data has, and our own, in alphabetical order within each.
constexpr FocusColumn kFocusColumns[] = {
    {"BilledCost", [](const FocusLine& line) { return line.cost.text(); }},
    {"BillingAccountId", [](const FocusLine& line) { return provider_of(line); }},
    {"BillingAccountName", [](const FocusLine& line) { return provider_of(line); }},
    {"BillingCurrency", [](const FocusLine& line) { return std::string(line.currency); }},
    {"BillingPeriodEnd", [](const FocusLine& line) { return hour_of_month(line, 1); }},
    {"BillingPeriodStart", [](const FocusLine& line) { return hour_of_month(line, 0); }},
    {"ChargeCategory", [](const FocusLine&) { return std::string("Usage"); }},
    {"ChargeClass", [](const FocusLine&) { return std::string(); }},
    {"ChargeDescription", [](const FocusLine& line) { return std::string(words_of(line.meter).description); }},
    {"ChargePeriodEnd", [](const FocusLine& line) { return hour_text(line.item.period.end()); }},
    {"ChargePeriodStart", [](const FocusLine& line) { return hour_text(line.item.period.begin()); }},
    {"ContractedCost", [](const FocusLine& line) { return line.cost.text(); }},
    {"EffectiveCost", [](const FocusLine& line) { return line.cost.text(); }},
    {"InvoiceIssuerName", [](const FocusLine& line) { return provider_of(line); }},
    {"ListCost", [](const FocusLine& line) { return line.cost.text(); }},
    {"PricingQuantity",
     [](const FocusLine& line) {
       const auto quantity = quantity_of(line);
       return quotient(quantity.count, quantity.unit);
     }},
    {"PricingUnit", [](const FocusLine& line) { return std::string(words_of(line.meter).unit); }},
    {"ProviderName", [](const FocusLine& line) { return provider_of(line); }},
    {"PublisherName", [](const FocusLine& line) { return provider_of(line); }},
    {"ServiceCategory", [](const FocusLine& line) { return std::string(words_of(line.meter).category); }},
    {"ServiceName", [](const FocusLine& line) { return std::string(words_of(line.meter).service); }},

    {"ChargeFrequency", [](const FocusLine&) { return std::string("Usage-Based"); }},
    {"ConsumedQuantity", [](const FocusLine& line) { return consumed(line); }},
    {"ConsumedUnit", [](const FocusLine& line) { return std::string(words_of(line.meter).consumed_unit); }},
    {"ContractedUnitPrice", [](const FocusLine& line) { return unit_price(line.cost, quantity_of(line)); }},
    {"ListUnitPrice", [](const FocusLine& line) { return unit_price(line.cost, quantity_of(line)); }},
    {"PricingCategory", [](const FocusLine&) { return std::string("Standard"); }},
    {"ResourceId", [](const FocusLine& line) { return std::string(line.series.repository); }},
    {"ResourceName", [](const FocusLine&) { return std::string(); }},  // it would repeat the id, which the specification forbids
    {"ResourceType", [](const FocusLine& line) { return std::string(line.series.repository.empty() ? "" : "Repository"); }},
    {"ServiceSubcategory", [](const FocusLine& line) { return std::string(words_of(line.meter).subcategory); }},
    {"SkuId", [](const FocusLine& line) { return sku_of(line); }},
    {"SkuMeter", [](const FocusLine& line) { return std::string(words_of(line.meter).name); }},
    {"SkuPriceId", [](const FocusLine& line) { return sku_of(line); }},
    {"SubAccountId", [](const FocusLine& line) { return std::string(line.series.team); }},
    {"SubAccountName", [](const FocusLine& line) { return std::string(line.series.team); }},
    {"Tags", [](const FocusLine& line) { return tags_of(line); }},

    {"x_AvoidedCost",
     [](const FocusLine& line) { return line.meter == FocusMeter::transfer_in ? line.avoided.text() : std::string(); }},
    {"x_AvoidedQuantity",
     [](const FocusLine& line) { return line.meter == FocusMeter::transfer_in ? avoided_quantity(line.item) : std::string(); }},
    {"x_Identity", [](const FocusLine& line) { return std::string(line.series.identity); }},
    {"x_Team", [](const FocusLine& line) { return std::string(line.series.team); }},
    {"x_Upstream", [](const FocusLine& line) { return std::string(line.series.upstream); }},
};

// Items of the months that [from, to) touches; those of what lies outside are kept apart.
class FocusMaker {
 public:
  FocusMaker(const UsageView& view, const Prices& prices) : view_(view), prices_(prices) {
    // What differs by outcome and direction alone is one item.
    std::map<std::tuple<std::string_view, std::string_view, std::string_view, std::string_view>, SeriesNumber> first;
    for (SeriesNumber number = 0; number < view.series().size(); ++number) {
      const auto& series = view.series()[number];
      alike_.push_back(first.try_emplace({series.identity, series.team, series.repository, series.upstream}, number).first->second);
    }
  }

  void read(HourNumber from, HourNumber to, bool inside) {
    view_.rows(from, to, inside ? Grain::hour : Grain::day, [&](Period period, SeriesNumber number, const Usage& usage) {
      if (number < alike_.size()) add(inside ? items_ : outside_, period, number, usage);
    });
  }

  void write(std::string_view currency, const std::function<void(std::string_view)>& write) {
    std::vector<const FocusItem*> items;
    for (const auto& [key, item] : items_) items.push_back(&item);
    std::vector<Money> received(items.size()), requests = received, sent = received, stored = received, direct = received;
    settle(PriceMeter::received_gb, &FocusItem::received, items, received);
    settle(PriceMeter::request_1000, &FocusItem::upstream_requests, items, requests);
    settle(PriceMeter::sent_gb, &FocusItem::sent, items, sent);
    settle(PriceMeter::gb_month, &FocusItem::stored, items, stored);
    settle(PriceMeter::received_gb, &FocusItem::direct_bytes, items, direct);
    settle(PriceMeter::request_1000, &FocusItem::direct_requests, items, direct);

    std::string text;
    for (const auto& column : kFocusColumns) text += (text.empty() ? "" : ",") + std::string(column.name);
    text += "\r\n";
    for (std::size_t i = 0; i < items.size(); ++i) {
      const auto& item = *items[i];
      const auto& series = view_.series()[item.series];
      const auto put = [&](FocusMeter meter, Money cost) {
        append({item, series, meter, cost, direct[i] - received[i] - requests[i], currency}, text);
      };
      if (item.received > 0 || item.upstream_requests > 0 || item.direct_bytes > 0 || item.direct_requests > 0)
        put(FocusMeter::transfer_in, received[i]);
      if (item.upstream_requests > 0 && prices_.knows(series.upstream, PriceMeter::request_1000))
        put(FocusMeter::requests, requests[i]);
      if (item.sent > 0 && prices_.knows(series.upstream, PriceMeter::sent_gb)) put(FocusMeter::transfer_out, sent[i]);
      if (item.stored > 0) put(FocusMeter::storage, stored[i]);
      if (text.size() < kFocusPiece) continue;
      write(text);
      text.clear();
    }
    write(text);
  }

 private:
  using Items = std::map<std::pair<Period, SeriesNumber>, FocusItem>;

  void add(Items& items, Period period, SeriesNumber number, const Usage& usage) {
    const auto& series = view_.series()[number];
    auto& item = items.try_emplace({period, alike_[number]}, FocusItem{period, alike_[number]}).first->second;
    switch (series.direction) {
      case Direction::sent:
        item.sent += usage.amount;
        if (!counts_as_pull(series.outcome)) break;
        item.direct_bytes += usage.amount;
        item.direct_requests += usage.requests;
        break;
      case Direction::received:
        item.received += usage.amount;
        item.upstream_requests += usage.requests;
        break;
      case Direction::stored: item.stored += usage.amount; break;
    }
  }

  void settle(PriceMeter meter, std::uint64_t FocusItem::* amount, const std::vector<const FocusItem*>& items,
              std::vector<Money>& costs) {
    std::map<std::string_view, Bill> bills;
    const auto add = [&](std::size_t index, const FocusItem& item) {
      const auto what = meter == PriceMeter::gb_month ? Prices::kStorage : view_.series()[item.series].upstream;
      const auto bill = bills.try_emplace(what, prices_, std::string(what), meter).first;
      bill->second.add(index, day_of(item.period.begin()), item.*amount);
    };
    for (std::size_t i = 0; i < items.size(); ++i) add(i, *items[i]);
    for (const auto& [key, item] : outside_) add(Bill::kNobody, item);
    for (auto& [what, bill] : bills) bill.settle(costs);
  }

  static void append(const FocusLine& line, std::string& text) {
    bool first = true;
    for (const auto& column : kFocusColumns) {
      if (!std::exchange(first, false)) text += ',';
      text += csv_field(column.value(line));
    }
    text += "\r\n";
  }

  const UsageView& view_;
  const Prices& prices_;
  std::vector<SeriesNumber> alike_;
  Items items_, outside_;
};

}  // namespace

void write_focus(const UsageView& view, const Prices& prices, std::string_view currency, HourNumber from, HourNumber to,
                 const std::function<void(std::string_view piece)>& write) {
  FocusMaker maker(view, prices);
  from = std::max(from, view.begin());
  to = std::max(from, std::min(to, view.end()));
  if (from < to) {
    const auto begin = Period{Grain::month, month_of(day_of(from))}.begin(),
               end = Period{Grain::month, month_of(day_of(to - 1))}.end();
    maker.read(begin, from, false);
    maker.read(from, to, true);
    maker.read(to, end, false);
  }
  maker.write(currency, write);
}

}  // namespace weir
