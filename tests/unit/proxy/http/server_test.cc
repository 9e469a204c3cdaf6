// Connections: accepted, spread over the loops, bounded in number, drained.

#include <algorithm>

#include "tests/unit/proxy/http/serving.h"

#include <doctest/doctest.h>

using namespace weir;
using namespace weir::testing;
using End = Client::End;

namespace {

Task<void> loop_index(Exchange& exchange) {
  auto sent = co_await exchange.respond(ResponseHead(200), std::to_string(exchange.loop().index()));
  (void)sent;
}

// A handler that waits until the test says go.
struct Held {
  std::mutex mutex;
  std::vector<std::shared_ptr<OneShot<bool>>> gates;  // guarded by mutex

  Serving::Handle handle() {
    return [this](Exchange& exchange) -> Task<void> {
      auto gate = std::make_shared<OneShot<bool>>(exchange.loop());
      {
        std::lock_guard lock(mutex);
        gates.push_back(gate);
      }
      auto go = co_await gate->wait();
      (void)go;
      co_await echo(exchange);
    };
  }
  bool reached(std::size_t count) {
    return comes_true([&] {
      std::lock_guard lock(mutex);
      return gates.size() >= count;
    });
  }
  void release() {
    std::lock_guard lock(mutex);
    for (auto& gate : gates) gate->set(true);
    gates.clear();
  }
};

}  // namespace

TEST_CASE("each connection goes to the loop with the fewest, and stays there") {
  Serving serving(loop_index, Serving::quick(), 3);
  std::vector<std::unique_ptr<Client>> clients;
  std::vector<std::string> loops;
  for (int i = 0; i < 6; ++i) {
    clients.push_back(serving.client());
    loops.push_back(clients.back()->ask(get("/")).body);
  }
  for (const std::string loop : {"0", "1", "2"}) CHECK(std::count(loops.begin(), loops.end(), loop) == 2);
  for (std::size_t i = 0; i < clients.size(); ++i) CHECK(clients[i]->ask(get("/")).body == loops[i]);
  CHECK(serving.server().connections() == 6);

  // The two of the second loop leave; the next two take their places.
  for (std::size_t i = 0; i < clients.size(); ++i) {
    if (loops[i] == "1") clients[i]->close();
  }
  CHECK(comes_true([&] { return serving.server().connections() == 4; }));
  for (int i = 0; i < 2; ++i) {
    clients.push_back(serving.client());
    CHECK(clients.back()->ask(get("/")).body == "1");
  }
}

TEST_CASE("one connection more than allowed is told so and closed, and has its place when another leaves") {
  auto options = Serving::quick();
  options.max_connections = 2;
  Serving serving(echo, options);
  auto first = serving.client(), second = serving.client();
  CHECK(first->ask(get("/")).status == 200);
  CHECK(second->ask(get("/")).status == 200);
  const auto third = serving.client();
  const auto refused = third->answer();  // without having asked
  CHECK(refused.status == 503);
  CHECK(refused.header("Retry-After") == "1");
  CHECK(refused.header("Connection") == "close");
  CHECK(third->rest().empty());
  CHECK(serving.meter().total(Metric::connections, "accepted") == 2);
  CHECK(serving.meter().total(Metric::connections, "refused") == 1);
  first.reset();
  CHECK(comes_true([&] { return serving.server().connections() == 1; }));
  CHECK(serving.client()->ask(get("/")).status == 200);
}

TEST_CASE("many connections at once are all served") {
  Serving serving(echo, Serving::quick(), 2);
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < 200; ++i) clients.push_back(serving.client());
  for (auto& client : clients) client->send(get("/"));
  for (auto& client : clients) CHECK(client->answer().status == 200);
}

TEST_CASE("IPv6 is served where there is one") {
  if (!listen_on("[::1]:0").ok()) return;
  Serving serving(echo, Serving::quick(), 1, "[::1]:0");
  CHECK(serving.client()->ask(get("/")).status == 200);
}

TEST_CASE("draining closes idle connections at once and accepts no more") {
  Serving serving(echo);
  const auto used = serving.client(), fresh = serving.client();
  used->ask(get("/"));
  CHECK(comes_true([&] { return serving.server().connections() == 2; }));
  serving.drain();
  CHECK(used->end() == End::closed);
  CHECK(fresh->end() == End::closed);
  CHECK_THROWS((void)serving.client());
  CHECK(comes_true([&] { return serving.gone(); }));
}

TEST_CASE("draining lets a request that is under way come to its answer, and says that the connection ends") {
  Held held;
  auto options = Serving::quick();
  options.drain_timeout = Seconds(60);
  Serving serving(held.handle(), options);
  const auto client = serving.client();
  client->send(get("/") + get("/not-answered"));
  REQUIRE(held.reached(1));
  serving.drain();
  serving.on_first([] {});
  CHECK_FALSE(serving.gone());
  held.release();
  const auto answer = client->answer();
  CHECK(answer.status == 200);
  CHECK(answer.header("Connection") == "close");
  CHECK(client->rest().empty());
  CHECK(comes_true([&] { return serving.gone(); }));
}

TEST_CASE("draining lets a head that has begun come to its end") {
  Scratch scratch;
  auto options = Serving::quick();
  options.drain_timeout = Seconds(60);
  Serving serving(echo, options, 1, "unix:" + scratch.file("sock"));
  const auto client = serving.client();
  client->send_and_see_taken("GET / HTTP/1.1\r\n");
  serving.drain();
  client->send("Host: weir\r\n\r\n");
  CHECK(client->answer().status == 200);
  CHECK(comes_true([&] { return serving.gone(); }));
}

TEST_CASE("what is still busy when the time for draining ends is cut") {
  auto options = Serving::quick();
  options.drain_timeout = Milliseconds(20);
  Serving serving(
      [](Exchange& exchange) -> Task<void> {
        auto status = co_await exchange.begin(ResponseHead(200), 1ull << 40);
        const std::string piece(1 << 20, 'x');
        while (status) status = co_await exchange.send(piece);
      },
      options);
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < 5; ++i) {
    clients.push_back(serving.client());
    clients.back()->send(get("/"));
  }
  CHECK(comes_true([&] { return serving.server().connections() == 5; }));
  serving.drain();
  for (auto& client : clients) CHECK_FALSE(client->answer().complete);
  CHECK(comes_true([&] { return serving.gone(); }));
}

TEST_CASE("a server without connections is drained at once") {
  Serving serving(echo, Serving::quick(), 2);
  serving.drain();
  CHECK(comes_true([&] { return serving.gone(); }));
}
