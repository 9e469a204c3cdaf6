// The program's end, its configuration read again, and its limits.
#include "tests/scenario/scene.h"

namespace weir::testing {

namespace {

// A client in the middle of a blob that its upstream holds.
struct Halfway : Scene {
  explicit Halfway(const std::string& server = "") : Scene({.sections = "[server]\n" + server}), blob(put_blob(kMiB)) {
    gate = upstream.hold(exactly(blob.path), 500'000);
    REQUIRE(client.send_request("GET", blob.path));
    REQUIRE(client.read_head());
    REQUIRE(client.read_body(500'000).size() == 500'000);
  }

  // The rest arrives and is right.
  void finishes() {
    gate->release();
    CHECK(client.read_body(kMiB) == blob.content.slice(500'000, kMiB - 500'000));
    CHECK(client.finish_body(Body::count).complete);
  }

  Blob blob;
  std::shared_ptr<Gate> gate;
  HttpClient client{weir.url()};
};

}  // namespace

TEST_CASE("SIGTERM lets running answers finish, closes idle connections, takes no new ones, and exits 0") {
  Halfway scene;
  HttpClient idle(scene.weir.url());
  CHECK(idle.get("/v2/").status == 200);
  CHECK(!scene.weir.terminate(Milliseconds(0)));
  CHECK(idle.read_until_closed() == "");
  CHECK(wait_until([&] { return !HttpClient(scene.weir.url()).connected(); }));
  CHECK(fetch(scene.weir.admin_url(), "/healthz").status == 200);
  CHECK(fetch(scene.weir.admin_url(), "/readyz").status == 503);
  CHECK(scene.weir.running());
  scene.finishes();
  CHECK(scene.client.closed_within(kPatience));
  CHECK(scene.weir.wait_for_exit() == 0);
  REQUIRE(scene.weir.start());
  CHECK(scene.get(scene.blob.path, {}, Body::hash).headers.value("X-Cache") == "hit");
}

TEST_CASE("after drain-timeout what still runs is cut, and the exit is still 0") {
  Halfway scene("drain-timeout = 300ms\n");
  auto started = Clock::now();
  CHECK(scene.weir.terminate() == 0);
  CHECK(Clock::now() - started < Milliseconds(10'000));  // its own 300 ms and a busy disk; the default is 30 s
  CHECK(!scene.client.finish_body(Body::count).complete);
  scene.gate->release();
  // What it held by then is not lost.
  REQUIRE(scene.weir.start());
  CHECK(scene.get(scene.blob.path, {}, Body::hash).digest == scene.blob.digest);
  CHECK(scene.received() < static_cast<double>(kMiB));
}

TEST_CASE("an idle program ends at once") {
  Scene scene;
  CHECK(scene.get("/v2/").status == 200);
  auto started = Clock::now();
  CHECK(scene.weir.terminate() == 0);
  CHECK(Clock::now() - started < Milliseconds(10'000));  // a busy disk takes its time; drain-timeout is 30 s
}

TEST_CASE("SIGHUP brings a new upstream while answers go on unharmed") {
  Halfway scene;
  ScriptedUpstream second;
  make_image({.layers = {"two"}}).put(second.registry(), "app", "latest");
  auto path = manifest_path("second/app", "latest");
  CHECK(scene.get(path).status == 404);
  scene.weir.set_configuration(up_section(scene.upstream) + "[upstream.second]\nurl = " + second.url() + "\n");
  scene.weir.hang_up();
  // What was lately "not there" may be there now.
  CHECK(wait_until([&] { return scene.get(path).status == 200; }));
  scene.finishes();
  CHECK(scene.weir.metric("weir_config_reload_failed") == 0);
}

TEST_CASE("SIGHUP that takes an upstream away ends no answer that came from it") {
  Halfway scene;
  scene.weir.set_configuration("[upstream.other]\nurl = http://127.0.0.1:9\n");
  scene.weir.hang_up();
  CHECK(wait_until([&] { return scene.weir.log().find("configuration reloaded") != std::string::npos; }));
  CHECK(error_code(scene.get(blob_path("app", digest_of("x")))) == "NAME_UNKNOWN");
  CHECK(scene.upstream.journal().count() == 1);
  scene.finishes();
  CHECK_SOON(scene.fills(), "ok 1");
}

TEST_CASE("SIGHUP with a wrong file changes nothing and says why") {
  Halfway scene;
  scene.weir.set_configuration(up_section(scene.upstream) + "no-such-key = 1\n[nonsense]\n");
  scene.weir.hang_up();
  CHECK_SOON(scene.weir.metric("weir_config_reload_failed"), 1);
  CHECK(wait_until([&] { return scene.weir.log().find("no-such-key") != std::string::npos; }));
  CHECK(wait_until([&] { return scene.weir.log().find("nonsense") != std::string::npos; }));
  scene.finishes();
  auto blob = scene.put_blob(1000, 7);
  CHECK(scene.get(blob.path).digest == blob.digest);
  scene.weir.set_configuration(up_section(scene.upstream));
  scene.weir.hang_up();
  CHECK_SOON(scene.weir.metric("weir_config_reload_failed"), 0);
}

TEST_CASE("what a command could not write to its end is no success") {
  const ChildProcess full({.arguments = {"/bin/sh", "-c", "exec \"$0\" config show >/dev/full", weir_program()}});
  CHECK(full.wait_for_exit() == 1);
  const ChildProcess fine({.arguments = {"/bin/sh", "-c", "exec \"$0\" config show >/dev/null", weir_program()}});
  CHECK(fine.wait_for_exit() == 0);
}

TEST_CASE("a wrong configuration never starts, and every mistake is told at once") {
  Scene scene({.start = false});
  scene.weir.set_configuration("[server]\nthreads = many\n[upstream.up]\nurl = gopher://x\ncolour = red\n[cache]\ntag-ttl = 5\n");
  scene.weir.launch();
  CHECK(scene.weir.wait_for_exit() == 2);
  for (const char* word : {"many", "gopher", "colour", "tag-ttl", "weir.conf:2", "weir.conf:4"}) {
    CHECK_MESSAGE(scene.weir.log().find(word) != std::string::npos, std::string(word));
  }
}

TEST_CASE("one connection beyond max-connections is answered 503 and closed; those there are served on") {
  Scene scene({.sections = "[server]\nmax-connections = 3\n"});
  CHECK_SOON(scene.weir.metric("weir_connections_active"), 0);
  std::vector<std::unique_ptr<HttpClient>> clients;
  for (int i = 0; i < 3; ++i) {
    clients.push_back(std::make_unique<HttpClient>(scene.weir.url()));
    CHECK(clients.back()->get("/v2/").status == 200);
  }
  HttpClient fourth(scene.weir.url());
  auto refused = fourth.read_response();
  CHECK(refused.status == 503);
  CHECK(refused.headers.has("Retry-After"));
  CHECK(fourth.closed_within(kPatience));
  for (auto& client : clients) CHECK(client->get("/v2/").status == 200);
  clients.pop_back();
  CHECK(wait_until([&] { return HttpClient(scene.weir.url()).get("/v2/").status == 200; }));
  // The admin listener has a count of its own.
  CHECK(fetch(scene.weir.admin_url(), "/healthz").status == 200);
  CHECK(scene.weir.metric("weir_connections_total", {{"result", "refused"}}) >= 1);
}

TEST_CASE("several addresses of both families are served") {
  Scene scene({.sections = "[server]\nlisten = 127.0.0.1:0 [::1]:0\n"});
  auto addresses = scene.weir.addresses("server");
  REQUIRE(addresses.size() == 2);
  for (const auto& address : addresses) CHECK(fetch("http://" + address, "/v2/").status == 200);
}

TEST_CASE("connections, descriptors and fills that are over leave nothing behind") {
  Scene scene;
  auto blob = scene.put_blob(kMiB);
  CHECK(scene.get(blob.path, {}, Body::hash).digest == blob.digest);
  CHECK_SOON(scene.fills(), "ok 1");
  CHECK_SOON(scene.weir.metric("weir_connections_active"), 0);
  auto before = scene.weir.open_descriptors();
  for (std::uint64_t seed = 2; seed < 40; ++seed) {
    auto other = scene.put_blob(20'000, seed);
    HttpClient client(scene.weir.url());
    REQUIRE(client.send_request("GET", other.path));
    if (seed % 2 == 0) CHECK(client.read_response(Body::hash).digest == other.digest);
    else client.reset();
  }
  CHECK_SOON(scene.weir.metric("weir_connections_active"), 0);
  CHECK_SOON(scene.fills(), "ok 39");
  CHECK(wait_until([&] { return scene.weir.open_descriptors() <= before + 4; }));
}

}  // namespace weir::testing
