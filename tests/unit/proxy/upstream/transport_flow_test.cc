// Bodies are pulled: a reader that stops holds up the sender, and silence has its deadlines.

#include "tests/unit/proxy/upstream/asking.h"

#include <doctest/doctest.h>

using namespace weir;
using namespace weir::testing;
using Request = TinyServer::Request;
using Peer = TinyServer::Peer;

namespace {

const std::string kLarge = [] {
  std::string bytes;
  for (int i = 0; bytes.size() < 24 << 20; ++i) bytes += std::to_string(i) + ' ';
  return bytes;
}();

TransferRequest impatient(const std::string& url) {
  auto request = Asking::to(url);
  request.first_byte_timeout = request.stall_timeout = Milliseconds(40);
  return request;
}

}  // namespace

TEST_CASE("a body is no further ahead of its reader than the buffers between them") {
  std::atomic<std::size_t> sent{0};
  std::atomic<bool> stuck{false};
  TinyServer server([&](const Request&, Peer& peer) {
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(kLarge.size()) + "\r\n\r\n");
    sent = peer.send_what_is_taken(kLarge, std::chrono::milliseconds(100));
    stuck = true;
    return peer.send(std::string_view(kLarge).substr(sent));
  });
  Asking asking;
  // The reader waits until the sender is stuck, and longer than the stall timeout: that silence is its own.
  auto request = asking.to(server.url("/"));
  request.stall_timeout = Seconds(1);
  auto shot = std::make_shared<OneShot<bool>>(asking.thread().loop());
  auto whole = asking.thread().start([&]() -> Task<std::string> {
    auto transfer = asking.transport().start(request);
    auto head = co_await transfer->head();
    if (!head) co_return head.error().what;
    auto go = co_await shot->wait();
    (void)go;
    std::string body;
    std::size_t largest = 0;
    for (;;) {
      auto piece = co_await transfer->read();
      if (!piece) co_return piece.error().what;
      if (piece->empty()) break;
      largest = std::max(largest, piece->size());
      body += *piece;
    }
    co_return largest <= Transfer::kMostBuffered ? body : "a piece of " + std::to_string(largest) + " bytes";
  });
  CHECK(comes_true([&] { return stuck.load(); }));
  CHECK(sent < kLarge.size());
  std::this_thread::sleep_for(std::chrono::milliseconds(1200));
  shot->set(true);
  CHECK((take(whole) == kLarge));
}

TEST_CASE("one transfer that nobody reads does not hold up another") {
  TinyServer server([&](const Request& request, Peer& peer) {
    return request.target == "/large" ? peer.send(reply(200, kLarge)) : peer.send(reply(200, "small"));
  });
  Asking asking;
  std::unique_ptr<Transfer> unread;
  asking.thread().call([&] { unread = asking.transport().start(asking.to(server.url("/large"))); });
  CHECK(comes_true([&] { return server.count("/large") == 1; }));
  for (int i = 0; i < 3; ++i) CHECK(asking.fetch_all(asking.to(server.url("/small"))).body == "small");
  asking.thread().call([&] { unread.reset(); });
}

TEST_CASE("an upstream that accepts and says nothing is a timeout") {
  TinyServer server([](const Request&, Peer& peer) {
    peer.hang();
    return false;
  });
  Asking asking;
  const auto fetched = asking.fetch_all(impatient(server.url("/")));
  CHECK(fetched.failed() == "timeout");
  CHECK(fetched.status == 0);
}

TEST_CASE("an upstream that stops within its head is a timeout") {
  TinyServer server([](const Request&, Peer& peer) {
    peer.send("HTTP/1.1 200 OK\r\nContent-");
    peer.hang();
    return false;
  });
  Asking asking;
  CHECK(asking.fetch_all(impatient(server.url("/"))).failed() == "timeout");
}

TEST_CASE("an upstream that stops within its body is a timeout, after what came of it") {
  TinyServer server([](const Request&, Peer& peer) {
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart");
    peer.hang();
    return false;
  });
  Asking asking;
  auto request = impatient(server.url("/"));
  request.first_byte_timeout = Seconds(20);
  const auto fetched = asking.fetch_all(request);
  CHECK(fetched.status == 200);
  CHECK(fetched.body == "part");
  CHECK(fetched.failed() == "timeout");
}

TEST_CASE("a body may take longer than any deadline as long as it goes on") {
  TinyServer server([](const Request&, Peer& peer) {
    bool there = peer.send("HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n");
    for (int i = 0; there && i < 8; ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(280));
      there = peer.send("x");
    }
    return there;
  });
  Asking asking;
  auto request = asking.to(server.url("/"));
  request.first_byte_timeout = request.stall_timeout = request.connect_timeout = Milliseconds(2000);
  CHECK(asking.fetch_all(request).body == "xxxxxxxx");
}

TEST_CASE("the time a silent body is given can be changed on the way") {
  TinyServer server([](const Request&, Peer& peer) {
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart");
    peer.hang();
    return false;
  });
  Asking asking;
  auto request = asking.to(server.url("/"));
  request.stall_timeout = Seconds(6);
  const auto begun = std::chrono::steady_clock::now();
  const auto failed = asking.thread().run([&]() -> Task<std::string> {
    auto transfer = asking.transport().start(request);
    auto head = co_await transfer->head();
    if (!head) co_return head.error().what;
    transfer->set_stall_timeout(Milliseconds(20));
    for (;;) {
      auto piece = co_await transfer->read();
      if (!piece) co_return failure_name(piece.error().failure);
    }
  });
  CHECK(failed == "timeout");
  CHECK(std::chrono::steady_clock::now() - begun < Seconds(5));
}

TEST_CASE("a large body arrives whole, byte for byte") {
  TinyServer server([&](const Request&, Peer& peer) { return peer.send(reply(200, kLarge)); });
  Asking asking;
  CHECK((asking.fetch_all(asking.to(server.url("/"))).body == kLarge));
}
