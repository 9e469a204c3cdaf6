#include "commands/admin_client.h"

#include "base/version.h"
#include "proxy/upstream/transport.h"

namespace weir {
namespace {

constexpr std::size_t kMostAnswer = 16 << 20;

Task<void> ask(Transport& transport, TransferRequest request, std::optional<Result<AdminAnswer>>& answer) {
  const auto transfer = transport.start(std::move(request));
  auto head = co_await transfer->head();
  if (!head) {
    answer = std::move(head).error();
  } else {
    auto body = co_await transfer->read_all(kMostAnswer);
    if (body) answer = AdminAnswer{head->status, std::move(*body)};
    else answer = std::move(body).error();
  }
  transport.loop().stop();
}

}  // namespace

Result<AdminAnswer> ask_admin(const std::string& socket, const std::string& path, const std::string& json) {
  const SystemClock clock;
  Loop loop(clock, 0);
  Transport transport(loop, std::string("weir/") + version());
  TransferRequest request;
  request.method = json.empty() ? "GET" : "POST";
  request.url = "http://weir" + path;
  request.unix_socket = socket;
  if (!json.empty()) request.headers = {"Content-Type: application/json"};
  request.body = json;
  request.first_byte_timeout = Seconds(120);
  std::optional<Result<AdminAnswer>> answer;
  spawn(ask(transport, std::move(request), answer));
  loop.run();
  return std::move(*answer);
}

}  // namespace weir
