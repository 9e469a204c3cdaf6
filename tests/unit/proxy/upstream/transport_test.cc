#include "proxy/upstream/transport.h"

#include "tests/unit/proxy/upstream/asking.h"

#include <doctest/doctest.h>

using namespace weir;
using namespace weir::testing;
using Request = TinyServer::Request;
using Peer = TinyServer::Peer;

namespace {

// A server that sends these bytes to every request, and ends the connection unless it is to be kept.
TinyServer::Answer always(std::string bytes, bool keep = true) {
  return [bytes, keep](const Request&, Peer& peer) { return peer.send(bytes) && keep; };
}

// A url where nobody listens.
std::string nowhere() {
  const TinyServer gone(always(""));
  return gone.url("/");
}

}  // namespace

TEST_CASE("an answer is its status, its headers and its body") {
  TinyServer server(always(reply(203, "the body", "X-One: 1\r\nx-two:  two words \r\nX-One: again\r\n")));
  Asking asking;
  const auto fetched = asking.fetch_all(asking.to(server.url("/path?query")));
  CHECK(fetched.failed() == "nothing");
  CHECK(fetched.status == 203);
  CHECK(fetched.body == "the body");
  CHECK(fetched.head.header("x-ONE") == "1");
  CHECK(fetched.head.header("X-Two") == "two words");
  CHECK_FALSE(fetched.head.header("X-Three"));
  CHECK(server.requests().at(0).target == "/path?query");
}

TEST_CASE("a request says who asks, takes no encoding, expects nothing and brings its own headers") {
  TinyServer server(always(reply(200)));
  Asking asking;
  auto request = asking.to(server.url("/"));
  request.headers = {"Accept: a/b", "Authorization: Bearer t"};
  asking.fetch_all(request);
  const auto seen = server.requests().at(0);
  CHECK(seen.method == "GET");
  CHECK(seen.header("User-Agent") == "weir/test");
  CHECK(seen.header("Accept-Encoding") == "identity");
  CHECK(seen.header("Accept") == "a/b");
  CHECK(seen.header("Authorization") == "Bearer t");
  CHECK(seen.head.find("HTTP/1.1") != std::string::npos);
  CHECK(seen.header("Expect").empty());
}

