// What the scripted upstream serves, and to whom: pulled as a client pulls it.
#include <atomic>
#include <thread>
#include <vector>

#include "tests/support/certificate_authority.h"
#include "tests/support/selftest/one_blob.h"
#include "tests/support/wait.h"

namespace weir::testing {

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

}  // namespace weir::testing
