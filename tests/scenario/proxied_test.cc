// Clients behind proxies: by the PROXY protocol, in the clear and in front of TLS, and by X-Forwarded-*.
#include "tests/scenario/scene.h"
#include "tests/support/certificate_authority.h"
#include "tests/support/endpoint.h"
#include "tests/support/stream.h"
#include "tests/support/tls_context.h"

namespace weir::testing {

namespace {

// Of 192.0.2.7:49153, with a TLV behind the addresses.
const std::string kProxyHeader = std::string("\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x13", 16) +
                                 std::string("\xc0\x00\x02\x07\xc6\x33\x64\x01\xc0\x01\x01\xbb\x04\0\x04", 15) + "noop";

std::unique_ptr<Stream> stream_to(const std::string& url) {
  std::string failure;
  auto socket = connect_to(Endpoint::parse(url), 0, within(kPatience), failure);
  REQUIRE_MESSAGE(socket, failure);
  return std::make_unique<Stream>(std::move(socket));
}

// The status line of the answer.
std::string ask(Stream& stream, const std::string& target, const std::string& more = "") {
  const auto request = "GET " + target + " HTTP/1.1\r\nHost: weir\r\n" + more + "Connection: close\r\n\r\n";
  if (stream.write_all(request, within(kPatience)) != Io::done) return "not sent";
  auto head = stream.read_until("\r\n", 1000, within(kPatience));
  return head.text;
}

std::string client_line(const std::string& client) { return "\"client\":\"" + client + "\""; }

bool logged(const WeirProcess& weir, const std::string& text) {
  return wait_until([&] { return weir.log().find(text) != std::string::npos; }, kPatience);
}

struct BehindProxy {
  CertificateAuthority authority;
  Certificate site = authority.issue();
};

struct ProxiedScene : BehindProxy, Scene {
  explicit ProxiedScene(const std::string& server)
      : Scene({.sections = "[server]\nlisten-tls = 127.0.0.1:0\ntls-certificate = {directory}/site.pem\ntls-key = "
                           "{directory}/site.key\n" +
                           server,
               .files = {{"site.pem", site.certificate_pem}, {"site.key", site.key_pem}}}) {}
};

}  // namespace

TEST_CASE("behind the PROXY protocol the log has the client's address, in the clear and under TLS") {
  ProxiedScene scene("proxy-protocol = on\n");
  auto clear = stream_to(scene.weir.url());
  REQUIRE(clear->write_all(kProxyHeader, within(kPatience)) == Io::done);
  CHECK(ask(*clear, "/v2/") == "HTTP/1.1 200 OK\r\n");
  CHECK(logged(scene.weir, client_line("192.0.2.7:49153")));

  auto tls = stream_to(scene.weir.tls_url());
  auto header = kProxyHeader;
  header[19] = 9;  // 192.0.2.9
  REQUIRE(tls->write_all(header, within(kPatience)) == Io::done);
  REQUIRE(tls->connect_tls(TlsContext::client(scene.authority.certificate_pem()), "localhost", within(kPatience)));
  CHECK(ask(*tls, "/v2/") == "HTTP/1.1 200 OK\r\n");
  CHECK(logged(scene.weir, client_line("192.0.2.9:49153")));
  // The admin listener is nobody's proxy: it was asked for metrics without a header all the time.
  CHECK(scene.weir.metric("weir_bad_requests_total") == 0);
}

TEST_CASE("without its PROXY header a connection ends, in the clear and under TLS") {
  ProxiedScene scene("proxy-protocol = on\n");
  auto clear = stream_to(scene.weir.url());
  CHECK(ask(*clear, "/v2/") == "");
  auto tls = stream_to(scene.weir.tls_url());
  CHECK_FALSE(tls->connect_tls(TlsContext::client(), "localhost", within(kPatience)));
  CHECK_SOON(scene.weir.metric("weir_bad_requests_total"), 2);
  // A health check of the proxy's own.
  auto local = stream_to(scene.weir.url());
  REQUIRE(local->write_all(std::string("\r\n\r\n\0\r\nQUIT\n\x20\0\0\0", 16), within(kPatience)) == Io::done);
  CHECK(ask(*local, "/v2/") == "HTTP/1.1 200 OK\r\n");
  CHECK(logged(scene.weir, "\"client\":\"127.0.0.1:"));
}

TEST_CASE("only trusted proxies begin with a PROXY header, and only they are believed what they forward") {
  const std::string forwarded = "X-Forwarded-For: 192.0.2.5, 192.0.2.6\r\nX-Forwarded-Proto: https\r\n";
  {
    ProxiedScene scene("proxy-protocol = on\ntrusted-proxies = 198.51.100.0/24\n");
    auto direct = stream_to(scene.weir.url());
    CHECK(ask(*direct, "/v2/", forwarded) == "HTTP/1.1 200 OK\r\n");
    auto liar = stream_to(scene.weir.url());
    REQUIRE(liar->write_all(kProxyHeader, within(kPatience)) == Io::done);
    CHECK(ask(*liar, "/v2/") == "HTTP/1.1 400 Bad Request\r\n");
    CHECK(scene.weir.log().find("192.0.2.") == std::string::npos);
  }
  ProxiedScene scene("trusted-proxies = 127.0.0.1 ::1\n");
  CHECK(scene.get("/v2/", {{"X-Forwarded-For", "192.0.2.5, 192.0.2.6"}}).status == 200);
  CHECK(logged(scene.weir, client_line("192.0.2.6")));
  CHECK(scene.weir.log().find("192.0.2.5") == std::string::npos);
}

TEST_CASE("the host that a trusted proxy was asked for says which registry is meant; nobody else's word does") {
  for (const bool trusted : {true, false}) {
    ScriptedUpstream other;
    Scene scene({.sections = "[upstream.two.test]\nurl = " + other.url() +
                             (trusted ? "\n[server]\ntrusted-proxies = 127.0.0.0/8\n" : "\n")});
    const auto image = make_image({.layers = {Content("layer")}});
    for (auto* upstream : {&scene.upstream, &other}) image.put(upstream->registry(), "app", "latest");
    CHECK(scene.get(manifest_path("app", "latest"), {{"X-Forwarded-Host", "two.test"}}).status == 200);
    CHECK(other.journal().requests().empty() != trusted);
    CHECK(scene.upstream.journal().requests().empty() == trusted);
  }
}

}  // namespace weir::testing