TEST_CASE("a HEAD has no body, a POST brings one") {
  TinyServer server([](const Request& request, Peer& peer) {
    return peer.send(request.method == "HEAD" ? "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" : reply(200, request.body));
  });
  Asking asking;
  auto head = asking.to(server.url("/"));
  head.method = "HEAD";
  const auto headed = asking.fetch_all(head);
  CHECK(headed.status == 200);
  CHECK(headed.head.header("Content-Length") == "1000");
  CHECK(headed.body.empty());
  CHECK(headed.failed() == "nothing");
  auto post = asking.to(server.url("/"));
  post.method = "POST";
  post.body = std::string(100'000, 'p');
  CHECK((asking.fetch_all(post).body == post.body));
}

TEST_CASE("an encoding on the way is not undone: the bytes are what they are") {
  TinyServer server(always(reply(200, "\x1f\x8b not really", "Content-Encoding: gzip\r\n")));
  Asking asking;
  const auto fetched = asking.fetch_all(asking.to(server.url("/")));
  CHECK(fetched.body == "\x1f\x8b not really");
  CHECK(fetched.head.header("Content-Encoding") == "gzip");
}

TEST_CASE("a body comes with a length, in chunks, or to the connection's end") {
  TinyServer chunked(
      always("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\nTrailer: x\r\n\r\n"));
  TinyServer until_close(always("HTTP/1.1 200 OK\r\n\r\nhello world", false));
  Asking asking;
  for (const auto* server : {&chunked, &until_close}) {
    const auto fetched = asking.fetch_all(asking.to(server->url("/")));
    CHECK(fetched.failed() == "nothing");
    CHECK(fetched.body == "hello world");
    CHECK_FALSE(fetched.head.header("Trailer"));
  }
}

TEST_CASE("of several heads the final one counts") {
  TinyServer server(always("HTTP/1.1 100 Continue\r\nX: wrong\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" +
                           reply(200, "body", "X: right\r\n")));
  Asking asking;
  const auto fetched = asking.fetch_all(asking.to(server.url("/")));
  CHECK(fetched.status == 200);
  CHECK(fetched.head.header("X") == "right");
  CHECK_FALSE(fetched.head.header("Link"));
}

TEST_CASE("a body that breaks off is unreachable, after what came of it") {
  TinyServer sized(always("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart", false));
  TinyServer chunked(always("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n64\r\npart", false));
  Asking asking;
  for (const auto* server : {&sized, &chunked}) {
    const auto fetched = asking.fetch_all(asking.to(server->url("/")));
    CHECK(fetched.status == 200);
    CHECK(fetched.body == "part");
    CHECK(fetched.failed() == "unreachable");
  }
}

TEST_CASE("no answer at all is unreachable, and one that is no HTTP is corrupt") {
  TinyServer silent(always("", false));
  TinyServer nonsense(always("SSH-2.0-OpenSSH_9.2\r\n", false));
  TinyServer wrong_version(always("HTTP/7.7 200 OK\r\n\r\n", false));
  Asking asking;
  CHECK(asking.fetch_all(asking.to(silent.url("/"))).failed() == "unreachable");
  CHECK(asking.fetch_all(asking.to(nonsense.url("/"))).failed() == "corrupt");
  CHECK(asking.fetch_all(asking.to(wrong_version.url("/"))).failed() != "nothing");
  const auto refused = asking.fetch_all(asking.to(nowhere()));
  CHECK(refused.failed() == "unreachable");
  CHECK_FALSE(refused.what.empty());
  CHECK(asking.fetch_all(asking.to("http://no-such-host.invalid/")).failed() == "unreachable");
  CHECK(asking.fetch_all(asking.to("ftp://127.0.0.1/")).failed() == "corrupt");
}

TEST_CASE("a head of more than 64 KiB is corrupt") {
  const std::string field = "X: " + std::string(1000, 'x') + "\r\n";
  std::string fits, large;
  for (int i = 0; i < 60; ++i) fits += field;
  for (int i = 0; i < 70; ++i) large += field;
  TinyServer good(always(reply(200, "", fits))), bad(always(reply(200, "", large)));
  Asking asking;
  CHECK(asking.fetch_all(asking.to(good.url("/"))).failed() == "nothing");
  CHECK(asking.fetch_all(asking.to(bad.url("/"))).failed() == "corrupt");
}

TEST_CASE("read_all takes as much as it was allowed and no byte more") {
  TinyServer server(always(reply(200, std::string(1000, 'x'))));
  Asking asking;
  const auto read = [&](std::size_t most) {
    return asking.thread().run([&asking, &server, most]() -> Task<std::string> {
      auto transfer = asking.transport().start(asking.to(server.url("/")));
      auto head = co_await transfer->head();
      if (!head) co_return "no head";
      auto body = co_await transfer->read_all(most);
      co_return body ? std::to_string(body->size()) : failure_name(body.error().failure);
    });
  };
  CHECK(read(1000) == "1000");
  CHECK(read(999) == "too_large");
}

TEST_CASE("connections are used again") {
  TinyServer server(always(reply(200, "body")));
  Asking asking;
  for (int i = 0; i < 5; ++i) CHECK(asking.fetch_all(asking.to(server.url("/"))).body == "body");
  CHECK(server.connections() == 1);
}

TEST_CASE("many transfers run at once") {
  std::atomic<int> inside{0};
  TinyServer server([&](const Request& request, Peer& peer) {
    ++inside;
    comes_true([&] { return inside >= 20; });  // each waits for the others
    return peer.send(reply(200, request.target));
  });
  Asking asking;
  std::vector<std::future<Fetched>> all;
  for (int i = 0; i < 20; ++i) all.push_back(asking.start(asking.to(server.url("/" + std::to_string(i)))));
  for (std::size_t i = 0; i < all.size(); ++i) CHECK(take(all[i]).body == "/" + std::to_string(i));
}

TEST_CASE("private addresses are not connected to unless the request allows it") {
  TinyServer server(always(reply(200)));
  Asking asking;
  for (const auto& url : {server.url("/"), server.named_url("/")}) {
    auto request = asking.to(url);
    request.allow_private = false;
    CHECK(asking.fetch_all(request).failed() == "unreachable");
  }
  CHECK(server.connections() == 0);
}

TEST_CASE("a proxy is asked with the whole URL") {
  TinyServer proxy(always(reply(200, "by proxy")));
  Asking asking;
  auto request = asking.to("http://registry.invalid/v2/");
  request.allow_private = false;  // the proxy itself is named by the configuration
  request.proxy = proxy.url();
  CHECK(asking.fetch_all(request).body == "by proxy");
  CHECK(proxy.requests().at(0).target == "http://registry.invalid/v2/");
}

TEST_CASE("no host is left out of a proxy by the environment") {
  TinyServer proxy(always(reply(200, "by proxy"))), server(always(reply(200, "direct")));
  ::setenv("NO_PROXY", "*", 1);
  {
    Asking asking;
    auto request = asking.to(server.url("/"));
    request.proxy = proxy.url();
    CHECK(asking.fetch_all(request).body == "by proxy");
  }
  ::unsetenv("NO_PROXY");
}

TEST_CASE("a connection that was opened for somebody who may ask private addresses is none for others") {
  TinyServer server(always(reply(200, "here")));
  Asking asking;
  auto request = asking.to(server.url("/"));
  CHECK(asking.fetch_all(request).body == "here");
  request.allow_private = false;
  CHECK(asking.fetch_all(request).body.empty());
  CHECK(server.requests().size() == 1);
}

TEST_CASE("a proxy in the environment is not used") {
  TinyServer proxy(always(reply(200, "by proxy"))), server(always(reply(200, "direct")));
  ::setenv("http_proxy", proxy.url().c_str(), 1);
  ::setenv("ALL_PROXY", proxy.url().c_str(), 1);
  {
    Asking asking;
    CHECK(asking.fetch_all(asking.to(server.url("/"))).body == "direct");
  }
  ::unsetenv("http_proxy");
  ::unsetenv("ALL_PROXY");
}

TEST_CASE("destroying a transfer ends it, and the server sees the client leave") {
  TinyServer server([](const Request&, Peer& peer) {
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart");
    peer.hang();
    return false;
  });
  Asking asking;
  const bool got_part = asking.thread().run([&]() -> Task<bool> {
    auto transfer = asking.transport().start(asking.to(server.url("/")));
    auto head = co_await transfer->head();
    auto piece = co_await transfer->read();
    co_return head.ok() && piece.ok() && *piece == "part";
  });
  CHECK(got_part);
  CHECK(comes_true([&] { return !server.anybody_there(); }));
}

TEST_CASE("shutting down ends every transfer, and each later one at its start") {
  TinyServer server([](const Request& request, Peer& peer) {
    if (request.target == "/body") peer.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n");
    peer.hang();
    return false;
  });
  Asking asking;
  auto head = asking.start(asking.to(server.url("/head"))), body = asking.start(asking.to(server.url("/body")));
  CHECK(comes_true([&] { return server.count() == 2; }));
  asking.thread().call([&] { asking.transport().shut_down(); });
  CHECK(take(head).failed() == "cancelled");
  CHECK(take(body).failed() == "cancelled");
  CHECK(asking.fetch_all(asking.to(server.url("/later"))).failed() == "cancelled");
  CHECK(server.count("/later") == 0);
}
