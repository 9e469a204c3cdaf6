// Clients that show a certificate, over a socket pair in one thread; and what the kernel does of TLS.
#include <arpa/inet.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>

#include <csignal>
#include <string>

#include "base/fd.h"
#include "proxy/http/socket.h"
#include "tests/unit/base/certificates.h"
#include "tests/unit/base/scratch.h"

#include <doctest/doctest.h>

using namespace weir;
using namespace weir::testing;

namespace {

// Signed by itself, so it is its own authority.
const PemPair& node() {
  static const auto pair = make_certificate("node-7.test");
  return pair;
}

std::shared_ptr<const TlsContext> asking_context(const std::string& authorities) {
  const Scratch scratch;
  const auto pair = make_certificate("weir.test");
  write_file(scratch.file("pem"), pair.certificate);
  write_file(scratch.file("key"), pair.key);
  const auto key = CertifiedKey::load(scratch.file("pem"), scratch.file("key"));
  REQUIRE(key.ok());
  auto made = TlsContext::make({*key}, authorities);
  REQUIRE_MESSAGE(made.ok(), made.error().what);
  return *std::move(made);
}

struct Visit {
  // Over TCP where asked: the kernel encrypts nothing else.
  Visit(std::shared_ptr<const TlsContext> context, const PemPair* shown, int version, SSL_SESSION* session = nullptr,
        bool tcp = false)
      : client_context(SSL_CTX_new(TLS_client_method())) {
    ::signal(SIGPIPE, SIG_IGN);
    if (tcp) connect_over_tcp(context);
    else connect_over_pair(context);
    SSL_CTX_set_min_proto_version(client_context, version);
    SSL_CTX_set_max_proto_version(client_context, version);
    if (shown) show(*shown);
    client = SSL_new(client_context);
    SSL_set_fd(client, far.get());
    if (session) SSL_set_session(client, session);
    SSL_set_connect_state(client);
    for (int turn = 0; turn < 1000 && !done && !failed; ++turn) {
      ERR_clear_error();
      SSL_do_handshake(client);
      const Io io = server->tls()->handshake();
      done = io.kind == Io::Kind::bytes && SSL_is_init_finished(client);
      failed = io.kind == Io::Kind::broken || io.kind == Io::Kind::ended;
      if (tcp && !done) wait_a_moment();
    }
  }
  ~Visit() {
    SSL_free(client);
    SSL_CTX_free(client_context);
  }
  Visit(const Visit&) = delete;

  void connect_over_pair(const std::shared_ptr<const TlsContext>& context) {
    int ends[2];
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) == 0);
    far = UniqueFd(ends[1]);
    server = std::make_unique<Socket>(UniqueFd(ends[0]), context);
  }
  void connect_over_tcp(const std::shared_ptr<const TlsContext>& context) {
    const UniqueFd listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    REQUIRE(::bind(listener.get(), reinterpret_cast<sockaddr*>(&address), size) == 0);
    REQUIRE(::listen(listener.get(), 1) == 0);
    REQUIRE(::getsockname(listener.get(), reinterpret_cast<sockaddr*>(&address), &size) == 0);
    far = UniqueFd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    REQUIRE(::connect(far.get(), reinterpret_cast<const sockaddr*>(&address), size) == 0);
    ::fcntl(far.get(), F_SETFL, O_NONBLOCK);
    server = std::make_unique<Socket>(UniqueFd(::accept4(listener.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC)), context);
  }
  // What one end has sent takes a while to be at the other.
  void wait_a_moment() const {
    pollfd ends[2] = {{far.get(), POLLIN, 0}, {server->fd(), POLLIN, 0}};
    ::poll(ends, 2, 10);
  }
  void show(const PemPair& pair) {
    BIO* text = BIO_new_mem_buf(pair.certificate.data(), static_cast<int>(pair.certificate.size()));
    X509* certificate = PEM_read_bio_X509(text, nullptr, nullptr, nullptr);
    BIO_free(text);
    text = BIO_new_mem_buf(pair.key.data(), static_cast<int>(pair.key.size()));
    EVP_PKEY* key = PEM_read_bio_PrivateKey(text, nullptr, nullptr, nullptr);
    BIO_free(text);
    REQUIRE(SSL_CTX_use_certificate(client_context, certificate) == 1);
    REQUIRE(SSL_CTX_use_PrivateKey(client_context, key) == 1);
    X509_free(certificate);
    EVP_PKEY_free(key);
  }
  std::string name(CertificateName kind) const { return server->tls()->certificate_name(kind).value_or("none"); }
  // To be freed by the caller; with the ticket that came behind the handshake.
  SSL_SESSION* session() {
    char byte;
    SSL_read(client, &byte, 1);
    return SSL_get1_session(client);
  }
  // What comes from a file of `text`, both sides in turns.
  std::string through_file(const std::string& text) {
    const Scratch scratch;
    write_file(scratch.file("blob"), text);
    const UniqueFd file(::open(scratch.file("blob").c_str(), O_RDONLY | O_CLOEXEC));
    std::string got;
    std::uint64_t sent = 0;
    char piece[16384];
    for (int turn = 0; turn < 100'000 && got.size() < text.size(); ++turn) {
      if (sent < text.size()) {
        const auto io = server->send_file(file.get(), sent, text.size() - sent);
        REQUIRE(io.ok());
        if (io->kind == Io::Kind::bytes) sent += io->bytes;
      }
      ERR_clear_error();
      const int count = SSL_read(client, piece, sizeof piece);
      if (count > 0) got.append(piece, static_cast<std::size_t>(count));
      else wait_a_moment();
    }
    return got;
  }

  UniqueFd far;
  std::unique_ptr<Socket> server;
  SSL_CTX* client_context;
  SSL* client = nullptr;
  bool done = false, failed = false;
};

}  // namespace

