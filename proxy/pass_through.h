#pragma once
// PassThrough: a blob on its way from an upstream to one client, where the disk takes no bytes. It is hashed as it passes, and as
// from a Fill the client gets the last piece only when length and digest agreed.
//
// Memory: one piece as it was received, and Fill::kLastPiece. Thread: the exchange's loop; hashing is the pool's.

#include <memory>
#include <optional>
#include <string>

#include "base/disk_pool.h"
#include "base/fd.h"
#include "base/file_system.h"
#include "base/hash.h"
#include "cache/fill.h"
#include "proxy/http/exchange.h"

namespace weir {

class PassThrough final : public BlobSink {
 public:
  PassThrough(Exchange& exchange, DiskPool& pool, const Digest& digest)
      : exchange_(exchange), pool_(pool), digest_(digest), hasher_(digest.algorithm()) {}

  // The answer begins with `head`, once its first bytes may go.
  void answer_with(ResponseHead head) { head_ = std::move(head); }
  // Or it has begun: its first `count` bytes went out, and are the first of `file`. Whatever the upstream says now, no more than
  // `announced` bytes follow. Error: the file's.
  Task<Status> go_on(Loop& loop, FileSystem& disk, std::shared_ptr<const UniqueFd> file, std::uint64_t count,
                     std::optional<std::uint64_t> announced);

  const Digest& digest() const noexcept override { return digest_; }
  std::uint64_t written() const override { return received_; }
  bool opened() const override { return opened_; }
  Task<Status> reserve(Loop&, std::uint64_t) override { co_return ok_status(); }
  void head(std::optional<std::uint64_t> size) override;
  Task<Status> restart(Loop& loop) override;
  Task<Status> append(Loop& loop, std::string bytes) override;

  // Length and digest; ok: the client has the last piece. The answer is not ended.
  Task<Status> finish(Loop& loop);

 private:
  Task<Status> send(std::size_t count);

  Exchange& exchange_;
  DiskPool& pool_;
  const Digest digest_;
  Hasher hasher_;
  std::optional<ResponseHead> head_;  // until it is sent
  bool opened_ = false;
  std::optional<std::uint64_t> size_;
  std::uint64_t received_ = 0;
  std::string waiting_;  // received, and not sent yet
};

}  // namespace weir
