// Requests whose shape two programs could understand differently, and those that are merely unusual.
#include "tests/scenario/scene.h"

namespace weir::testing {

namespace {

// What is answered to these bytes until the connection closes.
std::string answer_to(const Scene& scene, const std::string& bytes) {
  HttpClient client(scene.weir.url());
  (void)client.send(bytes);  // it may close before it has read all
  return client.read_until_closed();
}

int count_answers(const std::string& text) {
  int count = 0;
  // A refusal may speak of HTTP/1.1 in its text; an answer goes on with its status.
  for (auto at = text.find("HTTP/1.1 "); at != text.npos; at = text.find("HTTP/1.1 ", at + 1)) {
    count += at + 9 < text.size() && text[at + 9] >= '0' && text[at + 9] <= '9' ? 1 : 0;
  }
  return count;
}

const std::string kGet = "GET /v2/ HTTP/1.1\r\nHost: x\r\n";

}  // namespace

TEST_CASE("shapes that hide a second request are 400, the connection is closed, and what was hidden is not answered") {
  Scene scene;
  const std::string hidden = "GET /v2/hidden/manifests/latest HTTP/1.1\r\nHost: x\r\n\r\n";
  const std::string requests[] = {
      kGet + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      kGet + "Content-Length: 0\r\nContent-Length: 5\r\n\r\n",
      kGet + "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
      kGet + "Content-Length: 0, 5\r\n\r\n",
      kGet + "Content-Length: +5\r\n\r\nhello",
      kGet + "Content-Length: -1\r\n\r\n",
      kGet + "Content-Length: 0x5\r\n\r\nhello",
      kGet + "Content-Length: 99999999999999999999\r\n\r\n",
      kGet + "Content-Length:\r\n\r\n",
      kGet + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
      kGet + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
      kGet + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      kGet + "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
      kGet + "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
      kGet + "Transfer-Encoding: chunked\r\n\r\nxyz\r\nhello\r\n0\r\n\r\n",
      kGet + "Transfer-Encoding: chunked\r\n\r\n5\r\nhelloXX0\r\n\r\n",
      kGet + "Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\nhello\r\n0\r\n\r\n",
      "GET /v2/ HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      kGet + "X-Folded: a\r\n b\r\n\r\n",
      kGet + " Leading: a\r\n\r\n",
      kGet + "No-Colon\r\n\r\n",
      kGet + ": no name\r\n\r\n",
      kGet + "Bad Name: a\r\n\r\n",
      kGet + std::string("X-Nul: a\0b\r\n\r\n", 15),
      kGet + "X-Bare: a\rb\r\n\r\n",
      kGet + "X-Bare: a\n\r\n",
      "GET /v2/ HTTP/1.1\nHost: x\n\n",
      "GET /v2/ HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
      "GET /v2/ HTTP/1.1\r\n\r\n",
      "GET /v2/ HTTP/1.1\r\nHost: x, y\r\n\r\n",
      "GET  /v2/ HTTP/1.1\r\nHost: x\r\n\r\n",
      "GET /v2/ a HTTP/1.1\r\nHost: x\r\n\r\n",
      "GET /v2/\tHTTP/1.1\r\nHost: x\r\n\r\n",
      "GET /v2/\r\nHost: x\r\n\r\n",
      "GET /v2/ HTTP/2.0\r\nHost: x\r\n\r\n",
      "GET /v2/ HTTP/1.1 \r\nHost: x\r\n\r\n",
      "GE(T /v2/ HTTP/1.1\r\nHost: x\r\n\r\n",
      " GET /v2/ HTTP/1.1\r\nHost: x\r\n\r\n",
      "\r\n\r\n\r\nnonsense\r\n\r\n",
      "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
  };
  for (const auto& request : requests) {
    CAPTURE(request);
    auto text = answer_to(scene, request + hidden);
    // A wrong body is found out behind a good head, which may have been answered by then.
    bool body_is_wrong = request.starts_with(kGet + "Transfer-Encoding: chunked\r\n\r\n");
    CHECK((text.starts_with("HTTP/1.1 400 ") || (body_is_wrong && text.starts_with("HTTP/1.1 200 "))));
    CHECK(count_answers(text) == 1);
    CHECK(text.find("MANIFEST_UNKNOWN") == text.npos);
  }
  CHECK(scene.upstream.journal().count() == 0);
  CHECK(scene.weir.metric("weir_bad_requests_total") >= 37);
  CHECK(scene.get("/v2/").status == 200);
}

TEST_CASE("an empty line before a request is skipped") {
  Scene scene;
  HttpClient client(scene.weir.url());
  REQUIRE(client.send("\r\n\r\n" + kGet + "\r\n"));
  CHECK(client.read_response().status == 200);
}

TEST_CASE("pipelined requests are answered in their order, also when they come byte by byte") {
  Scene scene;
  auto image = make_image({.layers = {Content::generated(100'000, 1)}});
  image.put(scene.upstream.registry(), "app", "latest");
  std::string text;
  const std::string targets[] = {manifest_path("app", "latest"), "/v2/", blob_path("app", image.layer_digest(0)),
                                 manifest_path("app", "none"), blob_path("app", image.config_digest())};
  for (const auto& target : targets) text += "GET " + target + " HTTP/1.1\r\nHost: x\r\n\r\n";
  for (std::size_t step : {text.size(), std::size_t{7}}) {
    HttpClient client(scene.weir.url());
    for (std::size_t at = 0; at < text.size(); at += step) REQUIRE(client.send(text.substr(at, step)));
    CHECK(client.read_response().digest == image.digest());
    CHECK(client.read_response().body == "{}");
    CHECK(client.read_response().digest == image.layer_digest(0));
    CHECK(client.read_response().status == 404);
    CHECK(client.read_response().digest == image.config_digest());
  }
}

TEST_CASE("a body that nobody asked for is read past, and the next request starts behind it") {
  Scene scene;
  HttpClient client(scene.weir.url());
  REQUIRE(client.send(kGet + "Content-Length: 30\r\n\r\nGET /v2/a/manifests/b HTTP/1.1" + kGet + "\r\n"));
  CHECK(client.read_response().body == "{}");
  CHECK(client.read_response().body == "{}");
  REQUIRE(client.send(kGet + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n3;a=b\r\nabc\r\n0\r\nTrailer: x\r\n\r\n" + kGet +
                      "\r\n"));
  CHECK(client.read_response().body == "{}");
  CHECK(client.read_response().body == "{}");
  CHECK(scene.upstream.journal().count() == 0);
  // One that is too long to read past ends the connection, not the program.
  HttpClient heavy(scene.weir.url());
  (void)heavy.send(kGet + "Content-Length: 10000000\r\n\r\n");
  (void)heavy.send(std::string(10'000'000, 'x'));
  CHECK(heavy.read_response().status == 200);
  CHECK(heavy.closed_within(kPatience));
}

TEST_CASE("HTTP/1.0 is answered and closed, or kept when it asks for it") {
  Scene scene;
  auto blob = scene.put_blob(1000);
  auto plain = answer_to(scene, "GET " + blob.path + " HTTP/1.0\r\n\r\n");
  CHECK(plain.starts_with("HTTP/1.1 200 "));
  CHECK(plain.find("Transfer-Encoding") == plain.npos);
  CHECK(plain.ends_with(blob.content.text()));
  HttpClient kept(scene.weir.url());
  REQUIRE(kept.send("GET /v2/ HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET /v2/ HTTP/1.0\r\n\r\n"));
  CHECK(kept.read_response().body == "{}");
  CHECK(kept.read_response().body == "{}");
  CHECK(kept.closed_within(kPatience));
}

TEST_CASE("a blob of unknown size goes to an HTTP/1.0 client without chunks, and ends with the connection") {
  Scene scene;
  auto blob = scene.put_blob(100'000);
  scene.upstream.add_rule({.path = exactly(blob.path), .action = framed(Framing::chunked)});
  auto text = answer_to(scene, "GET " + blob.path + " HTTP/1.0\r\n\r\n");
  CHECK(text.find("Transfer-Encoding") == text.npos);
  CHECK(digest_of(text.substr(text.find("\r\n\r\n") + 4)) == blob.digest);
}

TEST_CASE("Connection: close is honoured, however it is written") {
  Scene scene;
  for (const char* value : {"close", "Close", "keep-alive, close"}) {
    HttpClient client(scene.weir.url());
    auto response = client.get("/v2/", {{"Connection", value}});
    CHECK(response.status == 200);
    CHECK(response.headers.value("Connection") == "close");
    CHECK(client.closed_within(kPatience));
  }
}

TEST_CASE("ten mebibytes of junk are refused and cost no memory") {
  Scene scene;
  for (const char* start : {"", "GET /v2/ HTTP/1.1\r\nHost: x\r\nX: ", "GET /"}) {
    HttpClient client(scene.weir.url());
    scene.weir.forget_peak();
    (void)client.send(start + std::string(10 * kMiB, 'a'));
    auto text = client.read_until_closed();
    CHECK((text.empty() || text.starts_with("HTTP/1.1 431 ") || text.starts_with("HTTP/1.1 400 ")));
    if (!sanitized()) CHECK(scene.weir.peak_rss_anon_kib() < 32 * kKiB);
  }
  CHECK(scene.get("/v2/").status == 200);
}

TEST_CASE("a head of 32 KiB is the most: 431") {
  Scene scene;
  CHECK(scene.get("/v2/", {{"X-Long", std::string(30'000, 'a')}}).status == 200);
  CHECK(scene.get("/v2/", {{"X-Long", std::string(33'000, 'a')}}).status == 431);
}

TEST_CASE("methods that change something are 405, in the specification's JSON, and reach no upstream") {
  Scene scene;
  for (const char* method : {"PUT", "POST", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"}) {
    for (const auto& path : {std::string("/v2/"), manifest_path("app", "latest"), blob_path("app", digest_of("x"))}) {
      HttpClient client(scene.weir.url());
      auto response = client.exchange(method, path);
      CAPTURE(method);
      CHECK(response.status == 405);
      CHECK(error_code(response) == "UNSUPPORTED");
      CHECK(response.headers.value("Allow") == "GET, HEAD");
    }
  }
  auto upload = HttpClient(scene.weir.url()).exchange("POST", "/v2/app/blobs/uploads/", {}, "bytes");
  CHECK(upload.status == 405);
  CHECK(scene.upstream.journal().count() == 0);
}

TEST_CASE("a client that expects 100-continue is not kept waiting for it") {
  Scene scene;
  HttpClient client(scene.weir.url());
  REQUIRE(client.send_request("PUT", manifest_path("app", "latest"), {{"Expect", "100-continue"}, {"Content-Length", "1000"}}));
  CHECK(client.read_response().status == 405);
}

TEST_CASE("a client that closes its sending side after the request still gets its answer") {
  Scene scene;
  auto blob = scene.put_blob(kMiB);
  for (int turn = 0; turn < 2; ++turn) {
    HttpClient client(scene.weir.url());
    REQUIRE(client.send_request("GET", blob.path));
    client.shut_down_writing();
    CHECK(client.read_response(Body::hash).digest == blob.digest);
    CHECK(client.closed_within(kPatience));
  }
}

TEST_CASE("targets that are none of ours are 404, and /v2 itself is there in both spellings") {
  Scene scene;
  for (const char* target : {"/", "/v1/", "/v2x", "/v2/_catalog", "/favicon.ico", "/v2/app/nonsense/x", "//v2/"}) {
    CHECK_MESSAGE(scene.get(target).status == 404, std::string(target));
  }
  for (const char* target : {"/v2", "/v2/"}) {
    auto response = scene.get(target);
    CHECK(response.status == 200);
    CHECK(response.headers.value("Docker-Distribution-Api-Version") == "registry/2.0");
    CHECK(scene.head(target).status == 200);
  }
  CHECK(scene.upstream.journal().count() == 0);
}

}  // namespace weir::testing
