#pragma once
// EvictionTables: what the eviction remembers, as rows of the index within one transaction. Of a blob that is held it is a
// part of the blob's own row, which must be there before the blob is entered and goes when the eviction lets the blob go; a
// ghost has a row of its own.
// Thread: the transaction's.

#include <string>

#include "cache/eviction.h"
#include "cache/index_records.h"

namespace weir {

class EvictionTables final : public EvictionStore {
 public:
  explicit EvictionTables(WriteTransaction& transaction) : transaction_(transaction) {}

  std::optional<EvictionRecord> find(std::string_view key) override;
  void put(std::string_view key, const EvictionRecord& record) override;
  void erase(std::string_view key) override;
  std::optional<Entry> head(EvictionQueue queue) override;
  void append(EvictionQueue queue, std::uint64_t sequence, std::string_view key) override;
  void take(EvictionQueue queue, std::uint64_t sequence) override;

  // The first thing that failed; nothing was done after it.
  const Status& status() const noexcept { return status_; }
  // The sum of the sizes of the blobs whose rows went.
  std::uint64_t dropped_bytes() const noexcept { return dropped_bytes_; }
  // The same of those that were last copies.
  std::uint64_t dropped_last_copies() const noexcept { return dropped_last_copies_; }

 private:
  void note(Status status);
  void drop_row(std::string_view key);

  WriteTransaction& transaction_;
  Status status_ = ok_status();
  std::uint64_t dropped_bytes_ = 0, dropped_last_copies_ = 0;
};

}  // namespace weir
