#include "proxy/pass_through.h"

#include <algorithm>
#include <vector>

namespace weir {
namespace {

constexpr std::size_t kReadBytes = 1 << 20;

Error wrong(std::string what) { return Error{Failure::corrupt, Side::upstream, false, "the upstream sent " + std::move(what)}; }

}  // namespace

Task<Status> PassThrough::go_on(Loop& loop, FileSystem& disk, std::shared_ptr<const UniqueFd> file, std::uint64_t count,
                                std::optional<std::uint64_t> announced) {
  size_ = announced;
  auto hashed = co_await pool_.run(loop, [&]() -> Status {
    std::vector<std::byte> buffer(std::min<std::uint64_t>(kReadBytes, count));
    for (std::uint64_t done = 0; done < count;) {
      const auto piece = std::span(buffer).first(std::min<std::uint64_t>(buffer.size(), count - done));
      const auto read = disk.read_at(file->get(), piece, done);
      if (!read) return read.error();
      if (*read == 0) return Error{Failure::corrupt, Side::local, false, "a partial file became shorter"};
      hasher_.update(std::span<const std::byte>(piece).first(*read));
      done += *read;
    }
    return ok_status();
  });
  if (hashed) received_ = count;
  co_return hashed;
}

void PassThrough::head(std::optional<std::uint64_t> size) {
  opened_ = true;
  if (!size_) size_ = size;
}

Task<Status> PassThrough::restart(Loop&) {
  co_return Error{Failure::corrupt, Side::upstream, false, "the upstream has fewer bytes than it sent before"};
}

Task<Status> PassThrough::append(Loop& loop, std::string bytes) {
  if (size_ && received_ + bytes.size() > *size_) co_return wrong("more bytes than it said");
  auto hashed = co_await pool_.run(loop, [&] {
    hasher_.update(bytes);
    return true;
  });
  (void)hashed;
  received_ += bytes.size();
  waiting_ += bytes;
  const auto held_back = size_ ? Fill::kLastPiece - std::min(Fill::kLastPiece, *size_ - received_) : Fill::kLastPiece;
  auto status = ok_status();
  if (waiting_.size() > held_back) status = co_await send(waiting_.size() - held_back);
  co_return status;
}

Task<Status> PassThrough::finish(Loop& loop) {
  if (size_ && received_ != *size_) co_return wrong(std::to_string(received_) + " of " + std::to_string(*size_) + " bytes");
  auto found = co_await pool_.run(loop, [&] { return hasher_.finish(); });
  if (Digest::from_raw(digest_.algorithm(), found) != digest_)
    co_return wrong("bytes that do not have the digest " + digest_.text());
  size_ = received_;
  auto status = co_await send(waiting_.size());
  co_return status;
}

Task<Status> PassThrough::send(std::size_t count) {
  if (auto head = std::exchange(head_, std::nullopt)) {
    auto begun = co_await exchange_.begin(*std::move(head), size_);
    if (!begun) co_return begun;
  }
  auto piece = waiting_.substr(0, count);
  waiting_.erase(0, count);
  auto status = co_await exchange_.send(std::move(piece));
  co_return status;
}

}  // namespace weir
