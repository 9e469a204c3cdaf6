// Requests in and answers out over one real socket.

#include "tests/unit/proxy/http/serving.h"

#include <doctest/doctest.h>

using namespace weir;
using namespace weir::testing;
using End = Client::End;

namespace {

// Answers with `body` in chunks of two pieces.
Task<void> in_pieces(Exchange& exchange) {
  auto begun = co_await exchange.begin(ResponseHead(200).add("Content-Type", "text/plain"), std::nullopt);
  if (begun) begun = co_await exchange.send("first ");
  if (begun) begun = co_await exchange.send("");  // says nothing, and no end of the chunks either
  if (begun) begun = co_await exchange.send("second");
  if (begun) begun = co_await exchange.end();
  (void)begun;
}

}  // namespace

TEST_CASE("a connection serves one request after the other") {
  Serving serving(echo);
  const auto client = serving.client();
  for (int i = 0; i < 3; ++i) {
    const auto answer = client->ask(get("/" + std::to_string(i)));
    CHECK(answer.status == 200);
    CHECK(answer.body == "GET /" + std::to_string(i));
    CHECK(answer.header("Content-Length") == "6");
    CHECK(answer.header("Connection").empty());
    CHECK(answer.header("Date").ends_with(" GMT"));
  }
}

TEST_CASE("requests sent at once are answered in their order") {
  Serving serving(echo);
  const auto client = serving.client();
  std::string requests;
  for (int i = 0; i < 500; ++i) requests += get("/" + std::to_string(i));
  client->send(requests);
  for (int i = 0; i < 500; ++i) CHECK(client->answer().body == "GET /" + std::to_string(i));
}

TEST_CASE("a HEAD is answered with the head of a GET and no body") {
  Serving serving(echo);
  const auto client = serving.client();
  client->send("HEAD /x HTTP/1.1\r\nHost: weir\r\n\r\n" + get("/next"));
  const auto head = client->answer(true);
  CHECK(head.header("Content-Length") == "7");
  CHECK(client->answer().body == "GET /next");
}

TEST_CASE("a HEAD of what is sent in pieces sends none of them") {
  Serving serving(in_pieces);
  const auto client = serving.client();
  client->send("HEAD /x HTTP/1.1\r\nHost: weir\r\n\r\n" + get("/next"));
  CHECK(client->answer(true).header("Transfer-Encoding") == "chunked");
  CHECK(client->answer().body == "first second");
}

TEST_CASE("a body without a length comes in chunks on HTTP/1.1 and to the connection's end on HTTP/1.0") {
  Serving serving(in_pieces);
  const auto client = serving.client();
  for (int i = 0; i < 2; ++i) {
    const auto answer = client->ask(get("/"));
    CHECK(answer.complete);
    CHECK(answer.body == "first second");
    CHECK(answer.header("Content-Length").empty());
  }
  const auto old = serving.client();
  const auto answer = old->ask("GET / HTTP/1.0\r\n\r\n");
  CHECK(answer.complete);
  CHECK(answer.body == "first second");
  CHECK(answer.header("Transfer-Encoding").empty());
  CHECK(answer.header("Connection") == "close");
}

TEST_CASE("HTTP/1.0 closes unless it is asked to stay") {
  Serving serving(echo);
  const auto closing = serving.client();
  CHECK(closing->ask("GET / HTTP/1.0\r\n\r\n").header("Connection") == "close");
  CHECK(closing->end() == End::closed);
  const auto staying = serving.client();
  CHECK(staying->ask("GET /1 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").header("Connection") == "keep-alive");
  CHECK(staying->ask("GET /2 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").body == "GET /2");
}

TEST_CASE("Connection: close is obeyed and said") {
  Serving serving(echo);
  const auto client = serving.client();
  const auto answer = client->ask(get("/", "Connection: close\r\n") + get("/not-answered"));
  CHECK(answer.header("Connection") == "close");
  CHECK(client->rest().empty());
}

