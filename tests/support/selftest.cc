// The server, the client and the image builder proved against each other.
#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>

#include <sys/socket.h>
#include <sys/un.h>

#include <atomic>
#include <cstring>
#include <thread>
#include <vector>

#include "tests/support/certificate_authority.h"
#include "tests/support/child_process.h"
#include "tests/support/content.h"
#include "tests/support/failure_listener.h"
#include "tests/support/http_client.h"
#include "tests/support/image.h"
#include "tests/support/metrics.h"
#include "tests/support/scripted_upstream.h"
#include "tests/support/temporary_directory.h"
#include "tests/support/wait.h"

REGISTER_LISTENER("failure-watch", 1, weir::testing::FailureListener);

namespace weir::testing {

namespace {

constexpr std::uint64_t kMiB = 1 << 20;

// An upstream with one blob of a mebibyte in one repository.
struct OneBlob {
  ScriptedUpstream upstream;
  Content content = Content::generated(kMiB, 42);
  std::string digest = upstream.registry().put_blob("library/a", content);
  std::string path = blob_path("library/a", digest);

  Response get(const Headers& headers = {}) { return HttpClient(upstream.url()).get(path, headers); }
  void once(Action action) { upstream.add_rule({.method = "GET", .path = "/blobs/", .times = 1, .action = action}); }
};

}  // namespace

TEST_CASE("digests are those of the standard's examples") {
  CHECK(digest_of("abc") == "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(digest_of("", Algorithm::sha512).substr(0, 23) == "sha512:cf83e1357eefb8bd");
  Hasher hasher;
  hasher.update("a");
  CHECK(hasher.digest() == digest_of("a"));
  hasher.update("bc");
  CHECK(hasher.digest() == digest_of("abc"));
}

TEST_CASE("a generated content is the same at every offset, for every reader, for ever") {
  auto content = Content::generated(100'003, 7);
  auto whole = content.text();
  for (std::uint64_t offset : {0, 1, 7, 8, 9, 4096, 99'990}) CHECK(content.slice(offset, 13) == whole.substr(offset, 13));
  CHECK(digest_of(whole) == content.digest());
  CHECK(Content::generated(100'003, 8).digest() != content.digest());
  CHECK(Content::generated(16, 1).digest() == "sha256:b2492a326b5077a180af19c307974b007c40cd9568f3701a20d154c2e5246923");
  CHECK_THROWS(content.slice(100'000, 4));
  CHECK(Content::generated(16, 1, "sha256:00").digest() == "sha256:00");
}

TEST_CASE("an image is pulled as a client pulls it") {
  ScriptedUpstream upstream;
  for (auto format : {Format::oci, Format::docker}) {
    auto amd64 = make_image({.format = format, .layers = {"one", Content::generated(70'000, 1)}});
    auto arm64 = make_image({.format = format, .platform = {.architecture = "arm64", .variant = "v8"}});
    auto index = make_index({.format = format, .children = {amd64, arm64}});
    index.put(upstream.registry(), "library/a", "latest");

    HttpClient client(upstream.url());
    auto head = client.head(manifest_path("library/a", "latest"));
    CHECK(head.status == 200);
    CHECK(head.headers.value("content-type") == index.media_type());
    CHECK(head.headers.value("Docker-Content-Digest") == index.digest());
    CHECK(head.headers.value("Docker-Distribution-Api-Version") == "registry/2.0");
    CHECK(head.headers.value("Content-Length") == std::to_string(index.size()));
    CHECK(head.complete);
    CHECK(client.get(manifest_path("library/a", index.digest())).body == index.bytes());
    CHECK(index.bytes().find("\"digest\":\"" + arm64.digest() + "\",\"size\":") != std::string::npos);
    CHECK(client.get(manifest_path("library/a", amd64.digest())).digest == amd64.digest());
    CHECK(client.get(blob_path("library/a", amd64.config_digest())).digest == amd64.config_digest());
    auto layer = client.get(blob_path("library/a", amd64.layer_digest(1)), {}, Body::hash);
    CHECK(layer.digest == amd64.layer_digest(1));
    CHECK(layer.length == 70'000);
    CHECK(layer.body.empty());
  }
  CHECK(upstream.journal().connections() == 2);
  CHECK(upstream.journal().count("HEAD", exactly(manifest_path("library/a", "latest"))) == 2);
}

TEST_CASE("what is not there is refused in the words of the specification") {
  OneBlob one;
  HttpClient client(one.upstream.url());
  auto check = [&](const std::string& target, int status, const std::string& code) {
    auto response = client.get(target);
    CHECK(response.status == status);
    CHECK(response.body.find("{\"errors\":[{\"code\":\"" + code + "\"") == 0);
  };
  check(blob_path("library/a", "sha256:00"), 404, "BLOB_UNKNOWN");
  check(manifest_path("library/a", "none"), 404, "MANIFEST_UNKNOWN");
  check(manifest_path("library/none", "latest"), 404, "NAME_UNKNOWN");
  check("/v2/library/a/nonsense/x", 404, "NOT_FOUND");
  CHECK(client.exchange("DELETE", one.path).status == 405);
  CHECK(client.get("/v2/").status == 200);
  CHECK(client.head(one.path).headers.value("Content-Length") == "1048576");
}

TEST_CASE("sha512 names blobs and manifests too") {
  ScriptedUpstream upstream;
  auto image = make_image({.layers = {"x"}, .algorithm = Algorithm::sha512});
  image.put(upstream.registry(), "a", "t");
  HttpClient client(upstream.url());
  CHECK(image.digest().starts_with("sha512:"));
  CHECK(client.get(manifest_path("a", "t")).headers.value("Docker-Content-Digest") == image.digest());
  CHECK(client.get(blob_path("a", image.layer_digest(0))).body == "x");
}

TEST_CASE("tags come in pages, referrers by type") {
  ScriptedUpstream upstream;
  auto image = make_image({.layers = {"x"}});
  for (auto tag : {"c", "a", "b"}) image.put(upstream.registry(), "r/x", tag);
  HttpClient client(upstream.url());
  CHECK(client.get("/v2/r/x/tags/list").body == R"({"name":"r/x","tags":["a","b","c"]})");
  auto page = client.get("/v2/r/x/tags/list?n=2");
  CHECK(page.body == R"({"name":"r/x","tags":["a","b"]})");
  CHECK(page.headers.value("Link") == R"(</v2/r/x/tags/list?last=b&n=2>; rel="next")");
  auto rest = client.get("/v2/r/x/tags/list?last=b&n=2");
  CHECK(rest.body == R"({"name":"r/x","tags":["c"]})");
  CHECK(!rest.headers.has("Link"));

  auto signature = make_artifact({.artifact_type = "application/vnd.sig", .subject = image.descriptor()});
  auto bill = make_artifact({.artifact_type = "application/vnd.sbom", .blobs = {"b"}, .subject = image.descriptor()});
  signature.put(upstream.registry(), "r/x");
  bill.put(upstream.registry(), "r/x");
  auto all = client.get("/v2/r/x/referrers/" + image.digest());
  CHECK(all.body.find(signature.digest()) != std::string::npos);
  CHECK(all.body.find(bill.digest()) != std::string::npos);
  auto some = client.get("/v2/r/x/referrers/" + image.digest() + "?artifactType=application%2Fvnd.sig");
  CHECK(some.body.find(bill.digest()) == std::string::npos);
  CHECK(some.headers.value("OCI-Filters-Applied") == "artifactType");
  upstream.registry().set_referrers_api(false);
  CHECK(client.get("/v2/r/x/referrers/" + image.digest()).status == 404);
}

TEST_CASE("a range is answered with exactly its bytes") {
  OneBlob one;
  auto check = [&](const std::string& range, std::uint64_t first, std::size_t count) {
    auto response = one.get({{"Range", range}});
    CHECK(response.status == 206);
    CHECK(response.body == one.content.slice(first, count));
    CHECK(response.headers.value("Content-Range") ==
          "bytes " + std::to_string(first) + "-" + std::to_string(first + count - 1) + "/1048576");
  };
  check("bytes=0-0", 0, 1);
  check("bytes=1000-1999", 1000, 1000);
  check("bytes=1048570-", kMiB - 6, 6);
  check("bytes=-10", kMiB - 10, 10);
  check("bytes=1048575-9999999", kMiB - 1, 1);
  CHECK(one.get({{"Range", "bytes=1048576-"}}).status == 416);
  CHECK(one.get({{"Range", "bytes=0-1,5-6"}}).status == 200);
  CHECK(one.get({{"Range", "bytes=0-1"}, {"If-Range", "\"other\""}}).status == 200);
  CHECK(one.get({{"Range", "bytes=0-1"}, {"If-Range", "\"" + one.digest + "\""}}).status == 206);
  one.once(ignoring_range());
  auto whole = one.get({{"Range", "bytes=5-9"}});
  CHECK(whole.status == 200);
  CHECK(whole.digest == one.digest);
}

TEST_CASE("rules are skipped, spent and counted in their order") {
  OneBlob one;
  auto busy = one.upstream.add_rule({.path = "/blobs/", .skip = 1, .times = 2, .action = answer(503, "later")});
  auto picky = one.upstream.add_rule({.method = "GET", .header = "X-Slow", .action = answer(429, "", {{"Retry-After", "1"}})});
  std::vector<int> statuses;
  for (int i = 0; i < 5; ++i) statuses.push_back(one.get().status);
  CHECK(statuses == std::vector<int>{200, 503, 503, 200, 200});
  CHECK(one.get({{"X-Slow", "1"}}).headers.value("Retry-After") == "1");
  CHECK(one.upstream.rule_fired(busy) == 2);
  CHECK(one.upstream.rule_fired(picky) == 1);
  one.upstream.clear_rules();
  CHECK(one.get({{"X-Slow", "1"}}).status == 200);
}

TEST_CASE("a body can be cut short by FIN and by RST") {
  OneBlob one;
  one.once(truncated_after(1000));
  auto closed = one.get();
  CHECK(closed.status == 200);
  CHECK(!closed.complete);
  CHECK(closed.failure == "body ended by the peer");
  CHECK(closed.body == one.content.slice(0, 1000));
  one.once(reset_after(300'000));
  auto reset = one.get();
  CHECK(reset.failure == "body reset by the peer");
  CHECK(reset.length == 300'000);
  CHECK(one.get().digest == one.digest);
  REQUIRE(one.upstream.journal().wait_until_idle());
  auto entries = one.upstream.journal().requests();
  CHECK(entries[0].body_bytes == 1000);
  CHECK(!entries[0].whole);
  CHECK(entries[2].whole);
  CHECK(one.upstream.journal().body_bytes("GET", "/blobs/") == 1000 + 300'000 + kMiB);
}

TEST_CASE("a body can be wrong in every way") {
  OneBlob one;
  SUBCASE("a byte is corrupt where it lies in the blob, whichever part is asked for") {
    one.upstream.add_rule({.action = corrupted_at(500'000)});
    auto whole = one.get();
    CHECK(whole.complete);
    CHECK(whole.digest != one.digest);
    CHECK(one.get({{"Range", "bytes=0-499999"}}).body == one.content.slice(0, 500'000));
    CHECK(one.get({{"Range", "bytes=500000-500001"}}).body != one.content.slice(500'000, 2));
  }
  SUBCASE("it is longer") {
    one.once(longer_by(5));
    auto response = one.get();
    CHECK(response.complete);
    CHECK(response.body == one.content.text() + "xxxxx");
  }
  SUBCASE("Content-Length is too large") {
    one.once(claiming_length(kMiB + 1));
    auto response = one.get();
    CHECK(!response.complete);
    CHECK(response.digest == one.digest);
  }
  SUBCASE("Content-Length is too small") {
    one.once(claiming_length(10));
    HttpClient client(one.upstream.url());
    CHECK(client.get(one.path).body == one.content.slice(0, 10));
    CHECK(client.read_until_closed().size() == kMiB - 10);
  }
  SUBCASE("it has no Content-Length") {
    for (auto framing : {Framing::chunked, Framing::until_close}) {
      one.once(framed(framing));
      auto response = one.get();
      CHECK(!response.headers.has("Content-Length"));
      CHECK(response.complete);
      CHECK(response.digest == one.digest);
    }
  }
  SUBCASE("chunks break off") {
    Action action = framed(Framing::chunked);
    action.end_after = 2000;
    one.once(action);
    auto response = one.get();
    CHECK(!response.complete);
    CHECK(response.length == 2000);
  }
}

TEST_CASE("a head can be wrong in every way") {
  OneBlob one;
  auto failure_of = [&](Action action) {
    one.once(std::move(action));
    auto response = one.get();
    CHECK(response.status == 0);
    return response.failure;
  };
  CHECK(failure_of(no_answer()) == "no head: ended by the peer after 0 bytes");
  CHECK(failure_of(no_answer(Ending::reset)) == "no head: reset by the peer after 0 bytes");
  CHECK(failure_of(cut_head_after(20)) == "no head: ended by the peer after 20 bytes");
  CHECK(failure_of(garbage()).starts_with("not a response head"));
  one.once(huge_headers(200'000));
  CHECK(one.get().headers.text().size() > 200'000);
  one.once(without_header("Docker-Content-Digest"));
  CHECK(!one.get().headers.has("Docker-Content-Digest"));
  one.once(with_header("Content-Type", "text/html"));
  CHECK(one.get().headers.all("Content-Type") == std::vector<std::string>{"text/html"});
  one.upstream.add_rule({.method = "HEAD", .action = answer(405)});
  CHECK(HttpClient(one.upstream.url()).head(one.path).status == 405);
}

TEST_CASE("a redirect leads to another server that takes no credentials") {
  OneBlob one;
  ScriptedUpstream store;
  store.registry().put_object(one.path, one.content);
  store.add_rule({.header = "Authorization", .action = answer(400, "Only one auth mechanism allowed")});
  one.upstream.add_rule({.path = "/blobs/", .action = redirect(307, store.url("{target}"))});
  auto response = one.get();
  CHECK(response.status == 307);
  CHECK(response.headers.value("Location") == store.url(one.path));
  CHECK(fetch(store.url(), one.path, {{"Range", "bytes=3-5"}}).body == one.content.slice(3, 3));
  CHECK(fetch(store.url(), one.path, {{"Authorization", "Bearer x"}}).status == 400);
  CHECK(store.journal().with_header("Authorization").size() == 1);
}

TEST_CASE("a gate holds a response at a byte until the test moves it") {
  OneBlob one;
  auto gate = one.upstream.hold("/blobs/", 1000);
  HttpClient client(one.upstream.url());
  client.send_request("GET", one.path);
  REQUIRE(client.read_head());
  CHECK(client.read_body(1000) == one.content.slice(0, 1000));
  REQUIRE(gate->wait_until_reached());
  CHECK(one.upstream.journal().requests()[0].body_bytes == 1000);
  gate->advance_to(5000);
  CHECK(client.read_body(4000) == one.content.slice(1000, 4000));
  gate->release();
  CHECK(client.finish_body().length == kMiB - 5000);
  CHECK(one.get().digest == one.digest);

  auto before = one.upstream.hold("/blobs/");
  std::thread other([&] { CHECK(one.get().digest == one.digest); });
  CHECK(before->wait_until_reached());
  before->release();
  other.join();
}

TEST_CASE("a client that leaves a held response frees it") {
  OneBlob one;
  auto gate = one.upstream.hold("/blobs/", 10);
  HttpClient client(one.upstream.url());
  client.send_request("GET", one.path);
  REQUIRE(gate->wait_until_reached());
  client.reset();
  CHECK(wait_until([&] { return gate->waiting() == 0; }));
  CHECK(one.upstream.journal().wait_until_idle());
  CHECK(wait_until([&] { return one.upstream.journal().open_connections() == 0; }));
}

TEST_CASE("a response stalls in silence until it is released") {
  OneBlob one;
  one.upstream.add_rule({.action = stalled_after(100)});
  HttpClient client(one.upstream.url(), {.timeout = Milliseconds(50)});
  client.send_request("GET", one.path);
  REQUIRE(one.upstream.wait_until_stalled());
  CHECK(client.read_head());
  CHECK(client.read_body(1000).size() == 100);
  one.upstream.release_stalled();
  CHECK(one.upstream.journal().wait_until_idle());
}

TEST_CASE("time can be taken before the head and between the bytes") {
  OneBlob one;
  auto took = [&](Action action) {
    one.once(std::move(action));
    auto started = Clock::now();
    CHECK(one.get().digest == one.digest);
    return Clock::now() - started;
  };
  CHECK(took(delayed(Milliseconds(60))) >= Milliseconds(60));
  CHECK(took(throttled(8 * kMiB)) >= Milliseconds(100));
  CHECK(took({.chunk_delay = Milliseconds(2)}) >= Milliseconds(100));
}

TEST_CASE("a bearer token is asked for, given, checked and expired") {
  OneBlob one;
  auto& upstream = one.upstream;
  upstream.require_bearer({.username = "u", .password = "p"});
  auto rule = upstream.add_rule({.path = "/blobs/", .times = 1, .action = answer(500)});
  auto refused = one.get();
  CHECK(refused.status == 401);
  CHECK(upstream.rule_fired(rule) == 0);
  CHECK(refused.headers.value("WWW-Authenticate") ==
        "Bearer realm=\"" + upstream.url("/token") + "\",service=\"registry.test\",scope=\"repository:library/a:pull\"");

  HttpClient client(upstream.url());
  const std::string target = "/token?service=registry.test&scope=repository%3Alibrary%2Fa%3Apull";
  const Headers credentials{{"Authorization", basic_authorization("u", "p")}};
  CHECK(client.get(target).status == 401);
  CHECK(client.get("/token?service=other", credentials).status == 400);
  CHECK(client.get("/token?service=registry.test&scope=repository:x", credentials).status == 400);
  auto given = client.get(target, credentials);
  CHECK(given.status == 200);
  CHECK(given.body.find("\"token\":\"token-1\",\"access_token\":\"token-1\",\"expires_in\":300") != std::string::npos);
  auto posted = client.exchange(
      "POST", "/token", {{"Content-Type", "application/x-www-form-urlencoded"}},
      "grant_type=password&service=registry.test&scope=repository:library/b:pull&username=u&password=p");
  CHECK(posted.status == 200);
  CHECK(upstream.tokens().given() == 2);
  CHECK(upstream.tokens().refused() == 3);

  CHECK(one.get({{"Authorization", "Bearer token-1"}}).status == 500);
  CHECK(one.get({{"Authorization", "Bearer token-1"}}).digest == one.digest);
  CHECK(one.get({{"Authorization", "Bearer token-2"}}).headers.value("WWW-Authenticate").ends_with("insufficient_scope\""));
  CHECK(client.get("/v2/", {{"Authorization", "Bearer token-2"}}).status == 200);
  upstream.tokens().expire_all();
  CHECK(one.get({{"Authorization", "Bearer token-1"}}).status == 401);
  upstream.access().answer_expired_with(403);
  CHECK(one.get({{"Authorization", "Bearer token-1"}}).status == 403);

  ScriptedUpstream other;
  other.require_bearer_from(upstream);
  CHECK(fetch(other.url(), "/v2/").headers.value("WWW-Authenticate").find(upstream.url("/token")) != std::string::npos);
}

TEST_CASE("a password is checked and expires") {
  OneBlob one;
  one.upstream.require_basic("AWS", "secret");
  CHECK(one.get().headers.value("WWW-Authenticate") == "Basic realm=\"registry\"");
  CHECK(one.get({{"Authorization", basic_authorization("AWS", "wrong")}}).status == 401);
  CHECK(one.get({{"Authorization", basic_authorization("AWS", "secret")}}).digest == one.digest);
  one.upstream.access().answer_expired_with(403);
  one.upstream.access().expire_password();
  CHECK(one.get({{"Authorization", basic_authorization("AWS", "secret")}}).status == 403);
}

TEST_CASE("TLS is spoken with certificates of a throw-away authority") {
  CertificateAuthority authority;
  CertificateAuthority stranger;
  ScriptedUpstream upstream({.certificate = authority.issue()});
  auto content = Content::generated(3 * kMiB, 3);
  auto path = blob_path("a", upstream.registry().put_blob("a", content));
  ClientOptions trusting{.ca_pem = authority.certificate_pem()};
  CHECK(fetch(upstream.url(), path, {}, Body::hash, trusting).digest == content.digest());
  CHECK(fetch(upstream.url_as("localhost"), path, {}, Body::hash, trusting).digest == content.digest());
  CHECK(fetch(upstream.url(), path, {}, Body::hash).digest == content.digest());
  CHECK(!HttpClient(upstream.url(), {.ca_pem = stranger.certificate_pem()}).connected());
  CHECK(!HttpClient(upstream.url(), {.ca_pem = authority.certificate_pem(), .server_name = "elsewhere"}).connected());

  upstream.add_rule({.times = 1, .action = truncated_after(20'000)});
  CHECK(fetch(upstream.url(), path).length == 20'000);
  upstream.add_rule({.times = 1, .action = reset_after(20'000)});
  CHECK(fetch(upstream.url(), path).failure == "body reset by the peer");

  ScriptedUpstream expired({.certificate = authority.issue({.valid_until = std::chrono::seconds(-60)})});
  CHECK(!HttpClient(expired.url(), trusting).connected());
}

TEST_CASE("an outage refuses connections and comes back on the same port") {
  OneBlob one;
  auto url = one.upstream.url();
  HttpClient kept(url);
  CHECK(kept.get("/v2/").status == 200);
  one.upstream.stop();
  CHECK(kept.closed_within(kPatience));
  HttpClient refused(url);
  CHECK(!refused.connected());
  CHECK(refused.failure() == "connect: Connection refused");
  CHECK(refused.get("/v2/").failure == "connect: Connection refused");
  one.upstream.start();
  CHECK(one.upstream.url() == url);
  CHECK(one.get().digest == one.digest);
  one.upstream.restart();
  CHECK(one.get().digest == one.digest);
}

TEST_CASE("stopping a server ends what it holds, delays and stalls") {
  OneBlob one;
  auto gate = one.upstream.hold("/v2/$");
  one.upstream.add_rule({.times = 1, .action = stalled_after(5)});
  HttpClient held(one.upstream.url());
  HttpClient stalled(one.upstream.url());
  stalled.send_request("GET", one.path);
  REQUIRE(one.upstream.wait_until_stalled());
  held.send_request("GET", "/v2/");
  REQUIRE(gate->wait_until_reached());
  one.upstream.stop();
  CHECK(stalled.read_response().length == 5);
  CHECK(held.read_response().status == 0);
}

TEST_CASE("IPv6 is another address of the same server") {
  if (!has_ipv6_loopback()) return;
  ScriptedUpstream upstream({.addresses = {"127.0.0.1", "::1"}});
  CHECK(fetch(upstream.url(), "/v2/").status == 200);
  CHECK(fetch(upstream.url_as("[::1]"), "/v2/").status == 200);
  CHECK(upstream.journal().requests()[1].headers.value("Host") == "[::1]:" + std::to_string(upstream.port()));
}

TEST_CASE("requests on one connection are answered in their order") {
  OneBlob one;
  HttpClient client(one.upstream.url());
  client.send_request("HEAD", one.path);
  client.send_request("GET", one.path, {{"Range", "bytes=0-9"}});
  client.send("GET /v2/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  CHECK(client.read_response().length == 0);
  CHECK(client.read_response().body == one.content.slice(0, 10));
  CHECK(client.read_response().body == "{}");
  CHECK(client.closed_within(kPatience));
  CHECK(one.upstream.journal().connections() == 1);
}

TEST_CASE("a hundred clients are counted, with the most at one time") {
  OneBlob one;
  auto gate = one.upstream.hold("/blobs/", 100);
  std::atomic<int> good = 0;
  std::vector<std::thread> clients;
  for (int i = 0; i < 100; ++i) {
    clients.emplace_back([&] { good += HttpClient(one.upstream.url()).get(one.path, {}, Body::hash).digest == one.digest; });
  }
  CHECK(gate->wait_until_reached(100));
  CHECK(one.upstream.journal().wait_for_count("GET", "/blobs/", 100));
  gate->release();
  for (auto& client : clients) client.join();
  CHECK(good == 100);
  REQUIRE(one.upstream.journal().wait_until_idle());
  CHECK(one.upstream.journal().peak_concurrency("GET", "/blobs/") == 100);
  CHECK(one.upstream.journal().peak_connections() == 100);
  CHECK(one.upstream.journal().body_bytes() == 100 * kMiB);
  CHECK(!one.upstream.journal().wait_for_count("GET", "/blobs/", 101, Milliseconds(1)));
}

TEST_CASE("the client speaks over a unix socket") {
  TemporaryDirectory directory;
  auto path = directory.file("socket");
  FileDescriptor listening(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
  REQUIRE(::bind(listening.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
  REQUIRE(::listen(listening.get(), 1) == 0);
  HttpClient client("unix:" + path);
  Stream server(FileDescriptor(::accept(listening.get(), nullptr, nullptr)));
  client.send_request("POST", "/x", {}, "body");
  CHECK(server.read_until("body", 1000, within(kPatience)).text.find("Host: localhost\r\nContent-Length: 4\r\n\r\n") !=
        std::string::npos);
  CHECK(server.write_all("HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 Fine indeed\r\nContent-Length: 2\r\n\r\nok",
                         within(kPatience)) == Io::done);
  auto response = client.read_response();
  CHECK(response.reason == "Fine indeed");
  CHECK(response.body == "ok");
}

TEST_CASE("a client's waits end") {
  OneBlob one;
  one.upstream.hold("/blobs/");
  HttpClient client(one.upstream.url(), {.timeout = Milliseconds(30)});
  CHECK(client.get(one.path).failure == "no head: timed out after 0 bytes");
  CHECK(!client.closed_within(Milliseconds(1)));
}

TEST_CASE("metrics are summed over the labels that are not asked for") {
  auto metrics = Metrics::parse(
      "# HELP weir_x_total what\n# TYPE weir_x_total counter\n"
      "weir_x_total{a=\"1\",b=\"say \\\"hi\\\"\"} 3\nweir_x_total{a=\"2\",b=\"\"} 4 1700000000\n"
      "weir_size_bytes 1.5e3\nweir_seconds_bucket{le=\"+Inf\"} 9\n");
  CHECK(metrics.value("weir_x_total") == 7);
  CHECK(metrics.value("weir_x_total", {{"b", "say \"hi\""}}) == 3);
  CHECK(metrics.value("weir_size_bytes") == 1500);
  CHECK(metrics.value("weir_seconds_bucket", {{"le", "+Inf"}}) == 9);
  CHECK(metrics.value("weir_none_total") == 0);
  CHECK(metrics.by_text().at("weir_x_total{a=\"2\",b=\"\"}") == 4);
}

TEST_CASE("a child is watched, signalled and reaped") {
  TemporaryDirectory directory;
  ChildProcess child({.arguments = {"sh", "-c", "echo $GREETING; cat; exec sleep 100"},
                      .environment = {"GREETING=hello", "PATH=/usr/bin:/bin"},
                      .input_file = directory.write("in", "world\n"),
                      .output_file = directory.file("out")});
  CHECK(wait_until([&] { return read_file(directory.file("out")) == "hello\nworld\n"; }));
  CHECK(child.open_descriptors() == 3);
  CHECK(wait_until([&] { return child.peak_rss_anon_kib() > 0; }));
  CHECK(child.running());
  child.signal(15);
  CHECK(child.wait_for_exit() == -15);
  CHECK(ChildProcess({.arguments = {"/nowhere"}}).wait_for_exit() == 127);
}

TEST_CASE("a temporary directory goes with its owner") {
  std::filesystem::path path;
  {
    TemporaryDirectory directory;
    path = directory.path();
    CHECK(read_file(directory.write("a/b", "text")) == "text");
  }
  CHECK(!std::filesystem::exists(path));
}

}  // namespace weir::testing
