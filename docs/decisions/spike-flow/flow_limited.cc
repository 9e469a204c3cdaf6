// Candidate (c): coroutines within what g++ 12 compiles rightly. co_await stands only as a whole statement or as the
// whole initializer of a variable; arguments are named scalars or references; control returns to a trampoline.
#include <algorithm>

#include "awaiters.h"
#include "flow.h"

namespace spike {
namespace {

SPIKE_APART Task<Outcome> refuse(Client& client, Error error, Account& account) {
  Write writing{client, kRefusalBytes};
  Result<std::size_t> written = co_await writing;
  if (!written) co_return Outcome::kClientGone;
  account.refusal_bytes = kRefusalBytes;
  co_return outcome_of(error);
}

SPIKE_APART Task<Outcome> deliver(Client& client, FillReader& reader, Account& account) {
  std::size_t& sent = account.body_bytes;
  while (sent < reader.size()) {
    Grown growing{reader, sent};
    Result<std::size_t> grown = co_await growing;
    if (!grown) co_return outcome_of(grown.error());
    while (sent < *grown) {
      Write writing{client, std::min(kPieceBytes, *grown - sent)};
      Result<std::size_t> written = co_await writing;
      if (!written) co_return outcome_of(written.error());
      sent += *written;
    }
  }
  co_return Outcome::kServed;
}

SPIKE_APART Task<Outcome> answer(World& world, Client& client, Account& account) {
  ReadHead reading{client};
  Result<Head> head = co_await reading;
  if (!head) {
    const Error error = head.error();
    Outcome refused = co_await refuse(client, error, account);
    co_return refused;
  }
  const unsigned digest = head->digest;
  Find finding{world.index, digest};
  Result<FillReader> reader = co_await finding;
  if (!reader) {
    const Error error = reader.error();
    Outcome refused = co_await refuse(client, error, account);
    co_return refused;
  }
  FillReader& found = *reader;
  Outcome delivered = co_await deliver(client, found, account);
  co_return delivered;
}

SPIKE_APART Task<> serve_connection(World& world, Client& client) {
  bool open = true;
  while (open) {
    Account account;
    Outcome outcome = co_await answer(world, client, account);
    account.outcome = outcome;
    Result<unsigned> recorded = world.meter.record(account);
    open = recorded && stays_open(outcome);
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
