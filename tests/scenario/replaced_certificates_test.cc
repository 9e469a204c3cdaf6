// Certificates that are replaced while clients come and go.
#include <fcntl.h>
#include <openssl/ssl.h>
#include <stdio.h>

#include <atomic>
#include <thread>

#include "tests/scenario/scene.h"
#include "tests/support/certificate_authority.h"
#include "tests/support/endpoint.h"
#include "tests/support/tls_context.h"

namespace weir::testing {

namespace {

struct Renewed {
  CertificateAuthority authority;
  Certificate first = authority.issue({.common_name = "first"});
  Certificate second = authority.issue({.common_name = "second"});
};

struct RenewedScene : Renewed, Scene {
  RenewedScene()
      : Scene({.sections = "[server]\nlisten-tls = 127.0.0.1:0\ntls-certificate = {directory}/site.pem\ntls-key = "
                           "{directory}/site.key\n",
               .files = {{"site.pem", first.certificate_pem}, {"site.key", first.key_pem}}}) {}

  // The CN of the certificate that is shown.
  std::string shown() const {
    const auto context = TlsContext::client(authority.certificate_pem());
    std::string failure;
    const auto socket = connect_to(Endpoint::parse(weir.tls_url()), 0, within(kPatience), failure);
    if (!socket) return failure;
    ::fcntl(socket.get(), F_SETFL, ::fcntl(socket.get(), F_GETFL) & ~O_NONBLOCK);
    SSL* ssl = SSL_new(context.get());
    SSL_set_fd(ssl, socket.get());
    char name[64] = "no handshake";
    if (SSL_connect(ssl) == 1)
      X509_NAME_get_text_by_NID(X509_get_subject_name(SSL_get0_peer_certificate(ssl)), NID_commonName, name, 64);
    SSL_free(ssl);
    return name;
  }
  // As certbot and Kubernetes do it: beside, then in place.
  void replace(const std::string& file, const std::string& text) const {
    weir.directory().write(file + ".new", text);
    REQUIRE(::rename(weir.path(file + ".new").c_str(), weir.path(file).c_str()) == 0);
  }
  std::size_t logged(const std::string& text) const {
    const auto log = weir.log();
    std::size_t count = 0;
    for (auto at = log.find(text); at != std::string::npos; at = log.find(text, at + 1)) ++count;
    return count;
  }
};

const std::string kRefused = "changed certificates do not stand";

}  // namespace

TEST_CASE("certificates are replaced under load, half of a pair at a time, and no request fails") {
  RenewedScene scene;
  auto blob = scene.put_blob(100 * kKiB);
  REQUIRE(scene.get(blob.path).status == 200);
  CHECK_SOON(scene.fills(), "ok 1");

  std::atomic<bool> enough{false};
  std::atomic<unsigned> good{0}, bad{0};
  std::vector<std::thread> clients;
  for (int i = 0; i < 3; ++i) {
    clients.emplace_back([&, i] {
      const ClientOptions trusting{.ca_pem = scene.authority.certificate_pem()};
      HttpClient kept(scene.weir.tls_url(), trusting);
      while (!enough) {
        const auto response = i == 0 ? kept.get(blob.path, {}, Body::hash)
                                     : fetch(scene.weir.tls_url(), blob.path, {}, Body::hash, trusting);
        ++(response.status == 200 && response.complete && response.digest == blob.digest ? good : bad);
        std::this_thread::sleep_for(Milliseconds(10));
      }
    });
  }
  CHECK(scene.shown() == "first");
  // The key has come, its certificate not yet.
  scene.replace("site.key", scene.second.key_pem);
  CHECK(wait_until([&] { return scene.logged(kRefused) == 1; }, kPatience));
  CHECK(scene.shown() == "first");
  std::this_thread::sleep_for(std::chrono::seconds(3));  // to be looked at again; that is said once
  CHECK(scene.logged(kRefused) == 1);
  scene.replace("site.pem", scene.second.certificate_pem);
  CHECK(wait_until([&] { return scene.shown() == "second"; }, kPatience));
  CHECK_SOON(scene.logged("certificates replaced"), 1);
  // Back, by the other order and by a reload.
  scene.replace("site.pem", scene.first.certificate_pem);
  scene.replace("site.key", scene.first.key_pem);
  scene.weir.hang_up();
  CHECK(wait_until([&] { return scene.shown() == "first"; }, kPatience));
  const auto before = good.load();
  CHECK(wait_until([&] { return good > before + 20; }, kPatience));
  enough = true;
  for (auto& client : clients) client.join();
  CHECK(bad == 0);
  CHECK(good > 20);
}

TEST_CASE("a certificate that is written in pieces, or goes, leaves the old one until it is whole") {
  RenewedScene scene;
  scene.weir.directory().write("site.pem", scene.second.certificate_pem.substr(0, 300));
  scene.weir.directory().write("site.key", scene.second.key_pem);
  CHECK(wait_until([&] { return scene.logged(kRefused) == 1; }, kPatience));
  CHECK(scene.shown() == "first");
  CHECK(::unlink(scene.weir.path("site.key").c_str()) == 0);
  CHECK(wait_until([&] { return scene.logged(kRefused) == 2; }, kPatience));
  CHECK(scene.shown() == "first");
  scene.weir.directory().write("site.pem", scene.second.certificate_pem);
  scene.weir.directory().write("site.key", scene.second.key_pem);
  CHECK(wait_until([&] { return scene.shown() == "second"; }, kPatience));
}

TEST_CASE("what is written again as it was is no replacement") {
  RenewedScene scene;
  scene.replace("site.pem", scene.first.certificate_pem);
  std::this_thread::sleep_for(std::chrono::seconds(3));
  CHECK(scene.logged("certificates replaced") == 0);
  CHECK(scene.logged(kRefused) == 0);
}

}  // namespace weir::testing
