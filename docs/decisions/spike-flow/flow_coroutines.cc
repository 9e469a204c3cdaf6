// Candidate (b): coroutines, written as the language allows.
#include <algorithm>

#include "awaiters.h"
#include "flow.h"

namespace spike {
namespace {

SPIKE_APART Task<Outcome> refuse(Client& client, Error error, Account& account) {
  if (!co_await Write{client, kRefusalBytes}) co_return Outcome::kClientGone;
  account.refusal_bytes = kRefusalBytes;
  co_return outcome_of(error);
}

SPIKE_APART Task<Outcome> deliver(Client& client, FillReader reader, Account& account) {
  std::size_t& sent = account.body_bytes;
  while (sent < reader.size()) {
    Result<std::size_t> grown = co_await Grown{reader, sent};
    if (!grown) co_return outcome_of(grown.error());
    while (sent < *grown) {
      Result<std::size_t> written = co_await Write{client, std::min(kPieceBytes, *grown - sent)};
      if (!written) co_return outcome_of(written.error());
      sent += *written;
    }
  }
  co_return Outcome::kServed;
}

SPIKE_APART Task<Outcome> answer(World& world, Client& client, Account& account) {
  Result<Head> head = co_await ReadHead{client};
  if (!head) co_return co_await refuse(client, head.error(), account);
  Result<FillReader> reader = co_await Find{world.index, head->digest};
  if (!reader) co_return co_await refuse(client, reader.error(), account);
  co_return co_await deliver(client, std::move(*reader), account);
}

SPIKE_APART Task<> serve_connection(World& world, Client& client) {
  for (bool open = true; open;) {
    Account account;
    account.outcome = co_await answer(world, client, account);
    open = world.meter.record(account) && stays_open(account.outcome);
  }
  client.close();
}

class CoroutineConnection final : public Connection {
 public:
  CoroutineConnection(World& world, Client& client) : task_(serve_connection(world, client)) { task_.start(); }

 private:
  Task<> task_;
};

}  // namespace

std::unique_ptr<Connection> serve(World& world, Client& client) { return std::make_unique<CoroutineConnection>(world, client); }

}  // namespace spike
