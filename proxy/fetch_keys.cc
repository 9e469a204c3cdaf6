#include "proxy/fetch_keys.h"

#include "base/file_system.h"

namespace weir {
namespace {

constexpr std::size_t kMostKeyBytes = 256 << 10;  // some milliseconds to parse

Task<Result<std::string>> fetch_file(DiskPool& pool, Loop& loop, std::string file) {
  auto text = co_await pool.run(loop, [&file] { return read_small_file(file, kMostKeyBytes); });
  co_return text;
}

Task<Result<std::string>> fetch_url(Transport& transport, std::string url, std::string ca_file) {
  TransferRequest request;
  request.url = std::move(url);
  request.ca_file = std::move(ca_file);
  request.headers = {"Accept: application/jwk-set+json, application/json"};
  request.allow_private = true;  // the configuration names it
  request.stall_timeout = Seconds(10);
  auto transfer = transport.start(std::move(request));
  auto head = co_await transfer->head();
  if (!head) co_return std::move(head).error();
  if (head->status != 200)
    co_return Error{Failure::refused, Side::upstream, true, "the issuer answered " + std::to_string(head->status), head->status};
  auto body = co_await transfer->read_all(kMostKeyBytes);
  co_return body;
}

}  // namespace

Oidc::Fetch fetch_keys(DiskPool& pool, std::vector<std::unique_ptr<LoopParts>>& loops, std::string ca_file) {
  return [&pool, &loops, ca_file = std::move(ca_file)](Loop& loop, std::string where) {
    if (where.find("://") == std::string::npos) return fetch_file(pool, loop, std::move(where));
    return fetch_url(loops[loop.index()]->transport, std::move(where), ca_file);
  };
}

}  // namespace weir
