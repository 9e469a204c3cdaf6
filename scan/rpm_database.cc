#include "scan/rpm_database.h"

#include <sqlite3.h>

#include <cstring>
#include <memory>
#include <string_view>
#include <vector>

#include "scan/bytes.h"

namespace weir {
namespace {

std::uint32_t number_at(Bytes bytes, std::size_t offset, std::size_t width, bool big) {
  return static_cast<std::uint32_t>(big ? big_endian(bytes, offset, width) : little_endian(bytes, offset, width));
}

// ---- Berkeley DB --------------------------------------------------------------------------------
// The hash access method: a metadata page, then pages of one size. What rpm stores is too long for a page of entries, so that
// each value is an "off page" item that names the first page of a chain.

constexpr std::uint32_t kHashMagic = 0x00061561;
constexpr std::size_t kPageHead = 26, kOffPageItem = 12;
constexpr std::uint32_t kMostPages = 4 << 20;
enum PageType : unsigned { kHashUnsorted = 2, kOverflow = 7, kHashMeta = 8, kHash = 13 };
constexpr unsigned kOffPage = 3;

struct Pages {
  Bytes all;
  std::size_t size;
  std::uint32_t count;
  bool big;

  std::uint32_t number(std::size_t offset, std::size_t width) const { return number_at(all, offset, width, big); }
  unsigned type(std::uint32_t page) const { return static_cast<unsigned>(all[page * size + 25]); }
  // The chain of pages that begins with `first`: exactly `length` bytes.
  Result<std::vector<std::byte>> chain(std::uint32_t first, std::uint32_t length) const {
    if (length > all.size()) return damaged("rpm database: a value is longer than the file");
    std::vector<std::byte> value;
    value.reserve(length);
    std::uint32_t steps = 0;
    for (auto page = first; page != 0; page = number(page * size + 16, 4)) {
      if (page >= count || type(page) != kOverflow) return damaged("rpm database: a value leads to a page that is not its own");
      if (++steps > count) return damaged("rpm database: the pages of a value go in a circle");
      const auto used = number(page * size + 22, 2);
      if (used > size - kPageHead) return damaged("rpm database: a page holds more than its size");
      const auto part = all.subspan(page * size + kPageHead, used);
      if (value.size() + part.size() > length) return damaged("rpm database: a value is longer than it says");
      value.insert(value.end(), part.begin(), part.end());
    }
    if (value.size() != length) return damaged("rpm database: a value is shorter than it says");
    return value;
  }
};

bool is_hash(Bytes file, bool& big) {
  if (file.size() < 512) return false;
  for (const bool each : {false, true}) {
    big = each;
    if (number_at(file, 12, 4, each) == kHashMagic) return true;
  }
  return false;
}

// ---- ndb ----------------------------------------------------------------------------------------

constexpr std::size_t kNdbSlot = 16, kNdbPage = 4096, kNdbBlock = 16;
constexpr std::uint32_t kMostSlotPages = 4096;

// ---- sqlite -------------------------------------------------------------------------------------

struct CloseDatabase {
  void operator()(sqlite3* database) const { sqlite3_close_v2(database); }
};
struct FinishStatement {
  void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};
using Database = std::unique_ptr<sqlite3, CloseDatabase>;
using Statement = std::unique_ptr<sqlite3_stmt, FinishStatement>;

// Instructions of sqlite's machine between two looks at whether it has done enough, and how many of these it may have.
constexpr int kSqliteLookRound = 100'000;
constexpr int kMostLooks = 10'000;

int count_looks(void* looks) { return ++*static_cast<int*>(looks) > kMostLooks ? 1 : 0; }

Result<Statement> prepare(sqlite3* database, const char* text) {
  sqlite3_stmt* statement = nullptr;
  if (sqlite3_prepare_v2(database, text, -1, &statement, nullptr) != SQLITE_OK)
    return damaged(std::string("rpm database: ") + sqlite3_errmsg(database));
  return Statement(statement);
}

Status harden(sqlite3* database) {
  sqlite3_db_config(database, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(database, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  sqlite3_db_config(database, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, nullptr);
  sqlite3_db_config(database, SQLITE_DBCONFIG_ENABLE_VIEW, 0, nullptr);
  sqlite3_limit(database, SQLITE_LIMIT_ATTACHED, 0);
  sqlite3_limit(database, SQLITE_LIMIT_VDBE_OP, 25'000);
  sqlite3_limit(database, SQLITE_LIMIT_LENGTH, 64 << 20);
  if (sqlite3_exec(database, "PRAGMA cell_size_check=ON; PRAGMA mmap_size=0", nullptr, nullptr, nullptr) != SQLITE_OK)
    return damaged(std::string("rpm database: ") + sqlite3_errmsg(database));
  return ok_status();
}

}  // namespace

std::optional<RpmFormat> rpm_format(Bytes head) {
  bool big = false;
  if (has_magic(head, 0, "RpmP")) return RpmFormat::ndb;
  if (has_magic(head, 0, std::string_view("SQLite format 3\0", 16))) return RpmFormat::sqlite;
  if (is_hash(head, big)) return RpmFormat::berkeley_db;
  return std::nullopt;
}

void prepare_rpm_databases() { sqlite3_initialize(); }

Status each_rpm_header(Bytes database, const RpmVisit& visit) {
  const auto format = rpm_format(database);
  if (!format) return Error{Failure::unsupported, Side::upstream, false, "rpm database: no known format"};
  switch (*format) {
    case RpmFormat::berkeley_db: return each_header_in_berkeley_db(database, visit);
    case RpmFormat::ndb: return each_header_in_ndb(database, visit);
    case RpmFormat::sqlite: return each_header_in_sqlite(database, visit);
  }
  return ok_status();
}

Status each_header_in_berkeley_db(Bytes database, const RpmVisit& visit) {
  bool big = false;
  if (!is_hash(database, big)) return damaged("rpm database: no Berkeley DB hash");
  const auto size = number_at(database, 20, 4, big);
  if (static_cast<unsigned>(database[25]) != kHashMeta) return damaged("rpm database: its first page is no hash's");
  if (size < 512 || size > (64 << 10) || (size & (size - 1)) != 0) return damaged("rpm database: its page size is wrong");
  const auto last = number_at(database, 32, 4, big);
  const Pages pages{database, size, static_cast<std::uint32_t>(std::min<std::size_t>(database.size() / size, kMostPages)), big};
  if (last >= pages.count) return damaged("rpm database: it is shorter than it says");
  std::uint64_t gathered = 0;
  for (std::uint32_t page = 1; page <= last; ++page) {
    const auto at = page * std::size_t{size};
    const auto type = pages.type(page);
    if (type != kHash && type != kHashUnsorted) continue;
    const auto entries = pages.number(at + 20, 2);
    if (entries % 2 != 0 || kPageHead + entries * std::size_t{2} > size)
      return damaged("rpm database: a page has a wrong number of entries");
    // Keys and values alternate.
    for (std::uint32_t i = 1; i < entries; i += 2) {
      const auto offset = pages.number(at + kPageHead + i * std::size_t{2}, 2);
      if (offset >= size) return damaged("rpm database: an entry lies outside of its page");
      if (static_cast<unsigned>(database[at + offset]) != kOffPage) continue;  // the counter of instances
      if (offset + kOffPageItem > size) return damaged("rpm database: an entry lies outside of its page");
      const auto length = pages.number(at + offset + 8, 4);
      // Values that share pages could be read for ever.
      gathered += length;
      if (gathered > database.size()) return damaged("rpm database: its values overlap");
      auto value = pages.chain(pages.number(at + offset + 4, 4), length);
      if (!value) return std::move(value).error();
      if (!visit(*value)) return ok_status();
    }
  }
  return ok_status();
}

Status each_header_in_ndb(Bytes database, const RpmVisit& visit) {
  if (database.size() < 2 * kNdbSlot || !has_magic(database, 0, "RpmP")) return damaged("rpm database: no ndb");
  if (number_at(database, 4, 4, false) != 0)
    return Error{Failure::unsupported, Side::upstream, false, "rpm database: ndb of a later version"};
  const auto slot_pages = number_at(database, 12, 4, false);
  if (slot_pages == 0 || slot_pages > kMostSlotPages || slot_pages * kNdbPage > database.size())
    return damaged("rpm database: its slots lie outside");
  std::uint64_t gathered = 0;
  for (std::size_t slot = 2; slot < slot_pages * kNdbPage / kNdbSlot; ++slot) {
    const auto at = slot * kNdbSlot;
    if (!has_magic(database, at, "Slot")) return damaged("rpm database: a slot has no magic");
    const auto package = number_at(database, at + 4, 4, false), block = number_at(database, at + 8, 4, false),
               blocks = number_at(database, at + 12, 4, false);
    if (package == 0 || blocks == 0) continue;  // free, or deleted
    const auto head = block * kNdbBlock;
    if (head + 16 > database.size() || !has_magic(database, head, "BlbS"))
      return damaged("rpm database: a slot leads to no blob");
    if (number_at(database, head + 4, 4, false) != package) return damaged("rpm database: a blob is another package's");
    const auto length = number_at(database, head + 12, 4, false);
    if (length > database.size() - head - 16) return damaged("rpm database: a blob is longer than the file");
    gathered += length;
    if (gathered > database.size()) return damaged("rpm database: its blobs overlap");
    if (!visit(database.subspan(head + 16, length))) return ok_status();
  }
  return ok_status();
}

Status each_header_in_sqlite(Bytes database, const RpmVisit& visit) {
  if (database.size() < 512) return damaged("rpm database: no sqlite database");
  sqlite3* opened = nullptr;
  const int code = sqlite3_open_v2(":memory:", &opened, SQLITE_OPEN_READWRITE | SQLITE_OPEN_MEMORY, nullptr);
  const Database handle(opened);
  if (code != SQLITE_OK) return damaged("rpm database: sqlite cannot be opened");
  // Images hold it in write-ahead mode, which needs files beside it; in memory it is read as if it had none.
  auto* copy = static_cast<unsigned char*>(sqlite3_malloc64(database.size()));
  if (!copy) return Error{Failure::overloaded, Side::local, true, "no memory for an sqlite database"};
  std::memcpy(copy, database.data(), database.size());
  copy[18] = copy[19] = 1;
  if (sqlite3_deserialize(opened, "main", copy, static_cast<sqlite3_int64>(database.size()),
                          static_cast<sqlite3_int64>(database.size()),
                          SQLITE_DESERIALIZE_FREEONCLOSE | SQLITE_DESERIALIZE_READONLY) != SQLITE_OK)
    return damaged(std::string("rpm database: ") + sqlite3_errmsg(opened));
  int looks = 0;
  sqlite3_progress_handler(opened, kSqliteLookRound, &count_looks, &looks);
  if (auto status = harden(opened); !status) return status;
  auto table = prepare(opened, "SELECT type FROM sqlite_schema WHERE name = 'Packages'");
  if (!table) return std::move(table).error();
  if (sqlite3_step(table->get()) != SQLITE_ROW) return damaged("rpm database: it has no table Packages");
  const auto* type = reinterpret_cast<const char*>(sqlite3_column_text(table->get(), 0));
  if (!type || std::string_view(type) != "table") return damaged("rpm database: Packages is no table");
  auto rows = prepare(opened, "SELECT blob FROM Packages");
  if (!rows) return std::move(rows).error();
  for (;;) {
    const int step = sqlite3_step(rows->get());
    if (step == SQLITE_DONE) return ok_status();
    if (step == SQLITE_INTERRUPT)
      return Error{Failure::too_large, Side::upstream, false, "limit reached: work on an sqlite database"};
    if (step != SQLITE_ROW) return damaged(std::string("rpm database: ") + sqlite3_errmsg(opened));
    const auto* blob = static_cast<const std::byte*>(sqlite3_column_blob(rows->get(), 0));
    const auto size = sqlite3_column_bytes(rows->get(), 0);
    if (blob && size > 0 && !visit({blob, static_cast<std::size_t>(size)})) return ok_status();
  }
}

}  // namespace weir
