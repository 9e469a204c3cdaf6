#include "proxy/upstream/aws_exchange.h"

namespace weir {
namespace {
constexpr std::size_t kMostAwsAnswer = 64 << 10;
}  // namespace

Task<Result<AwsAnswer>> ask_aws(Transport& transport, TransferRequest request) {
  auto transfer = transport.start(std::move(request));
  auto head = co_await transfer->head();
  if (!head) co_return std::move(head).error();
  auto body = co_await transfer->read_all(kMostAwsAnswer);
  if (!body) co_return std::move(body).error();
  co_return AwsAnswer{head->status, *std::move(body)};
}

Error aws_refusal(std::string what, int status) {
  const auto failure = status == 429 ? Failure::throttled : Failure::refused;
  return Error{failure, Side::upstream, status == 429 || status >= 500, std::move(what), status};
}

}  // namespace weir
