// How requests are framed on the wire: what is refused, and what that does to the connection.

#include "proxy/http/head_check.h"
#include "tests/unit/proxy/http/serving.h"

#include <doctest/doctest.h>

using namespace weir;
using namespace weir::testing;
using End = Client::End;

namespace {

// A server on a unix socket: the only kind that tells when what was sent has been read.
struct OverUnix {
  Scratch scratch;
  Serving serving{echo, Serving::quick(), 1, "unix:" + scratch.file("sock")};
};

}  // namespace

TEST_CASE("a request that could be understood in two ways is refused, and nothing after it is answered") {
  Serving serving(echo);
  const std::string bad[] = {"GET / HTTP/1.1\r\n\r\n",
                             "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
                             "GET / HTTP/1.1\nHost: a\n\n",
                             "GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n folded\r\n\r\n",
                             "GET / HTTP/1.1\r\nHost: a\r\nX : a\r\n\r\n",
                             "GET / HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n",
                             std::string("GET / HTTP/1.1\r\nHost: a\r\nX: a") + '\0' + "b\r\n\r\n",
                             "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                             "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
                             "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
                             "GET http://example.com/ HTTP/1.1\r\nHost: a\r\n\r\n",
                             "GET / HTTP/2.0\r\nHost: a\r\n\r\n",
                             "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
                             "nonsense\r\n\r\n"};
  std::uint64_t count = 0;
  for (const auto& request : bad) {
    CAPTURE(request);
    const auto client = serving.client();
    client->send(request + get("/smuggled"));
    const auto answer = client->answer();
    CHECK(answer.status == 400);
    CHECK(answer.complete);
    CHECK(answer.header("Connection") == "close");
    CHECK(client->rest().empty());
    CHECK(serving.meter().total(Metric::bad_requests) == ++count);
  }
}

TEST_CASE("a body with wrong chunks is refused, and what follows it is no request") {
  Serving serving([](Exchange& exchange) -> Task<void> {
    std::string body;
    for (;;) {
      auto piece = co_await exchange.read_body();
      if (!piece) {
        auto refused = co_await exchange.respond(ResponseHead(400), piece.error().what);
        (void)refused;
        co_return;
      }
      if (piece->empty()) break;
      body += *piece;
    }
    auto sent = co_await exchange.respond(ResponseHead(200), std::move(body));
    (void)sent;
  });
  for (const std::string chunks :
       {"5\r\nhello!\r\n0\r\n\r\n", "5 \r\nhello\r\n0\r\n\r\n", "0x5\r\nhello\r\n0\r\n\r\n",
        "FFFFFFFFFFFFFFFFF\r\nhello\r\n0\r\n\r\n", "-1\r\n0\r\n\r\n", "\r\n0\r\n\r\n", "5\nhello\n0\n\n"}) {
    CAPTURE(chunks);
    const auto client = serving.client();
    client->send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks + get("/smuggled"));
    const auto answer = client->answer();
    CHECK(answer.status == 400);
    CHECK(client->rest().find("HTTP/1.1") == std::string::npos);
  }
}

TEST_CASE("a head of 32 KiB is answered, one byte more is 431") {
  Serving serving(echo);
  const std::string begin = "GET / HTTP/1.1\r\nHost: weir\r\nX: ";
  const auto of = [&begin](std::size_t size) { return begin + std::string(size - begin.size() - 4, 'x') + "\r\n\r\n"; };
  CHECK(serving.client()->ask(of(kMostHeadBytes)).status == 200);
  const auto client = serving.client();
  const auto answer = client->ask(of(kMostHeadBytes + 1));
  CHECK(answer.status == 431);
  CHECK(answer.header("Connection") == "close");
}

TEST_CASE("a head without an end is refused once it is too large, not kept") {
  Serving serving(echo);
  const auto client = serving.client();
  (void)client->try_send("GET / HTTP/1.1\r\nHost: weir\r\nX: " + std::string(200'000, 'x'));
  CHECK(client->answer().status == 431);
}

TEST_CASE("two large heads at once are each measured alone") {
  Serving serving(echo);
  const auto client = serving.client();
  const auto request = get("/", "X: " + std::string(20'000, 'x') + "\r\n");
  client->send(request + request + request);
  for (int i = 0; i < 3; ++i) CHECK(client->answer().status == 200);
}

TEST_CASE("empty lines before a request are passed over") {
  OverUnix over;
  const auto client = over.serving.client();
  client->send("\r\n\r\n" + get("/1"));
  CHECK(client->answer().body == "GET /1");
  client->send_and_see_taken("\r\n");
  client->send(get("/2"));
  CHECK(client->answer().body == "GET /2");
}

TEST_CASE("an empty line before a request is passed over although its CR and its LF come apart") {
  OverUnix over;
  const auto client = over.serving.client();
  client->send_and_see_taken("\r");
  client->send("\n" + get("/"));
  CHECK(client->answer().status == 200);
}

TEST_CASE("a request is understood when its bytes come one by one") {
  OverUnix over;
  const auto client = over.serving.client();
  for (int round = 0; round < 2; ++round) {
    for (const char c : get("/slowly")) client->send_and_see_taken(std::string_view(&c, 1));
    CHECK(client->answer().body == "GET /slowly");
  }
}

TEST_CASE("a bare CR is refused although what follows it comes later") {
  OverUnix over;
  const auto client = over.serving.client();
  client->send_and_see_taken("GET / HTTP/1.1\r\nHost: a\r\nX: y\r");
  client->send("z\r\n\r\n");
  CHECK(client->answer().status == 400);
}

TEST_CASE("a client that leaves within a head is no mistake of anybody's") {
  Serving serving(echo);
  auto client = serving.client();
  client->send("GET / HTT");
  client->finish_sending();
  CHECK(client->rest().empty());
  CHECK(serving.meter().total(Metric::bad_requests) == 0);
}

TEST_CASE("a unix client is called unix") {
  Scratch scratch;
  std::promise<std::string> peer;
  Serving serving(
      [&](Exchange& exchange) -> Task<void> {
        peer.set_value(exchange.peer());
        co_await echo(exchange);
      },
      Serving::quick(), 1, "unix:" + scratch.file("sock"));
  serving.client()->ask(get("/"));
  auto future = peer.get_future();
  CHECK(take(future) == "unix");
}
