#pragma once
// Prices: what upstreams and storage cost, as prices.rules says it. One price a line, in any order:
//
//   # what             meter          price    conditions
//   docker.io          request-1000   0
//   public.ecr.aws     transfer-gb    0.09     from=2026-01-01   up-to=10TB
//   public.ecr.aws     transfer-gb    0.085    from=2026-01-01
//   public.ecr.aws     transfer-gb    0.02     direction=sent
//   storage            gb-month       0.10     from=2026-01-01   until=2027-01-01
//
//   what        an upstream by its name, or `storage`
//   transfer-gb 10^9 bytes received from it; direction=sent: sent to clients of what is its
//   request-1000 a thousand requests to it
//   gb-month    10^9 bytes kept for all hours of a month
//   from until  the first day and the first day no more, in UTC; without them always
//   up-to       the price of a tier: of what is used in a calendar month, all up to there (bytes, or a number of requests) that no
//               smaller tier takes; without it, of the rest. Behind the last tier its price goes on
//
// On a day those lines count that began last. Blank lines and lines that begin with # say nothing.
// Immutable after parse(). Thread: any.

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "meter/money.h"
#include "meter/period.h"

namespace weir {

enum class PriceMeter : unsigned char { received_gb, sent_gb, request_1000, gb_month };

struct PriceError {
  unsigned line = 0, column = 0;  // from 1
  std::string what;  // one sentence, without a trailing full stop
};

class Prices {
 public:
  static constexpr std::size_t kMostBytes = 1 << 20;
  static constexpr std::string_view kStorage = "storage";

  struct Tier {
    UnitPrice price;
    std::uint64_t up_to = UINT64_MAX;  // of a month's use; the last one's is without end
  };
  using Tiers = std::vector<Tier>;  // by up_to

  // All mistakes at once, in the order of the lines; at least one.
  static std::variant<Prices, std::vector<PriceError>> parse(std::string_view text);

  // What is in force on a day; nothing: it has no price.
  const Tiers* tiers(std::string_view what, PriceMeter meter, DayNumber day) const;
  // Within [from, until) the days on which the answer becomes another one.
  std::vector<DayNumber> changes(std::string_view what, PriceMeter meter, DayNumber from, DayNumber until) const;
  // Whether anything is said of it, of whatever day.
  bool knows(std::string_view what, PriceMeter meter) const;
  // Whether a day within a month begins with other prices than the one before.
  bool changes_within(MonthNumber month) const;
  bool empty() const noexcept { return lists_.empty(); }

  // What `amount` costs of which `before` came before it in its month.
  static Money price(const Tiers& tiers, PriceMeter meter, std::uint64_t before, std::uint64_t amount, MonthNumber month);

 private:
  struct List {
    DayNumber from = 0, until = UINT32_MAX;
    Tiers tiers;
  };
  friend class PriceParser;
  using Key = std::pair<std::string, PriceMeter>;
  std::map<Key, std::vector<List>> lists_;  // each by `from`
};

// `transfer-gb`, `transfer-gb direction=sent`, `request-1000`, `gb-month`.
std::string_view price_meter_name(PriceMeter meter);

}  // namespace weir
