#include "base/lmdb.h"

#include <fcntl.h>
#include <lmdb.h>
#include <sys/stat.h>
#include <unistd.h>

#include <climits>

#include "base/check.h"
#include "base/file_system.h"

namespace weir {
namespace {

constexpr MDB_dbi kNoTable = UINT_MAX;  // every call on it fails

MDB_val to_val(std::string_view text) { return {text.size(), const_cast<char*>(text.data())}; }
std::string_view to_view(const MDB_val& value) { return {static_cast<const char*>(value.mv_data), value.mv_size}; }

Error lmdb_error(int code, const char* doing) {
  if (code > 0) return system_error(code, std::string("index: ") + doing);
  const bool damaged = code == MDB_CORRUPTED || code == MDB_INVALID || code == MDB_PAGE_NOTFOUND || code == MDB_VERSION_MISMATCH;
  const auto failure = code == MDB_MAP_FULL ? Failure::no_space : damaged ? Failure::corrupt : Failure::io;
  return Error{failure, Side::local, false, std::string("index: ") + doing + ": " + mdb_strerror(code)};
}

// LMDB begins a file with two pages that nothing syncs, and opens none that has only one of them. So the file is made
// under another name and gets its own when it is whole and on the disk.
Status make_file(const std::string& directory, const std::string& path) {
  const auto unfinished = directory + "/unfinished";
  RealFileSystem disk;
  if (auto status = disk.remove(unfinished); !status) return status;
  MDB_env* environment = nullptr;
  int code = mdb_env_create(&environment);
  if (code == 0) code = mdb_env_open(environment, unfinished.c_str(), MDB_NOSUBDIR | MDB_NOLOCK, 0600);
  if (code == 0) code = mdb_env_sync(environment, 1);
  if (environment) mdb_env_close(environment);
  if (code != 0) return lmdb_error(code, ("make " + unfinished).c_str());
  return disk.rename(unfinished, path);
}

// The index cannot become larger than its map.
constexpr std::uint64_t kLeastMap = 16ull << 30;

// Error: the code of LMDB or of the system; then there is no environment.
int open_map(MDB_env*& environment, const LmdbEnvironment::Options& options) {
  // Read-ahead is off: lookups are random, and the kernel would drag in pages nobody asked for.
  unsigned flags = MDB_NORDAHEAD;
  if (options.read_only) flags |= MDB_RDONLY;
  if (!options.durable) flags |= MDB_NOSYNC;
  // Some processes have no terabyte of addresses: RLIMIT_AS, kernels with 39-bit addresses, valgrind. They get the largest map
  // that there is room for.
  for (auto size = options.map_size;; size /= 2) {
    int code = mdb_env_create(&environment);
    if (code != 0) return code;
    mdb_env_set_mapsize(environment, size);
    mdb_env_set_maxdbs(environment, static_cast<MDB_dbi>(options.tables.size()));
    mdb_env_set_maxreaders(environment, 4096);
    code = mdb_env_open(environment, options.directory.c_str(), flags, 0600);
    if (code == 0) return 0;
    mdb_env_close(environment);
    environment = nullptr;
    if ((code != ENOMEM && code != EINVAL) || size / 2 < kLeastMap) return code;
  }
}

}  // namespace

Result<std::unique_ptr<LmdbEnvironment>> LmdbEnvironment::open(const Options& options) {
  auto self = std::unique_ptr<LmdbEnvironment>(new LmdbEnvironment);
  if (!options.read_only) {
    const auto file = options.directory + "/data.mdb";
    if (::access(file.c_str(), F_OK) != 0) {
      if (auto status = make_file(options.directory, file); !status) return std::move(status).error();
    }
    // At each start: whoever made the file may have been killed before its name was safe.
    if (auto status = RealFileSystem().sync_directory(options.directory); !status) return std::move(status).error();
  }
  int code = open_map(self->env_, options);
  if (code != 0) return lmdb_error(code, ("open " + options.directory).c_str());
  self->clear_stale_readers();

  MDB_txn* txn = nullptr;
  code = mdb_txn_begin(self->env_, nullptr, options.read_only ? MDB_RDONLY : 0, &txn);
  if (code != 0) return lmdb_error(code, "begin");
  for (const auto& table : options.tables) {
    MDB_dbi id = 0;
    code = mdb_dbi_open(txn, table.c_str(), options.read_only ? 0 : MDB_CREATE, &id);
    if (code == MDB_NOTFOUND && options.read_only) {
      id = kNoTable;
    } else if (code != 0) {
      mdb_txn_abort(txn);
      return lmdb_error(code, ("open table " + table).c_str());
    }
    self->tables_.push_back(id);
  }
  code = mdb_txn_commit(txn);
  if (code != 0) return lmdb_error(code, "commit");
  return self;
}

std::uint64_t LmdbEnvironment::file_bytes() const {
  mdb_filehandle_t file = -1;
  struct stat status{};
  if (mdb_env_get_fd(env_, &file) != 0 || ::fstat(file, &status) != 0) return 0;
  return static_cast<std::uint64_t>(status.st_blocks) * 512;
}

void LmdbEnvironment::clear_stale_readers() {
  int dead = 0;
  mdb_reader_check(env_, &dead);
}

LmdbEnvironment::~LmdbEnvironment() {
  if (env_) mdb_env_close(env_);
}

LmdbTransaction::LmdbTransaction(const LmdbEnvironment& environment, unsigned flags) : environment_(environment) {
  const int code = mdb_txn_begin(environment.raw(), nullptr, flags, &txn_);
  if (code != 0) txn_ = nullptr;
}

LmdbTransaction::~LmdbTransaction() {
  if (txn_) mdb_txn_abort(txn_);
}

std::optional<std::string_view> LmdbTransaction::get(Table table, std::string_view key) const {
  if (!txn_) return std::nullopt;
  MDB_val found_key = to_val(key), value{};
  if (mdb_get(txn_, environment_.table_id(table), &found_key, &value) != 0) return std::nullopt;
  return to_view(value);
}

void LmdbTransaction::scan(Table table, std::string_view prefix, std::string_view from,
                           const std::function<bool(std::string_view, std::string_view)>& visit) const {
  MDB_cursor* cursor = nullptr;
  if (!txn_ || mdb_cursor_open(txn_, environment_.table_id(table), &cursor) != 0) {
    if (environment_.table_id(table) != kNoTable) environment_.damaged_.store(true);
    return;
  }
  const auto start = from > prefix ? from : prefix;
  MDB_val key = to_val(start), value{};
  int code = mdb_cursor_get(cursor, &key, &value, start.empty() ? MDB_FIRST : MDB_SET_RANGE);
  while (code == 0 && to_view(key).starts_with(prefix) && visit(to_view(key), to_view(value))) {
    code = mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
  }
  if (code != 0 && code != MDB_NOTFOUND) environment_.damaged_.store(true);
  mdb_cursor_close(cursor);
}

std::uint64_t LmdbTransaction::count(Table table) const {
  MDB_stat stat{};
  if (!txn_ || mdb_stat(txn_, environment_.table_id(table), &stat) != 0) return 0;
  return stat.ms_entries;
}

ReadTransaction::ReadTransaction(const LmdbEnvironment& environment) : LmdbTransaction(environment, MDB_RDONLY) {}

WriteTransaction::WriteTransaction(const LmdbEnvironment& environment) : LmdbTransaction(environment, 0) {}

Status WriteTransaction::put(Table table, std::string_view key, std::string_view value) {
  if (!txn_) return Error{Failure::io, Side::local, false, "index: no write transaction"};
  MDB_val k = to_val(key), v = to_val(value);
  const int code = mdb_put(txn_, environment_.table_id(table), &k, &v, 0);
  if (code != 0) return lmdb_error(code, "put");
  return ok_status();
}

Status WriteTransaction::remove(Table table, std::string_view key) {
  if (!txn_) return Error{Failure::io, Side::local, false, "index: no write transaction"};
  MDB_val k = to_val(key);
  const int code = mdb_del(txn_, environment_.table_id(table), &k, nullptr);
  if (code != 0 && code != MDB_NOTFOUND) return lmdb_error(code, "delete");
  return ok_status();
}

Status WriteTransaction::commit() {
  if (!txn_) return Error{Failure::io, Side::local, false, "index: no write transaction"};
  const int code = mdb_txn_commit(std::exchange(txn_, nullptr));
  if (code != 0) return lmdb_error(code, "commit");
  return ok_status();
}

}  // namespace weir
