// Clients over TLS: the same bytes, the same counters, and what only TLS can get wrong.
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include <thread>

#include "tests/scenario/scene.h"
#include "tests/support/certificate_authority.h"
#include "tests/support/endpoint.h"

namespace weir::testing {

namespace {

std::string tls_lines(const std::string& names = "site") {
  std::string certificates = "tls-certificate =", keys = "tls-key =";
  for (std::size_t at = 0; at < names.size();) {
    auto end = std::min(names.find(' ', at), names.size());
    certificates += " {directory}/" + names.substr(at, end - at) + ".pem";
    keys += " {directory}/" + names.substr(at, end - at) + ".key";
    at = end + 1;
  }
  return "[server]\nlisten-tls = 127.0.0.1:0\n" + certificates + "\n" + keys + "\n";
}

// The certificate stands before the scene: the program is started with it.
struct Authority {
  CertificateAuthority authority;
  Certificate site = authority.issue();
};

struct TlsScene : Authority, Scene {
  explicit TlsScene(const std::string& server = "", const std::string& more_upstream = "")
      : Scene({.upstream = more_upstream,
               .sections = tls_lines() + server,
               .files = {{"site.pem", site.certificate_pem}, {"site.key", site.key_pem}}}) {}

  std::string url() const { return weir.tls_url(); }
  ClientOptions trusting() const { return {.ca_pem = authority.certificate_pem()}; }
  Response get(const std::string& target, const Headers& headers = {}, Body mode = Body::keep) const {
    return fetch(url(), target, headers, mode, trusting());
  }
  double handshakes(const std::string& result) const { return weir.metric("weir_tls_handshakes_total", {{"result", result}}); }
  // What speaks no TLS, on the port that does.
  std::string clear_url() const { return "http://" + weir.address("server-tls"); }
};

// A client that shows how TLS itself went. Every call ends within the test's patience.
class Peer {
 public:
  struct Options {
    int version = 0;              // the only one spoken; 0: what OpenSSL likes
    std::string protocols = {};   // ALPN, as it goes over the wire
    SSL_SESSION* session = nullptr;
  };

