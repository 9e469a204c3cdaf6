#pragma once
// The door to LMDB: an ordered map in one memory-mapped file, one writer, readers that never wait.
//
// Caveats: a ReadTransaction holds its snapshot's pages, so keep it short and never across a suspension; a thread has at
// most one at a time. Views it returns die with it. Keys are at most 511 bytes.

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

struct MDB_env;
struct MDB_txn;

namespace weir {

// One named map within the file, by its position in the list given to open().
using Table = unsigned;

class LmdbEnvironment {
 public:
  struct Options {
    std::string directory;              // must exist
    std::vector<std::string> tables;    // created when missing
    std::uint64_t map_size = 1ull << 40;  // address space, not disk; halved while there is not so much
    bool read_only = false;             // for commands beside a running server
    bool durable = true;                // false: a commit is not synced (a power cut may lose the latest, never tear)
  };
  // Read-only, a table that is not there is empty. Error: corrupt when the file is none of LMDB's or is damaged; io.
  static Result<std::unique_ptr<LmdbEnvironment>> open(const Options& options);
  ~LmdbEnvironment();
  LmdbEnvironment(const LmdbEnvironment&) = delete;

  MDB_env* raw() const noexcept { return env_; }
  unsigned table_id(Table table) const { return tables_[table]; }
  // What the file takes of the disk.
  std::uint64_t file_bytes() const;
  // A scan has met pages that cannot be read and ended there, or could not begin.
  bool damaged() const noexcept { return damaged_.load(); }
  // Frees the places of readers that were killed.
  void clear_stale_readers();

 private:
  LmdbEnvironment() = default;
  friend class LmdbTransaction;
  MDB_env* env_ = nullptr;
  mutable std::atomic<bool> damaged_{false};
  std::vector<unsigned> tables_;
};

class LmdbTransaction {
 public:
  ~LmdbTransaction();
  LmdbTransaction(const LmdbTransaction&) = delete;
  LmdbTransaction& operator=(const LmdbTransaction&) = delete;

  // False: there is no snapshot, and everything looks absent.
  bool begun() const noexcept { return txn_ != nullptr; }
  // Nothing when the key is absent (or could not be read, which LMDB reports for a torn file only).
  std::optional<std::string_view> get(Table table, std::string_view key) const;
  // Calls `visit` for each key that starts with `prefix` and is at least `from`, in order, until it returns false.
  void scan(Table table, std::string_view prefix, std::string_view from,
            const std::function<bool(std::string_view key, std::string_view value)>& visit) const;
  std::uint64_t count(Table table) const;

 protected:
  LmdbTransaction(const LmdbEnvironment& environment, unsigned flags);
  const LmdbEnvironment& environment_;
  MDB_txn* txn_ = nullptr;
};

class ReadTransaction : public LmdbTransaction {
 public:
  explicit ReadTransaction(const LmdbEnvironment& environment);
};

// Thread: one writer at a time in the whole machine; others wait. Destroyed without commit(): nothing happened.
class WriteTransaction : public LmdbTransaction {
 public:
  explicit WriteTransaction(const LmdbEnvironment& environment);
  Status put(Table table, std::string_view key, std::string_view value);
  Status remove(Table table, std::string_view key);  // absent is fine
  Status commit();
};

}  // namespace weir
