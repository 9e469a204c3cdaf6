#include "meter/ledger.h"

#include <algorithm>

#include "base/hash.h"
#include "base/text.h"

namespace weir {
namespace {

enum : Table { kHours, kDays, kMonths, kSeries, kNumbers, kCrowds, kFolded, kLive, kLedgerMeta };
const std::vector<std::string> kLedgerTables{"hours", "days", "months", "series", "numbers", "crowds", "folded", "live", "meta"};

constexpr std::uint64_t kLedgerSchema = 1;
constexpr std::size_t kMostNumbersKept = 200'000;

// Big-endian, so that LMDB's order is the order of the numbers.
template <typename T>
void append_key(std::string& out, T number) {
  for (unsigned shift = sizeof(T) * 8; shift > 0; shift -= 8) out += static_cast<char>(number >> (shift - 8) & 0xff);
}

template <typename T>
T key_at(std::string_view bytes, std::size_t at) {
  T number = 0;
  for (std::size_t i = at; i < at + sizeof(T) && i < bytes.size(); ++i)
    number = number << 8 | static_cast<unsigned char>(bytes[i]);
  return number;
}

template <typename First, typename... Rest>
std::string ledger_key(First first, Rest... rest) {
  std::string key;
  append_key(key, first);
  (append_key(key, rest), ...);
  return key;
}

// Seven bits a byte, the lowest first (LEB128): most figures are small.
void append_varint(std::string& out, std::uint64_t number) {
  for (; number >= 0x80; number >>= 7) out += static_cast<char>(number | 0x80);
  out += static_cast<char>(number);
}

std::uint64_t take_varint(std::string_view& bytes) {
  std::uint64_t number = 0;
  for (unsigned shift = 0; !bytes.empty() && shift < 64; shift += 7) {
    const auto byte = static_cast<unsigned char>(bytes.front());
    bytes.remove_prefix(1);
    number |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
    if (byte < 0x80) break;
  }
  return number;
}

std::string encode_usage(const Usage& usage) {
  std::string bytes;
  append_varint(bytes, usage.requests);
  append_varint(bytes, usage.amount);
  return bytes;
}

Usage decode_usage(std::string_view bytes) {
  Usage usage;
  usage.requests = take_varint(bytes);
  usage.amount = take_varint(bytes);
  return usage;
}

std::optional<std::uint64_t> meta_number(const LmdbTransaction& transaction, std::string_view name) {
  const auto text = transaction.get(kLedgerMeta, name);
  return text ? parse_number(*text) : std::nullopt;
}

// Sixteen bytes of its SHA-256: a key itself may be too long for LMDB.
std::string name_of(std::string_view series) {
  Hasher hasher(HashAlgorithm::sha256);
  hasher.update(series);
  return hasher.finish().substr(0, 16);
}

Error crowded() { return Error{Failure::overloaded, Side::local, false, "the ledger has more series than numbers"}; }

}  // namespace

Ledger::Ledger(const Options& options, std::unique_ptr<LmdbEnvironment> environment)
    : options_(options), environment_(std::move(environment)) {}

Result<std::unique_ptr<Ledger>> Ledger::open(const Options& options) {
  auto environment = LmdbEnvironment::open(
      {.directory = options.directory, .tables = kLedgerTables, .read_only = options.read_only, .durable = options.durable});
  if (!environment) return std::move(environment).error();
  auto ledger = std::unique_ptr<Ledger>(new Ledger(options, *std::move(environment)));
  if (auto status = ledger->check_schema(); !status) return std::move(status).error();
  return ledger;
}

Status Ledger::check_schema() {
  std::optional<std::uint64_t> schema;
  {
    const ReadTransaction transaction(*environment_);
    if (!transaction.begun()) return Error{Failure::io, Side::local, false, "the ledger cannot be read"};
    schema = meta_number(transaction, "schema");
  }
  if (schema && *schema > kLedgerSchema)
    return Error{Failure::unsupported, Side::local, false, "the ledger is of a newer version of weir"};
  if (schema || options_.read_only) return ok_status();
  WriteTransaction transaction(*environment_);
  if (auto status = transaction.put(kLedgerMeta, "schema", std::to_string(kLedgerSchema)); !status) return status;
  return transaction.commit();
}

// ---- Fold -----------------------------------------------------------------------------------------

Ledger::Fold::Fold(Ledger& ledger) : ledger_(ledger), transaction_(*ledger.environment_) {}

std::optional<SeriesNumber> Ledger::Fold::known(std::string_view series) {
  const std::string text(series);
  if (const auto known = ledger_.numbers_.find(text); known != ledger_.numbers_.end()) return known->second;
  if (const auto known = fresh_.find(text); known != fresh_.end()) return known->second;
  const auto found = transaction_.get(kNumbers, name_of(series));
  if (!found) return std::nullopt;
  return fresh_.emplace(text, key_at<SeriesNumber>(*found, 0)).first->second;
}

Result<SeriesNumber> Ledger::Fold::number_of(std::string_view series) {
  if (const auto number = known(series)) return *number;
  const auto next = meta_number(transaction_, "series").value_or(0);
  if (next >= UINT32_MAX) return crowded();
  const auto number = static_cast<SeriesNumber>(next);
  if (auto status = transaction_.put(kLedgerMeta, "series", std::to_string(next + 1)); !status) return std::move(status).error();
  if (auto status = transaction_.put(kNumbers, name_of(series), ledger_key(number)); !status) return std::move(status).error();
  if (auto status = transaction_.put(kSeries, ledger_key(number), series); !status) return std::move(status).error();
  fresh_.emplace(series, number);
  return number;
}

Status Ledger::Fold::put_crowd(HourNumber hour, std::uint64_t series, const Usage& other) {
  std::string bytes;
  append_varint(bytes, series);
  return transaction_.put(kCrowds, ledger_key(hour), bytes + encode_usage(other));
}

// The series' own number, or that of the `other` which stands for it when its hour is full: then it gets none, or names that
// anybody makes up would stay for good.
Result<SeriesNumber> Ledger::Fold::admitted(HourNumber hour, const UsageKey& key, const Usage& usage) {
  encode_series(key, series_);
  const auto number = known(series_);
  if (number && transaction_.get(kHours, ledger_key(hour, *number))) return *number;
  std::string_view crowd = transaction_.get(kCrowds, ledger_key(hour)).value_or("");
  auto series = take_varint(crowd);
  Usage other = decode_usage(crowd);
  const bool is_other = key.identity == kOther && key.repository == kOther;
  if (series >= ledger_.options_.max_series && !is_other) {
    other += usage;
    other_ += usage;
    if (auto status = put_crowd(hour, series, other); !status) return std::move(status).error();
    encode_series({kOther, key.team, kOther, key.upstream, key.outcome, key.direction}, other_series_);
    return number_of(other_series_);
  }
  if (auto status = put_crowd(hour, series + 1, other); !status) return std::move(status).error();
  return number_of(series_);
}

Status Ledger::Fold::increase(Table table, std::uint32_t period, SeriesNumber series, const Usage& usage) {
  const auto key = ledger_key(period, series);
  Usage sum = usage;
  if (const auto before = transaction_.get(table, key)) sum += decode_usage(*before);
  return transaction_.put(table, key, encode_usage(sum));
}

Status Ledger::Fold::add(HourNumber hour, const UsageKey& key, const Usage& usage) {
  if (usage.none()) return ok_status();
  const auto number = admitted(hour, key, usage);
  if (!number) return number.error();
  const auto day = day_of(hour);
  // What is older than the hours, or the days, that are kept has only the coarser rows.
  if (hour >= meta_number(transaction_, "hours-from").value_or(0)) {
    if (auto status = increase(kHours, hour, *number, usage); !status) return status;
  }
  if (day >= meta_number(transaction_, "days-from").value_or(0)) {
    if (auto status = increase(kDays, day, *number, usage); !status) return status;
  }
  return increase(kMonths, month_of(day), *number, usage);
}

Result<std::uint64_t> Ledger::Fold::begin_epoch() {
  const auto epoch = meta_number(transaction_, "epoch").value_or(0) + 1;
  if (auto status = transaction_.put(kLedgerMeta, "epoch", std::to_string(epoch)); !status) return std::move(status).error();
  if (auto status = transaction_.put(kLive, ledger_key(epoch), ""); !status) return std::move(status).error();
  return epoch;
}

Status Ledger::Fold::end_epoch(std::uint64_t epoch) {
  std::vector<std::string> keys;
  transaction_.scan(kFolded, ledger_key(epoch), "", [&](std::string_view key, std::string_view) {
    keys.emplace_back(key);
    return true;
  });
  for (const auto& key : keys) {
    if (auto status = transaction_.remove(kFolded, key); !status) return status;
  }
  return transaction_.remove(kLive, ledger_key(epoch));
}

Status Ledger::Fold::note_folded(std::uint64_t epoch, std::uint32_t cell, const Usage& usage) {
  return transaction_.put(kFolded, ledger_key(epoch, cell), encode_usage(usage));
}

Result<std::size_t> Ledger::Fold::trim_table(Table table, const char* meta, std::uint32_t from, std::size_t most) {
  std::vector<std::string> keys;
  if (most > 0) {
    transaction_.scan(table, "", "", [&](std::string_view key, std::string_view) {
      if (key_at<std::uint32_t>(key, 0) >= from) return false;
      keys.emplace_back(key);
      return keys.size() < most;
    });
  }
  if (keys.empty()) return std::size_t{0};
  // Of the last one some rows may be left, and it is not whole any more.
  const auto whole_from = keys.size() < most ? from : key_at<std::uint32_t>(keys.back(), 0) + 1;
  if (meta && whole_from > meta_number(transaction_, meta).value_or(0)) {
    if (auto status = transaction_.put(kLedgerMeta, meta, std::to_string(whole_from)); !status) return std::move(status).error();
  }
  for (const auto& key : keys) {
    if (auto status = transaction_.remove(table, key); !status) return std::move(status).error();
  }
  return keys.size();
}

Result<std::size_t> Ledger::Fold::trim(HourNumber hours_from, DayNumber days_from, std::size_t most) {
  std::size_t removed = 0;
  // A day's hours go together, so that a report meets days that are known by the hour, or are not.
  hours_from = day_of(hours_from) * 24;
  days_from = first_day(month_of(days_from));
  for (const auto& [table, meta, from] :
       {std::tuple(kHours, "hours-from", hours_from), std::tuple(kCrowds, static_cast<const char*>(nullptr), hours_from),
        std::tuple(kDays, "days-from", days_from)}) {
    const auto some = trim_table(table, meta, from, most - removed);
    if (!some) return some;
    removed += *some;
  }
  return removed;
}

std::uint32_t Ledger::Fold::sampled() const {
  return static_cast<std::uint32_t>(meta_number(transaction_, "sampled").value_or(0));
}

Status Ledger::Fold::note_sampled(HourNumber hour) { return transaction_.put(kLedgerMeta, "sampled", std::to_string(hour)); }

Status Ledger::Fold::commit() {
  auto status = transaction_.commit();
  if (!status) return status;
  if (ledger_.numbers_.size() > kMostNumbersKept) ledger_.numbers_.clear();
  ledger_.numbers_.merge(fresh_);
  ledger_.other_requests_.fetch_add(other_.requests);
  return status;
}

// ---- Snapshot -------------------------------------------------------------------------------------

Ledger::Snapshot::Snapshot(const Ledger& ledger) : transaction_(*ledger.environment_) {}

std::vector<UsageKey> Ledger::Snapshot::series() const {
  std::vector<UsageKey> all;
  all.reserve(transaction_.count(kSeries));
  transaction_.scan(kSeries, "", "", [&](std::string_view key, std::string_view bytes) {
    const auto number = key_at<SeriesNumber>(key, 0);
    if (number < all.size() || number - all.size() > 1'000'000) return true;
    all.resize(number);
    UsageKey series;
    all.push_back(decode_series(bytes, series) ? series : UsageKey());
    return true;
  });
  return all;
}

void Ledger::Snapshot::scan(Table table, Grain grain, std::uint32_t from, std::uint32_t to, const Visit& visit) const {
  if (from >= to) return;
  transaction_.scan(table, "", ledger_key(from), [&](std::string_view key, std::string_view value) {
    if (key.size() != 8) return true;
    const auto number = key_at<std::uint32_t>(key, 0);
    if (number >= to) return false;
    visit({grain, number}, key_at<SeriesNumber>(key, 4), decode_usage(value));
    return true;
  });
}

HourNumber Ledger::Snapshot::hours_from() const {
  return static_cast<HourNumber>(meta_number(transaction_, "hours-from").value_or(0));
}

DayNumber Ledger::Snapshot::days_from() const {
  return static_cast<DayNumber>(meta_number(transaction_, "days-from").value_or(0));
}

std::optional<HourNumber> Ledger::Snapshot::begin() const {
  std::optional<HourNumber> first;
  const auto note = [&](Table table, Grain grain, std::uint32_t before) {
    transaction_.scan(table, "", "", [&](std::string_view key, std::string_view) {
      const auto number = key_at<std::uint32_t>(key, 0);
      if (number < before) first = std::min(first.value_or(kNoEnd), Period{grain, number}.begin());
      return false;
    });
  };
  // The finest that reaches back to it.
  note(kHours, Grain::hour, kNoEnd);
  if (days_from() > 0 || hours_from() > 0) note(kDays, Grain::day, kNoEnd);
  if (days_from() > 0) note(kMonths, Grain::month, kNoEnd);
  return first;
}

// The first period from `least` on that has rows.
std::optional<std::uint32_t> Ledger::Snapshot::next(Table table, std::uint32_t least) const {
  std::optional<std::uint32_t> found;
  transaction_.scan(table, "", ledger_key(least), [&](std::string_view key, std::string_view) {
    found = key_at<std::uint32_t>(key, 0);
    return false;
  });
  return found;
}

std::optional<HourNumber> Ledger::Snapshot::end() const {
  std::optional<HourNumber> last;
  for (auto month = next(kMonths, 0); month; month = next(kMonths, *month + 1)) last = Period{Grain::month, *month}.end();
  if (!last) return last;
  const auto begin = Period{Grain::month, month_of(day_of(*last - 1))}.begin();
  std::optional<HourNumber> finer;
  for (auto day = next(kDays, day_of(begin)); day; day = next(kDays, *day + 1)) finer = Period{Grain::day, *day}.end();
  for (auto hour = next(kHours, finer.value_or(*last) - 24); hour; hour = next(kHours, *hour + 1)) last = finer = *hour + 1;
  return finer ? finer : last;
}

// Only months that have something are walked through.
void Ledger::Snapshot::rows(HourNumber from, HourNumber to, Grain coarsest, const Visit& visit) const {
  const auto hours_kept = hours_from();
  const auto days_kept = days_from();
  for (auto month = next(kMonths, month_of(day_of(from))); month; month = next(kMonths, *month + 1)) {
    const Period whole{Grain::month, *month};
    if (whole.begin() >= to) break;
    const auto begin = std::max(from, whole.begin()), end = std::min(to, whole.end());
    const bool all = begin == whole.begin() && end == whole.end();
    // A day that is not kept any more has taken those before it along.
    const bool no_days = day_of(begin) < days_kept;
    if (no_days || (coarsest == Grain::month && all)) {
      if (begin == whole.begin()) scan(kMonths, Grain::month, *month, *month + 1, visit);
    } else {
      rows_by_day(begin, end, coarsest, hours_kept, visit);
    }
  }
}

void Ledger::Snapshot::rows_by_day(HourNumber from, HourNumber to, Grain coarsest, HourNumber hours_kept, const Visit& visit) const {
  for (auto begin = from; begin < to;) {
    const Period day{Grain::day, day_of(begin)};
    const auto end = std::min(to, day.end());
    const bool all = begin == day.begin() && end == day.end();
    if (day.begin() < hours_kept || (coarsest != Grain::hour && all)) {
      if (begin == day.begin()) scan(kDays, Grain::day, day.number, day.number + 1, visit);
    } else {
      scan(kHours, Grain::hour, begin, end, visit);
    }
    begin = end;
  }
}

bool Ledger::Snapshot::live(std::uint64_t epoch) const { return transaction_.get(kLive, ledger_key(epoch)).has_value(); }

std::vector<std::uint64_t> Ledger::Snapshot::epochs() const {
  std::vector<std::uint64_t> all;
  transaction_.scan(kLive, "", "", [&](std::string_view key, std::string_view) {
    all.push_back(key_at<std::uint64_t>(key, 0));
    return true;
  });
  return all;
}

std::map<std::uint32_t, Usage> Ledger::Snapshot::folded(std::uint64_t epoch) const {
  std::map<std::uint32_t, Usage> cells;
  transaction_.scan(kFolded, ledger_key(epoch), "", [&](std::string_view key, std::string_view value) {
    if (key.size() == 12) cells.emplace(key_at<std::uint32_t>(key, 8), decode_usage(value));
    return true;
  });
  return cells;
}

Usage Ledger::Snapshot::other(HourNumber from, HourNumber to) const {
  Usage sum;
  transaction_.scan(kCrowds, "", ledger_key(from), [&](std::string_view key, std::string_view value) {
    if (key_at<HourNumber>(key, 0) >= to) return false;
    take_varint(value);
    sum += decode_usage(value);
    return true;
  });
  return sum;
}

}  // namespace weir