  Peer(const std::string& url, const Options& options) : context_(SSL_CTX_new(TLS_client_method())) {
    if (options.version != 0) {
      SSL_CTX_set_min_proto_version(context_, options.version);
      SSL_CTX_set_max_proto_version(context_, options.version);
      SSL_CTX_set_cipher_list(context_, "DEFAULT:@SECLEVEL=0");
    }
    std::string failure;
    socket_ = connect_to(Endpoint::parse(url), 0, within(kPatience), failure);
    REQUIRE_MESSAGE(socket_, failure);
    ::fcntl(socket_.get(), F_SETFL, ::fcntl(socket_.get(), F_GETFL) & ~O_NONBLOCK);
    const timeval patience{std::chrono::duration_cast<std::chrono::seconds>(kPatience).count(), 0};
    ::setsockopt(socket_.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    ssl_ = SSL_new(context_);
    SSL_set_fd(ssl_, socket_.get());
    const auto* protocols = reinterpret_cast<const unsigned char*>(options.protocols.data());
    if (!options.protocols.empty()) SSL_set_alpn_protos(ssl_, protocols, static_cast<unsigned>(options.protocols.size()));
    if (options.session) SSL_set_session(ssl_, options.session);
    ERR_clear_error();
    connected_ = SSL_connect(ssl_) == 1;
  }
  ~Peer() {
    SSL_free(ssl_);
    SSL_CTX_free(context_);
  }
  Peer(const Peer&) = delete;

  bool connected() const { return connected_; }
  std::string version() const { return SSL_get_version(ssl_); }
  std::string cipher() const { return SSL_get_cipher(ssl_); }
  std::string protocol() const {
    const unsigned char* name = nullptr;
    unsigned size = 0;
    SSL_get0_alpn_selected(ssl_, &name, &size);
    return std::string(reinterpret_cast<const char*>(name), size);
  }
  // To be freed by the caller. TLS 1.3 sends it after the handshake: ask something first.
  SSL_SESSION* session() const { return SSL_get1_session(ssl_); }
  bool resumed() const { return SSL_session_reused(ssl_) == 1; }
  // That came over the wire.
  double wire_bytes() const { return static_cast<double>(BIO_number_read(SSL_get_rbio(ssl_))); }

  void send(const std::string& bytes) { CHECK(SSL_write(ssl_, bytes.data(), static_cast<int>(bytes.size())) > 0); }
  // What comes until the end; `announced` says whether the end was meant.
  std::string rest(bool& announced) {
    std::string all;
    char piece[16384];
    for (;;) {
      ERR_clear_error();
      const int count = SSL_read(ssl_, piece, sizeof piece);
      if (count > 0) {
        all.append(piece, static_cast<std::size_t>(count));
        continue;
      }
      announced = SSL_get_error(ssl_, count) == SSL_ERROR_ZERO_RETURN;
      return all;
    }
  }
  std::string ask(const std::string& target) {
    send("GET " + target + " HTTP/1.1\r\nHost: weir\r\nConnection: close\r\n\r\n");
    bool announced = false;
    auto all = rest(announced);
    CHECK(announced);
    return all;
  }

 private:
  SSL_CTX* context_;
  SSL* ssl_ = nullptr;
  FileDescriptor socket_;
  bool connected_ = false;
};

}  // namespace

TEST_CASE("over TLS a cold blob, a hit, a range and a HEAD are what they are in the clear, on one connection") {
  TlsScene scene;
  auto blob = scene.put_blob(3 * kMiB + 7);
  HttpClient client(scene.url(), scene.trusting());
  auto cold = client.get(blob.path);
  CHECK(cold.headers.value("X-Cache") == "miss");
  CHECK((cold.body == blob.content.text()));
  CHECK_SOON(scene.fills(), "ok 1");
  auto hit = client.get(blob.path);
  CHECK(hit.headers.value("X-Cache") == "hit");
  CHECK((hit.body == blob.content.text()));
  auto range = client.get(blob.path, {{"Range", "bytes=1000000-1999999"}});
  CHECK(range.status == 206);
  CHECK((range.body == blob.content.slice(1'000'000, 1'000'000)));
  auto several = client.get(blob.path, {{"Range", "bytes=0-0,20000-20001"}});
  CHECK(several.status == 206);
  CHECK(several.complete);
  auto head = client.head(blob.path);
  CHECK(head.status == 200);
  CHECK(head.headers.value("Content-Length") == std::to_string(3 * kMiB + 7));
  CHECK(client.get("/v2/").status == 200);
  CHECK(scene.gets(blob.path) == 1);
  CHECK(scene.handshakes("full") == 1);
}

TEST_CASE("what is counted of an answer over TLS is its bytes before they were encrypted") {
  TlsScene scene;
  auto blob = scene.put_blob(2 * kMiB);
  CHECK(scene.get(blob.path, {}, Body::hash).digest == blob.digest);
  CHECK_SOON(scene.fills(), "ok 1");
  auto heads = scene.weir.metric("weir_sent_head_bytes_total");
  Peer peer(scene.url(), {});
  auto answer = peer.ask(blob.path);
  CHECK_SOON(scene.sent("hit"), static_cast<double>(2 * kMiB));
  // The figures are themselves asked for over HTTP, so there is more to come than this one head.
  CHECK(scene.weir.metric("weir_sent_head_bytes_total") >= heads + static_cast<double>(answer.size() - 2 * kMiB));
  CHECK(scene.sent("miss") == static_cast<double>(2 * kMiB));
}

TEST_CASE("what TLS adds on the wire is counted to the byte") {
  TlsScene scene;
  auto blob = scene.put_blob(kMiB + 1);
  const auto overhead = [&] { return scene.weir.metric("weir_sent_overhead_bytes_total"); };
  CHECK(scene.get(blob.path, {}, Body::hash).digest == blob.digest);
  CHECK_SOON(scene.fills(), "ok 1");
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    // The connection before has ended, and its last record is counted.
    double before = -1;
    CHECK(wait_until([&] { return std::exchange(before, overhead()) == overhead(); }));
    Peer peer(scene.url(), {version});
    REQUIRE(peer.connected());
    const auto answer = peer.ask(blob.path);
    CHECK(answer.size() > kMiB);
    CHECK_SOON(overhead() - before, peer.wire_bytes() - static_cast<double>(answer.size()));
    CHECK(overhead() - before > 65 * 21);
  }
}

TEST_CASE("a hundred clients over TLS ask for one cold blob: one fetch, a hundred whole bodies") {
  TlsScene scene;
  const std::uint64_t size = sanitized() ? kMiB : 8 * kMiB;
  auto blob = scene.put_blob(size);
  auto gate = scene.upstream.hold(exactly(blob.path), 100'000);
  std::vector<std::unique_ptr<HttpClient>> clients;
  for (int i = 0; i < 100; ++i) {
    clients.push_back(std::make_unique<HttpClient>(scene.url(), ClientOptions{.timeout = Milliseconds(120'000)}));
    REQUIRE(clients.back()->send_request("GET", blob.path));
    REQUIRE(clients.back()->read_head());
  }
  gate->release();
  const auto expected = blob.content.text();
  std::atomic<int> identical = 0;
  {
    std::vector<std::jthread> readers;
    for (auto& client : clients) readers.emplace_back([&] { identical += body_is(*client, expected) ? 1 : 0; });
  }
  CHECK(identical == 100);
  CHECK_SOON(scene.outcomes("blob"), "joined 99, miss 1");
  CHECK_SOON(scene.fills(), "ok 1");
  CHECK(scene.gets(blob.path) == 1);
  CHECK(scene.sent("joined") == 99.0 * static_cast<double>(size));
}

TEST_CASE("a big blob goes whole to a client over TLS that reads slowly and stops now and then") {
  TlsScene scene("progress-timeout = 5s\n");
  auto blob = scene.put_blob(sanitized() ? 8 * kMiB : 64 * kMiB);
  for (const char* outcome : {"miss", "hit"}) {
    auto options = scene.trusting();
    options.receive_buffer = 65536;
    HttpClient client(scene.url(), options);
    REQUIRE(client.send_request("GET", blob.path));
    CHECK(client.read_head().value_or(ResponseHead{}).headers.value("X-Cache") == outcome);
    Hasher hasher;
    for (int piece = 0;; ++piece) {
      if (piece < 40) std::this_thread::sleep_for(Milliseconds(20));
      auto bytes = client.read_body(100'003);
      if (bytes.empty()) break;
      hasher.update(bytes);
    }
    CHECK(hasher.digest() == blob.digest);
    CHECK_SOON(scene.fills(), "ok 1");
  }
  if (!sanitized()) CHECK(scene.weir.peak_rss_anon_kib() < 64 * kKiB);
}

TEST_CASE("many requests in one write over TLS are all answered, in their order") {
  TlsScene scene;
  HttpClient client(scene.url(), scene.trusting());
  std::string requests;
  for (int i = 0; i < 400; ++i) {
    requests += "GET /v2/" + std::string(i % 2 ? "?n=" : "nothing/") + std::to_string(i) + " HTTP/1.1\r\nHost: weir\r\n\r\n";
  }
  REQUIRE(client.send(requests));
  for (int i = 0; i < 400; ++i) CHECK(client.read_response().status == (i % 2 ? 200 : 404));
}

TEST_CASE("a fill goes on when its only client over TLS vanishes, and that is noticed while the blob stands still") {
  TlsScene scene;
  auto blob = scene.put_blob(4 * kMiB);
  auto gate = scene.upstream.hold(exactly(blob.path), kMiB);
  for (bool reset : {true, false}) {
    HttpClient client(scene.url(), scene.trusting());
    REQUIRE(client.send_request("GET", blob.path));
    REQUIRE(client.read_head());
    CHECK(client.read_body(100'000).size() == 100'000);
    if (reset) client.reset();
    else client.shut_down_writing();  // close_notify is waiting when the connection ends
    CHECK_SOON(scene.weir.metric("weir_connections_active"), 0);
    CHECK(scene.weir.metric("weir_fills_active") == 1);
  }
  gate->release();
  CHECK_SOON(scene.fills(), "ok 1");
  auto response = scene.get(blob.path, {}, Body::hash);
  CHECK(response.digest == blob.digest);
  CHECK(response.headers.value("X-Cache") == "hit");
  CHECK(scene.gets(blob.path) == 1);
}

TEST_CASE("a handshake that is never finished ends after header-timeout, and holds up nobody") {
  TlsScene scene("header-timeout = 1s\n");
  auto started = Clock::now();
  HttpClient silent(scene.clear_url());
  HttpClient halfway(scene.clear_url());
  REQUIRE(halfway.send(std::string("\x16\x03\x01\x02\x00\x01\x00", 7)));  // a ClientHello of 512 bytes begins
  CHECK(scene.get("/v2/").status == 200);
  CHECK(silent.read_until_closed() == "");
  CHECK(halfway.read_until_closed() == "");
  CHECK(Clock::now() - started > Milliseconds(900));
  CHECK(Clock::now() - started < Milliseconds(8000));
  CHECK_SOON(scene.handshakes("failed"), 2);
  CHECK(scene.handshakes("full") == 1);
}

TEST_CASE("a request in the clear on the port for TLS is told so") {
  TlsScene scene;
  for (const char* method : {"GET", "HEAD", "POST"}) {
    HttpClient client(scene.clear_url());
    REQUIRE(client.send_request(method, "/v2/"));
    auto response = client.read_response();
    CHECK(response.status == 400);
    CHECK(client.closed_within(kPatience));
    if (std::string(method) == "GET") CHECK(response.body == "this port speaks TLS\n");
  }
  CHECK(scene.weir.metric("weir_bad_requests_total") == 3);
  // And the other way round, as it always was.
  CHECK(!HttpClient("https://" + scene.weir.address(), scene.trusting()).connected());
}

TEST_CASE("what is no TLS at all ends its connection, and the next client is served") {
  TlsScene scene;
  const std::string no_hello("\x16\x03\x01\x00\x05hello", 10);
  for (const auto& garbage : {std::string(1000, '\xff'), std::string(100, '\0'), no_hello}) {
    HttpClient client(scene.clear_url());
    REQUIRE(client.send(garbage));
    CHECK(client.closed_within(kPatience));
  }
  HttpClient hasty(scene.clear_url());
  hasty.close();
  CHECK_SOON(scene.handshakes("failed"), 4);
  CHECK(scene.get("/v2/").status == 200);
  CHECK_SOON(scene.weir.metric("weir_connections_active"), 0);
}

TEST_CASE("a client that comes again resumes its session, with TLS 1.2 and 1.3") {
  TlsScene scene;
  double resumed = 0;
  for (int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    Peer first(scene.url(), {.version = version});
    REQUIRE(first.connected());
    CHECK(first.ask("/v2/").starts_with("HTTP/1.1 200"));
    CHECK(!first.resumed());
    auto* session = first.session();
    Peer second(scene.url(), {.version = version, .session = session});
    REQUIRE(second.connected());
    CHECK(second.resumed());
    CHECK(second.ask("/v2/").starts_with("HTTP/1.1 200"));
    CHECK(scene.handshakes("resumed") == ++resumed);
    SSL_SESSION_free(session);
  }
}

TEST_CASE("TLS 1.2 and 1.3 are spoken, 1.1 is not; of h2 and http/1.1 it is http/1.1") {
  TlsScene scene;
  CHECK(!Peer(scene.url(), {.version = TLS1_1_VERSION}).connected());
  Peer older(scene.url(), {.version = TLS1_2_VERSION});
  CHECK(older.version() == "TLSv1.2");
  CHECK(older.cipher().starts_with("ECDHE-ECDSA-"));
  Peer both(scene.url(), {.protocols = "\x02h2\x08http/1.1"});
  CHECK(both.version() == "TLSv1.3");
  CHECK(both.protocol() == "http/1.1");
  CHECK(both.ask("/v2/").starts_with("HTTP/1.1 200"));
  Peer newer(scene.url(), {.protocols = "\x02h2"});
  CHECK(newer.protocol() == "");
  CHECK(newer.ask("/v2/").starts_with("HTTP/1.1 200"));
}

TEST_CASE("the name a client asks for picks the certificate, and the first is for all others") {
  CertificateAuthority first_ca("first"), second_ca("second");
  auto first = first_ca.issue({.common_name = "one", .dns_names = {"one.test"}});
  auto second = second_ca.issue({.common_name = "two", .dns_names = {"two.test", "*.two.test"}, .addresses = {}});
  Scene scene({.sections = tls_lines("first second"),
               .files = {{"first.pem", first.certificate_pem},
                         {"first.key", first.key_pem},
                         {"second.pem", second.certificate_pem},
                         {"second.key", second.key_pem}}});
  auto url = scene.weir.tls_url();
  auto meets = [&](const CertificateAuthority& authority, const std::string& name) {
    return HttpClient(url, {.ca_pem = authority.certificate_pem(), .server_name = name}).get("/v2/").status == 200;
  };
  CHECK(meets(first_ca, "one.test"));
  CHECK(meets(second_ca, "two.test"));
  CHECK(meets(second_ca, "a.two.test"));
  CHECK(!meets(second_ca, "one.test"));
  CHECK(meets(first_ca, "127.0.0.1"));  // which sends no name
  CHECK(!meets(first_ca, "three.test"));
  CHECK(HttpClient(url, {.server_name = "three.test"}).get("/v2/").status == 200);  // shown one all the same
}

TEST_CASE("SIGHUP brings new certificates to new connections; those that are there go on") {
  TlsScene scene;
  HttpClient old(scene.url(), scene.trusting());
  CHECK(old.get("/v2/").status == 200);
  CertificateAuthority other;
  auto renewed = other.issue();
  scene.weir.directory().write("site.pem", renewed.certificate_pem);
  scene.weir.directory().write("site.key", renewed.key_pem);
  scene.weir.hang_up();
  ClientOptions options{.ca_pem = other.certificate_pem()};
  CHECK(wait_until([&] { return fetch(scene.url(), "/v2/", {}, Body::keep, options).status == 200; }));
  CHECK(!HttpClient(scene.url(), scene.trusting()).connected());
  CHECK(old.get("/v2/").status == 200);
}

TEST_CASE("SIGHUP with certificates that do not stand changes nothing and says why") {
  TlsScene scene;
  auto stranger = scene.authority.issue();
  scene.weir.directory().write("site.key", stranger.key_pem);
  scene.weir.hang_up();
  CHECK_SOON(scene.weir.metric("weir_config_reload_failed"), 1);
  CHECK(wait_until([&] { return scene.weir.log().find("is not that of the certificate in") != std::string::npos; }));
  CHECK(wait_until([&] { return scene.weir.log().find("weir.conf:4") != std::string::npos; }));
  CHECK(scene.get("/v2/").status == 200);
  scene.weir.directory().write("site.key", scene.site.key_pem);
  scene.weir.hang_up();
  CHECK_SOON(scene.weir.metric("weir_config_reload_failed"), 0);
  CHECK(scene.get("/v2/").status == 200);
}

TEST_CASE("an answer over TLS that is cut is an error at the client, with a length and without") {
  TlsScene scene("drain-timeout = 200ms\n");
  auto blob = scene.put_blob(2 * kMiB);
  auto unsized = scene.put_blob(2 * kMiB, 2);
  scene.upstream.add_rule({.path = exactly(unsized.path), .action = framed(Framing::chunked)});
  auto gate = scene.upstream.hold("/blobs/", kMiB);
  Peer sized(scene.url(), {}), open_ended(scene.url(), {});
  sized.send("GET " + blob.path + " HTTP/1.1\r\nHost: weir\r\n\r\n");
  open_ended.send("GET " + unsized.path + " HTTP/1.0\r\n\r\n");
  CHECK_SOON(scene.weir.metric("weir_fills_active"), 2);
  CHECK(scene.weir.terminate() == 0);
  for (auto* peer : {&sized, &open_ended}) {
    bool announced = true;
    CHECK(peer->rest(announced).size() < 2 * kMiB);
    CHECK(!announced);
  }
  gate->release();
}

TEST_CASE("an upstream's wrong bytes reset the connection over TLS too") {
  TlsScene scene;
  auto blob = scene.put_blob(kMiB);
  scene.upstream.add_rule({.path = exactly(blob.path), .action = corrupted_at(1000)});
  Peer peer(scene.url(), {});
  peer.send("GET " + blob.path + " HTTP/1.1\r\nHost: weir\r\n\r\n");
  bool announced = true;
  CHECK(peer.rest(announced).size() < kMiB + 100);
  CHECK(!announced);
}

TEST_CASE("SIGTERM ends idle connections over TLS in order, and lets an answer come to its end") {
  TlsScene scene;
  auto blob = scene.put_blob(kMiB);
  auto gate = scene.upstream.hold(exactly(blob.path), 500'000);
  HttpClient busy(scene.url(), scene.trusting());
  REQUIRE(busy.send_request("GET", blob.path));
  REQUIRE(busy.read_head());
  Peer idle(scene.url(), {});
  HttpClient halfway(scene.clear_url());
  CHECK_SOON(scene.weir.metric("weir_connections_active"), 3);
  CHECK(!scene.weir.terminate(Milliseconds(0)));
  bool announced = false;
  CHECK(idle.rest(announced) == "");
  CHECK(announced);
  CHECK(halfway.closed_within(kPatience));
  gate->release();
  CHECK(busy.finish_body(Body::hash).digest == blob.digest);
  CHECK(scene.weir.wait_for_exit() == 0);
}

TEST_CASE("one connection over TLS beyond max-connections is closed, and counted as refused") {
  TlsScene scene("max-connections = 2\n");
  HttpClient first(scene.url(), scene.trusting()), second("http://" + scene.weir.address());
  CHECK(first.get("/v2/").status == 200);
  CHECK(second.get("/v2/").status == 200);
  CHECK(!HttpClient(scene.url(), scene.trusting()).connected());
  CHECK(scene.weir.metric("weir_connections_total", {{"result", "refused"}}) == 1);
  CHECK(first.get("/v2/").status == 200);
}

TEST_CASE("a site may serve TLS alone") {
  Authority site;
  Scene scene({.sections = tls_lines() + "listen = off\n",
               .files = {{"site.pem", site.site.certificate_pem}, {"site.key", site.site.key_pem}}});
  CHECK(scene.weir.address("server") == "");
  CHECK(fetch(scene.weir.tls_url(), "/v2/", {}, Body::keep, {.ca_pem = site.authority.certificate_pem()}).status == 200);
}

TEST_CASE("certificates that do not stand keep the program from starting, and every mistake is told") {
  Authority site;
  auto other = site.authority.issue();
  Scene scene({.files = {{"site.pem", site.site.certificate_pem}, {"site.key", other.key_pem}}, .start = false});
  scene.weir.set_configuration(tls_lines() + "threads = many\n" + up_section(scene.upstream));
  scene.weir.launch();
  CHECK(scene.weir.wait_for_exit() == 2);
  for (const char* words : {"weir.conf:4", "is not that of the certificate in", "weir.conf:5", "many"}) {
    CHECK_MESSAGE(scene.weir.log().find(words) != std::string::npos, std::string(words));
  }
}

}  // namespace weir::testing
