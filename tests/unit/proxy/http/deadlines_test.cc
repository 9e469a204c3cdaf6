// Deadlines bound silence, and only silence. Time passes for real here: the deadlines are the kernel's and libevent's.

#include "tests/unit/proxy/http/serving.h"

#include <doctest/doctest.h>

using namespace weir;
using namespace weir::testing;
using End = Client::End;
using std::chrono::steady_clock;

namespace {

HttpOptions with(Milliseconds HttpOptions::* field, Milliseconds value) {
  auto options = Serving::quick();
  options.*field = value;
  return options;
}

// Answers with the size of the body, or with the name of what went wrong.
Task<void> body_size(Exchange& exchange) {
  std::size_t size = 0;
  for (;;) {
    auto piece = co_await exchange.read_body();
    if (!piece) {
      auto refused = co_await exchange.respond(ResponseHead(408), failure_name(piece.error().failure));
      (void)refused;
      co_return;
    }
    if (piece->empty()) break;
    size += piece->size();
  }
  auto sent = co_await exchange.respond(ResponseHead(200), std::to_string(size));
  (void)sent;
}

}  // namespace

TEST_CASE("a head that does not come to its end in time is answered 408") {
  Serving serving(echo, with(&HttpOptions::header_timeout, Milliseconds(30)));
  const auto client = serving.client();
  const auto begun = steady_clock::now();
  const auto answer = client->ask("GET / HTTP/1.1\r\nHost: weir\r\n");
  CHECK(answer.status == 408);
  CHECK(answer.header("Connection") == "close");
  // A timer counts from when its loop last looked at the clock.
  CHECK(steady_clock::now() - begun >= Milliseconds(20));
  CHECK(client->end() == End::closed);
}

TEST_CASE("a head that comes byte by byte is bounded by the same time as one that does not come") {
  Serving serving(echo, with(&HttpOptions::header_timeout, Milliseconds(100)));
  const auto client = serving.client();
  const auto begun = steady_clock::now();
  client->send("GET / HTTP/1.1\r\nX: ");
  while (client->try_send("x") && steady_clock::now() - begun < kPatience) {
    char byte;
    if (::recv(client->fd(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0) break;
    std::this_thread::sleep_for(Milliseconds(5));
  }
  CHECK(client->answer().status == 408);
}

TEST_CASE("the time for a head begins with its first byte, not with the connection") {
  Serving serving(echo, with(&HttpOptions::header_timeout, Milliseconds(1)));
  const auto client = serving.client();
  client->ask(get("/"));
  std::this_thread::sleep_for(Milliseconds(20));
  CHECK(client->ask(get("/again")).body == "GET /again");
}

TEST_CASE("the second head of a connection has the whole time again") {
  Serving serving(echo, with(&HttpOptions::header_timeout, Milliseconds(30)));
  const auto client = serving.client();
  client->send(get("/") + "GET / HTTP/1.1\r\n");  // half of it is there when the first is answered
  CHECK(client->answer().status == 200);
  CHECK(client->answer().status == 408);
}

TEST_CASE("a silent connection is closed without a word") {
  Serving serving(echo, with(&HttpOptions::idle_timeout, Milliseconds(300)));
  const auto fresh = serving.client();
  CHECK(fresh->rest().empty());
  const auto used = serving.client();
  used->ask(get("/"));
  CHECK(used->rest().empty());
  CHECK(used->end() == End::closed);
  CHECK(serving.meter().total(Metric::bad_requests) == 0);
}

TEST_CASE("a handler may take its time") {
  auto options = with(&HttpOptions::idle_timeout, Milliseconds(250));
  options.header_timeout = options.progress_timeout = Milliseconds(250);
  Serving serving(
      [](Exchange& exchange) -> Task<void> {
        co_await sleep_for(exchange.loop(), Milliseconds(750));
        co_await echo(exchange);
      },
      options);
  CHECK(serving.client()->ask(get("/")).body == "GET /");
}

TEST_CASE("a body that stops coming ends its request") {
  Serving serving(body_size, with(&HttpOptions::progress_timeout, Milliseconds(30)));
  for (const std::string framing : {"Content-Length: 100\r\n\r\nsome", "Transfer-Encoding: chunked\r\n\r\n64\r\nsome"}) {
    const auto client = serving.client();
    const auto answer = client->ask("POST / HTTP/1.1\r\nHost: weir\r\n" + framing);
    CHECK(answer.status == 408);
    CHECK(answer.body == "timeout");
    CHECK(client->end() == End::closed);
  }
}

TEST_CASE("a body that comes slowly is waited for, longer than any one deadline") {
  auto options = Serving::quick();
  options.progress_timeout = options.header_timeout = options.idle_timeout = Milliseconds(2000);
  Serving serving(body_size, options);
  const auto client = serving.client();
  client->send("POST / HTTP/1.1\r\nHost: weir\r\nContent-Length: 6\r\n\r\n");
  for (int i = 0; i < 6; ++i) {
    std::this_thread::sleep_for(Milliseconds(400));
    client->send("x");
  }
  CHECK(client->answer().body == "6");
}

TEST_CASE("a client that stops reading is let go, with a reset") {
  std::promise<std::string> ended;
  Serving serving(
      [&](Exchange& exchange) -> Task<void> {
        auto status = co_await exchange.begin(ResponseHead(200), 1ull << 40);
        const std::string piece(1 << 20, 'x');
        while (status) status = co_await exchange.send(piece);
        ended.set_value(status.error().what);
      },
      with(&HttpOptions::progress_timeout, Milliseconds(30)));
  const auto client = serving.client();
  client->send(get("/"));
  auto what = ended.get_future();
  CHECK(take(what) == "the client stopped reading");
  CHECK(client->end() == End::reset);
}

TEST_CASE("a client that stops reading a file is let go too") {
  const Scratch scratch;
  write_file(scratch.file("blob"), "");
  std::filesystem::resize_file(scratch.file("blob"), 1ull << 30);  // sparse
  const UniqueFd file(::open(scratch.file("blob").c_str(), O_RDONLY | O_CLOEXEC));
  std::promise<Failure> ended;
  Serving serving(
      [&](Exchange& exchange) -> Task<void> {
        auto status = co_await exchange.begin(ResponseHead(200), 1ull << 30);
        if (status) status = co_await exchange.send_file(file.get(), 0, 1ull << 30);
        ended.set_value(status ? Failure::unsupported : status.error().failure);
      },
      with(&HttpOptions::progress_timeout, Milliseconds(30)));
  const auto client = serving.client();
  client->send(get("/"));
  auto failure = ended.get_future();
  CHECK(take(failure) == Failure::cancelled);
}

TEST_CASE("a client that keeps its connection open after the last answer is not waited for longer than a moment") {
  Serving serving(echo);
  const auto client = serving.client();
  CHECK(client->ask(get("/", "Connection: close\r\n")).status == 200);
  CHECK(client->rest().empty());  // the server's side is closed at once
  CHECK(comes_true([&] { return serving.server().connections() == 0; }));
}
