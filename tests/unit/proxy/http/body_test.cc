// Bodies of requests: read by a handler, left by it, waited for, and wrong.

#include "tests/unit/proxy/http/serving.h"

#include <doctest/doctest.h>

#include <sstream>
#include <thread>

using namespace weir;
using namespace weir::testing;
using End = Client::End;

namespace {

// Reads the whole body and answers with it, or with what went wrong.
Task<void> body_echo(Exchange& exchange) {
  std::string body;
  for (;;) {
    auto piece = co_await exchange.read_body();
    if (!piece) {
      auto refused = co_await exchange.respond(ResponseHead(400), failure_name(piece.error().failure));
      (void)refused;
      co_return;
    }
    if (piece->empty()) break;
    body += *piece;
  }
  auto again = co_await exchange.read_body();
  if (!again || !again->empty()) co_return;  // past its end a body is empty and stays so
  auto sent = co_await exchange.respond(ResponseHead(200), std::move(body));
  (void)sent;
}

// Answers without a look at the body.
Task<void> leave_body(Exchange& exchange) {
  auto sent = co_await exchange.respond(ResponseHead(200), "not read");
  (void)sent;
}

std::string post(const std::string& fields, const std::string& body = "") {
  return "POST / HTTP/1.1\r\nHost: weir\r\n" + fields + "\r\n" + body;
}
std::string sized(const std::string& body) { return post("Content-Length: " + std::to_string(body.size()) + "\r\n", body); }

}  // namespace

TEST_CASE("a body of a stated length is read to it and no further") {
  Serving serving(body_echo);
  const auto client = serving.client();
  client->send(sized("hello") + sized("") + sized(std::string(1 << 20, 'x')) + get("/"));
  CHECK(client->answer().body == "hello");
  CHECK(client->answer().body.empty());
  CHECK(client->answer().body.size() == 1 << 20);
  CHECK(client->answer().status == 200);
}

TEST_CASE("a body in chunks is read to its end and no further") {
  Serving serving(body_echo);
  const auto client = serving.client();
  const auto request = post("Transfer-Encoding: chunked\r\n", "5\r\nhello\r\n6; x=y\r\n world\r\n0\r\nTrailer: x\r\n\r\n");
  client->send(request + request + get("/"));
  CHECK(client->answer().body == "hello world");
  CHECK(client->answer().body == "hello world");
  CHECK(client->answer().status == 200);
}

TEST_CASE("a large body in small chunks is read whole") {
  Serving serving(body_echo);
  const auto client = serving.client();
  std::string chunks;
  for (int i = 0; i < 50'000; ++i) chunks += "1\r\nx\r\n";
  client->send(post("Transfer-Encoding: chunked\r\n", chunks + "0\r\n\r\n"));
  CHECK(client->answer().body.size() == 50'000);
}

TEST_CASE("a chunk head that does not end is refused, not kept") {
  Serving serving(body_echo);
  const auto client = serving.client();
  (void)client->try_send(post("Transfer-Encoding: chunked\r\n", "5;" + std::string(300'000, 'x')));
  CHECK(client->answer().status == 400);
}

TEST_CASE("100 Continue is sent when a handler wants the body, once, and not when it is there already") {
  Serving serving(body_echo);
  const auto client = serving.client();
  client->send(post("Content-Length: 5\r\nExpect: 100-continue\r\n"));
  CHECK(client->answer().status == 100);
  client->send("hello");
  const auto answer = client->answer();
  CHECK(answer.status == 200);
  CHECK(answer.body == "hello");
  client->send(post("Content-Length: 5\r\nExpect: 100-continue\r\n", "there"));
  CHECK(client->answer().status == 200);
}

TEST_CASE("a body nobody wants is not asked for, and the connection ends instead") {
  Serving serving(leave_body);
  const auto client = serving.client();
  const auto answer = client->ask(post("Content-Length: 5\r\nExpect: 100-continue\r\n"));
  CHECK(answer.status == 200);
  CHECK(client->end() == End::closed);
}

TEST_CASE("a small body that was left is thrown away, and the next request found behind it") {
  Serving serving(leave_body);
  const auto client = serving.client();
  client->send(sized(std::string(100'000, 'x')) + post("Transfer-Encoding: chunked\r\n", "5\r\nhello\r\n0\r\n\r\n") + get("/"));
  for (int i = 0; i < 3; ++i) CHECK(client->answer().body == "not read");
}

TEST_CASE("a large body that was left ends the connection, after its answer was read") {
  Serving serving(leave_body);
  const auto client = serving.client();
  client->send(post("Content-Length: 100000000\r\n", std::string(1000, 'x')));
  const auto answer = client->answer();
  CHECK(answer.complete);
  CHECK(answer.body == "not read");
  while (client->try_send(std::string(64 << 10, 'x'))) {
  }  // until the server has had enough
}

TEST_CASE("what is left of a body with wrong chunks is never taken for a request") {
  Serving serving(leave_body);
  const auto client = serving.client();
  client->send(post("Transfer-Encoding: chunked\r\n", "zz\r\n" + get("/smuggled")));
  CHECK(client->answer().body == "not read");
  CHECK(client->rest().find("HTTP/1.1") == std::string::npos);
}

TEST_CASE("a body whose chunks go wrong after some is not looked at a second time") {
  Serving serving(body_echo);
  const auto client = serving.client();
  const std::string smuggled = "0\r\n\r\n" + get("/smuggled");
  std::ostringstream size;
  size << std::hex << smuggled.size();
  client->send(post("Transfer-Encoding: chunked\r\n", size.str() + "\r\n"));
  std::this_thread::sleep_for(std::chrono::milliseconds(50));  // the size is read before what it is of
  client->send(smuggled + "\r\nzz\r\n");
  CHECK(client->answer().status == 400);
  CHECK(client->rest().find("HTTP/1.1") == std::string::npos);
}

TEST_CASE("a client that leaves within its body is gone") {
  Serving serving(body_echo);
  const auto client = serving.client();
  client->send(post("Content-Length: 5\r\n", "hel"));
  client->finish_sending();
  const auto answer = client->answer();
  CHECK(answer.status == 400);
  CHECK(answer.body == "cancelled");
}

TEST_CASE("a GET may have a body, which belongs to it") {
  Serving serving(body_echo);
  const auto client = serving.client();
  client->send(get("/a", "Content-Length: 5\r\n") + "hello" + get("/b"));
  CHECK(client->answer().body == "hello");
  CHECK(client->answer().status == 200);
}