TEST_CASE("204 and 304 have neither length nor body") {
  Serving serving([](Exchange& exchange) -> Task<void> {
    auto sent = co_await exchange.respond_empty(ResponseHead(304).add("ETag", "\"x\""));
    (void)sent;
  });
  const auto client = serving.client();
  for (int i = 0; i < 2; ++i) {
    const auto answer = client->ask(get("/"));
    CHECK(answer.status == 304);
    CHECK(answer.header("Content-Length").empty());
    CHECK(answer.header("ETag") == "\"x\"");
  }
}

TEST_CASE("an empty body is a whole answer") {
  Serving serving([](Exchange& exchange) -> Task<void> {
    auto begun = co_await exchange.begin(ResponseHead(200), 0);
    (void)begun;
  });
  const auto client = serving.client();
  for (int i = 0; i < 2; ++i) CHECK(client->ask(get("/")).header("Content-Length") == "0");
}

TEST_CASE("a request that no handler answered is a 500, and the connection goes on") {
  Serving serving([](Exchange& exchange) -> Task<void> {
    if (exchange.request().target == "/silent") co_return;
    co_await echo(exchange);
  });
  const auto client = serving.client();
  CHECK(client->ask(get("/silent")).status == 500);
  CHECK(client->ask(get("/")).status == 200);
}

TEST_CASE("an answer that is broken off ends the connection, and its framing says that it is not whole") {
  for (const bool chunked : {false, true}) {
    Serving serving([chunked](Exchange& exchange) -> Task<void> {
      auto begun = co_await exchange.begin(ResponseHead(200), chunked ? std::nullopt : std::optional<std::uint64_t>(10));
      if (begun) begun = co_await exchange.send("part");
      (void)begun;
    });
    const auto client = serving.client();
    client->send(get("/"));
    const auto answer = client->answer();
    CHECK_FALSE(answer.complete);
    CHECK(client->end() == End::closed);
  }
}

TEST_CASE("an answer whose end only the connection's end shows is broken off by a reset") {
  Serving serving([](Exchange& exchange) -> Task<void> {
    auto begun = co_await exchange.begin(ResponseHead(200), std::nullopt);
    if (begun) begun = co_await exchange.send("part");
    (void)begun;
  });
  const auto client = serving.client();
  client->send("GET / HTTP/1.0\r\n\r\n");
  CHECK(client->end() == End::reset);
}

TEST_CASE("a shorter body than was announced is no success, though the handler called it an end") {
  Serving serving([](Exchange& exchange) -> Task<void> {
    auto begun = co_await exchange.begin(ResponseHead(200), 10);
    if (begun) begun = co_await exchange.send("part");
    if (begun) begun = co_await exchange.end();
    (void)begun;
  });
  const auto client = serving.client();
  client->send(get("/"));
  CHECK_FALSE(client->answer().complete);
  CHECK(client->end() == End::closed);
}

TEST_CASE("a file is sent from where and as far as it was asked, with a length and in chunks") {
  const Scratch scratch;
  std::string bytes;
  while (bytes.size() < 3 << 20) bytes += std::to_string(bytes.size()) + ' ';
  write_file(scratch.file("blob"), bytes);
  const UniqueFd file(::open(scratch.file("blob").c_str(), O_RDONLY | O_CLOEXEC));
  const auto size = bytes.size() - 1000;
  Serving serving([&](Exchange& exchange) -> Task<void> {
    const bool chunked = exchange.request().target == "/chunked";
    auto begun = co_await exchange.begin(ResponseHead(200), chunked ? std::nullopt : std::optional<std::uint64_t>(size));
    if (begun) begun = co_await exchange.send_file(file.get(), 1000, 5000);
    if (begun) begun = co_await exchange.send_file(file.get(), 6000, 0);
    if (begun) begun = co_await exchange.send_file(file.get(), 6000, size - 5000);
    if (begun) begun = co_await exchange.end();
    (void)begun;
  });
  const auto client = serving.client();
  for (const std::string target : {"/sized", "/chunked", "/sized"}) {
    const auto answer = client->ask(get(target));
    CHECK(answer.complete);
    CHECK((answer.body == bytes.substr(1000)));
  }
  client->send("HEAD /sized HTTP/1.1\r\nHost: weir\r\n\r\n" + get("/sized"));
  CHECK(client->answer(true).header("Content-Length") == std::to_string(size));
  CHECK(client->answer().complete);
}

