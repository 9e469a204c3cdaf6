// Price files: what is refused says where; what is taken prices any amount the same in one piece as in two, and never below zero.

#include "meter/prices.h"

#include "base/text.h"
#include "tests/fuzz/fuzz.h"

using namespace weir;
using namespace weir::fuzzing;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto text = as_text(data, size);
  const auto outcome = Prices::parse(text);
  if (const auto* errors = std::get_if<std::vector<PriceError>>(&outcome)) {
    expect(!errors->empty(), "what is refused has a reason");
    for (const auto& error : *errors) {
      expect(error.line > 0 && error.column > 0 && !error.what.empty(), "each with its place and a word");
      for (const char c : error.what) expect(static_cast<unsigned char>(c) >= 0x20, "on one line");
    }
    return 0;
  }
  const auto& prices = std::get<Prices>(outcome);
  for (const auto line : split(text, '\n')) {
    const auto parts = words(line);
    if (parts.empty()) continue;
    for (const auto meter : {PriceMeter::received_gb, PriceMeter::sent_gb, PriceMeter::request_1000, PriceMeter::gb_month}) {
      const DayNumber day = 20'000;
      const auto* tiers = prices.tiers(parts[0], meter, day);
      if (!tiers) continue;
      expect(!tiers->empty() && tiers->back().up_to == UINT64_MAX, "tiers go on without end");
      const std::uint64_t amount = (size + 1) * 7'777'777'777ull, part = amount / 3;
      const auto month = month_of(day);
      const auto whole = Prices::price(*tiers, meter, 0, amount, month);
      const auto pieces = Prices::price(*tiers, meter, 0, part, month) + Prices::price(*tiers, meter, part, amount - part, month);
      expect(whole >= Money(), "nothing is paid out");
      const auto apart = whole > pieces ? whole - pieces : pieces - whole;
      expect(meter == PriceMeter::gb_month ? apart <= Money::of_attos(2 + static_cast<__int128>(tiers->size())) : apart.zero(),
             "in pieces it costs the same");
    }
  }
  return 0;
}