TEST_CASE("a certificate that leads to an authority names its client, with TLS 1.2 and 1.3") {
  const auto context = asking_context(node().certificate);
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    const Visit visit(context, &node(), version);
    REQUIRE(visit.done);
    CHECK(visit.name(CertificateName::common_name) == "node-7.test");
    CHECK(visit.name(CertificateName::dns) == "node-7.test");
    CHECK(visit.name(CertificateName::uri) == "none");
  }
}

TEST_CASE("a client without a certificate has no name, and one that nobody vouches for no session") {
  const auto context = asking_context(node().certificate);
  const auto stranger = make_certificate("node-7.test");
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    const Visit silent(context, nullptr, version);
    CHECK(silent.done);
    CHECK(silent.name(CertificateName::common_name) == "none");
    const Visit refused(context, &stranger, version);
    CHECK(refused.failed);
  }
}

TEST_CASE("where no authority is named nobody is asked, and what is shown all the same says nothing") {
  const Visit visit(asking_context(""), &node(), TLS1_3_VERSION);
  CHECK(visit.done);
  CHECK(visit.name(CertificateName::common_name) == "none");
}

TEST_CASE("a resumed session is still the client's whose it was, and only in the context that gave its ticket") {
  const auto context = asking_context(node().certificate), other = asking_context(node().certificate);
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    Visit first(context, &node(), version);
    REQUIRE(first.done);
    SSL_SESSION* session = first.session();
    const Visit again(context, nullptr, version, session);
    REQUIRE(again.done);
    CHECK(again.server->tls()->resumed());
    CHECK(again.name(CertificateName::common_name) == "node-7.test");
    const Visit elsewhere(other, nullptr, version, session);
    REQUIRE(elsewhere.done);
    CHECK_FALSE(elsewhere.server->tls()->resumed());
    CHECK(elsewhere.name(CertificateName::common_name) == "none");
    SSL_SESSION_free(session);
  }
}

TEST_CASE("authorities that cannot be read are an error") {
  const Scratch scratch;
  write_file(scratch.file("pem"), node().certificate);
  write_file(scratch.file("key"), node().key);
  const auto key = CertifiedKey::load(scratch.file("pem"), scratch.file("key"));
  REQUIRE(key.ok());
  const auto half = node().certificate + node().certificate.substr(0, 200);
  for (const std::string& bad :
       {std::string("none"), node().key, half, std::string("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")}) {
    const auto made = TlsContext::make({*key}, bad);
    REQUIRE(!made.ok());
    CHECK(made.error().what.starts_with("the client authorities cannot be used: "));
  }
  CHECK(TlsContext::make({*key}, node().certificate + make_certificate("b.test").certificate).ok());
}

TEST_CASE("files reach a client over TLS whether the kernel encrypts them or not") {
  std::string text(300'000, '\0');
  for (std::size_t i = 0; i < text.size(); ++i) text[i] = static_cast<char>(i * 7919 >> 5);
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    Visit visit(asking_context(""), nullptr, version, nullptr, true);
    REQUIRE(visit.done);
    CHECK((visit.through_file(text) == text));
    if (kernel_has_tls()) CHECK(visit.server->tls()->kernel_sends());
    else CHECK_FALSE(visit.server->tls()->kernel_sends());
  }
  if (!kernel_has_tls()) MESSAGE("skipped: sendfile by the kernel, which has no TLS here (CONFIG_TLS)");
}