TEST_CASE("a file that ends early is a broken answer") {
  const Scratch scratch;
  write_file(scratch.file("blob"), "short");
  const UniqueFd file(::open(scratch.file("blob").c_str(), O_RDONLY | O_CLOEXEC));
  std::promise<Failure> failed;
  Serving serving([&](Exchange& exchange) -> Task<void> {
    auto begun = co_await exchange.begin(ResponseHead(200), 10);
    if (begun) begun = co_await exchange.send_file(file.get(), 0, 10);
    failed.set_value(begun ? Failure::unsupported : begun.error().failure);
  });
  const auto client = serving.client();
  client->send(get("/"));
  CHECK(client->answer().body == "short");
  CHECK(client->end() == End::closed);
  auto failure = failed.get_future();
  CHECK(take(failure) == Failure::corrupt);
}

TEST_CASE("body bytes are counted apart from heads and framing, as they are written") {
  Serving serving([&](Exchange& exchange) -> Task<void> {
    if (exchange.request().target == "/pieces") {
      co_await in_pieces(exchange);
      co_return;
    }
    exchange.count_body_in(serving.meter().counters(0).cell(Metric::sent_bytes, "hit"));
    auto sent = co_await exchange.respond(ResponseHead(200), "12345");
    (void)sent;
  });
  const auto client = serving.client();
  const auto first = client->ask(get("/"));
  CHECK(comes_true([&] { return serving.meter().total(Metric::sent_bytes, "hit") == 5; }));  // counted right after they were written
  CHECK(comes_true([&] { return serving.meter().total(Metric::sent_head_bytes) == first.head.size(); }));
  client->send("HEAD / HTTP/1.1\r\nHost: weir\r\n\r\n");
  const auto head = client->answer(true);
  const auto pieces = client->ask(get("/pieces"));
  const std::string framing = "6\r\n\r\n6\r\n\r\n0\r\n\r\n";
  CHECK(comes_true([&] {
    return serving.meter().total(Metric::sent_head_bytes) ==
           first.head.size() + head.head.size() + pieces.head.size() + framing.size();
  }));
  CHECK(serving.meter().total(Metric::sent_bytes, "hit") == 5);
}

TEST_CASE("a handler sees who asks, when, and on which loop") {
  std::promise<std::string> peer;
  Serving serving([&](Exchange& exchange) -> Task<void> {
    const bool sane = exchange.loop().on_this_thread() && exchange.loop().now() - exchange.started() < Seconds(10) &&
                      !exchange.begun();
    co_await echo(exchange);
    peer.set_value(sane && exchange.begun() && exchange.status() == 200 && exchange.first_byte() ? exchange.peer() : "wrong");
  });
  const auto client = serving.client();
  client->ask(get("/"));
  auto future = peer.get_future();
  CHECK(take(future).starts_with("127.0.0.1:"));
}

TEST_CASE("a client that has said all it will still gets its answer") {
  Serving serving(echo);
  const auto client = serving.client();
  client->send(get("/"));
  client->finish_sending();
  CHECK(client->answer().body == "GET /");
  CHECK(client->end() == End::closed);
}

TEST_CASE("a client that leaves while it is answered ends the sending, and the server goes on") {
  std::promise<Failure> failed;
  Serving serving([&](Exchange& exchange) -> Task<void> {
    if (exchange.request().target == "/") {
      co_await echo(exchange);
      co_return;
    }
    auto status = co_await exchange.begin(ResponseHead(200), 1ull << 40);
    const std::string piece(1 << 20, 'x');
    while (status) status = co_await exchange.send(piece);
    failed.set_value(status.error().failure);
  });
  auto leaving = serving.client();
  leaving->send(get("/endless"));
  leaving.reset();
  auto failure = failed.get_future();
  CHECK(take(failure) == Failure::cancelled);
  CHECK(serving.client()->ask(get("/")).status == 200);
}
