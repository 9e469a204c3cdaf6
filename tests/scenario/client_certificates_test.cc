// Clients that show certificates, and those that show none.
#include <fcntl.h>
#include <openssl/ssl.h>

#include "tests/scenario/scene.h"
#include "tests/support/certificate_authority.h"
#include "tests/support/endpoint.h"
#include "tests/support/tls_context.h"

namespace weir::testing {

namespace {

struct Authorities {
  CertificateAuthority servers, clients{"clients"}, strangers{"strangers"};
  Certificate site = servers.issue();

  Certificate node(CertificateAuthority& authority, std::chrono::seconds until = std::chrono::hours(1)) {
    return authority.issue({.common_name = "node-7", .dns_names = {}, .addresses = {}, .for_client = true, .valid_until = until});
  }
};

struct AskingScene : Authorities, Scene {
  explicit AskingScene(const std::string& auth = "")
      : Scene(
            {.sections = auth + "[server]\nlisten-tls = 127.0.0.1:0\ntls-certificate = {directory}/site.pem\ntls-key = "
                                "{directory}/site.key\nclient-ca = {directory}/clients.pem\n",
             .files = {{"site.pem", site.certificate_pem}, {"site.key", site.key_pem}, {"clients.pem", clients.certificate_pem()}}}) {
  }

  Response over_tls(const Certificate& shown, const std::string& target, const Headers& headers = {}) {
    return fetch(weir.tls_url(), target, headers, Body::keep, {.ca_pem = servers.certificate_pem(), .certificate = shown});
  }
  // Of a request over TLS; 0 when the handshake failed.
  int status(const Certificate& shown) { return over_tls(shown, "/v2/").status; }
  bool logged(const std::string& text) const {
    return wait_until([&] { return weir.log().find(text) != std::string::npos; }, kPatience);
  }
  double handshakes(const std::string& result) const { return weir.metric("weir_tls_handshakes_total", {{"result", result}}); }
};

}  // namespace

TEST_CASE("a client may show a certificate of the client authority, or none") {
  AskingScene scene;
  CHECK(scene.status({}) == 200);
  CHECK(scene.status(scene.node(scene.clients)) == 200);
  CHECK(scene.get("/v2/").status == 200);
  CHECK_SOON(scene.handshakes("full"), 2);
  CHECK(scene.handshakes("failed") == 0);
}

TEST_CASE("who shows a certificate that is not of the client authority, is over, or is for a server gets no connection") {
  AskingScene scene;
  CHECK(scene.status(scene.node(scene.strangers)) == 0);
  CHECK(scene.status(scene.node(scene.servers)) == 0);
  CHECK(scene.status(scene.node(scene.clients, std::chrono::seconds(-60))) == 0);
  CHECK(scene.status(scene.clients.issue()) == 0);
  CHECK_SOON(scene.handshakes("failed"), 4);
  CHECK(scene.status({}) == 200);
}

TEST_CASE("a client is told which authorities are meant") {
  AskingScene scene;
  const auto context = TlsContext::client(scene.servers.certificate_pem());
  std::string failure;
  const auto socket = connect_to(Endpoint::parse(scene.weir.tls_url()), 0, within(kPatience), failure);
  REQUIRE_MESSAGE(socket, failure);
  ::fcntl(socket.get(), F_SETFL, ::fcntl(socket.get(), F_GETFL) & ~O_NONBLOCK);
  SSL* ssl = SSL_new(context.get());
  SSL_set_fd(ssl, socket.get());
  CHECK(SSL_connect(ssl) == 1);
  const auto* names = SSL_get0_peer_CA_list(ssl);
  REQUIRE(names != nullptr);
  CHECK(sk_X509_NAME_num(names) == 1);
  char text[256];
  CHECK(std::string(X509_NAME_oneline(sk_X509_NAME_value(names, 0), text, sizeof text)) == "/CN=clients");
  SSL_free(ssl);
}

TEST_CASE("the client authority is replaced by a reload, and a file that holds none changes nothing") {
  AskingScene scene;
  const auto stranger = scene.node(scene.strangers);
  CHECK(scene.status(stranger) == 0);
  scene.weir.directory().write("clients.pem", scene.strangers.certificate_pem());
  scene.weir.hang_up();
  CHECK_SOON(scene.status(stranger), 200);
  CHECK(scene.status(scene.node(scene.clients)) == 0);
  scene.weir.directory().write("clients.pem", "-----BEGIN CERTIFICATE-----\nbm9uZQ==\n-----END CERTIFICATE-----\n");
  scene.weir.hang_up();
  CHECK_SOON(scene.weir.metric("weir_config_reload_failed"), 1);
  CHECK(scene.status(stranger) == 200);
}

TEST_CASE("where a token is required a certificate is as good, for every request of its connection and for a token") {
  AskingScene scene("[auth]\nmode = required\ntrust-client-certificates = CN\n");
  auto blob = scene.put_blob(1000);
  const auto node = scene.node(scene.clients);
  CHECK(scene.over_tls({}, blob.path).status == 401);
  CHECK(scene.over_tls({}, "/v2/").status == 401);
  CHECK(scene.status(node) == 200);
  const auto pulled = scene.over_tls(node, blob.path);
  CHECK(pulled.status == 200);
  CHECK((pulled.body == blob.content.text()));
  CHECK(scene.logged("\"identity\":\"node-7\""));
  // Credentials for somebody else change nothing.
  CHECK(scene.over_tls(node, blob.path, {{"Authorization", "Bearer aaaa.bbbb.cccc"}}).status == 200);

  const std::string ask = "/token?service=weir&scope=repository:app:pull";
  CHECK(scene.over_tls({}, ask).status == 401);
  const auto answer = scene.over_tls(node, ask);
  CHECK(answer.status == 200);
  const std::string before = "{\"token\":\"";
  REQUIRE(answer.body.starts_with(before));
  const auto token = answer.body.substr(before.size(), answer.body.find('"', before.size()) - before.size());
  CHECK(scene.over_tls({}, blob.path, {{"Authorization", "Bearer " + token}}).status == 200);
  CHECK_SOON(scene.weir.metric("weir_auth_total", {{"result", "certificate"}}), 4);
}

TEST_CASE("a certificate without the name that is looked for is nobody's") {
  AskingScene scene("[auth]\nmode = required\ntrust-client-certificates = URI\n");
  CHECK(scene.status(scene.node(scene.clients)) == 401);
  AskingScene off("[auth]\nmode = required\n");
  CHECK(off.status(off.node(off.clients)) == 401);
}

}  // namespace weir::testing
