#include "proxy/http/tls.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>

#include <cerrno>

#include "base/check.h"
#include "base/fd.h"

namespace weir {
namespace {

// Mozilla's intermediate recommendation; those of TLS 1.3 are all good.
constexpr char kCiphers[] =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
    "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";
constexpr char kGroups[] = "X25519:P-256:P-384";
constexpr unsigned char kProtocols[] = "\x08http/1.1";

int choose_protocol(SSL*, const unsigned char** out, unsigned char* size, const unsigned char* offered, unsigned offered_size,
                    void*) {
  unsigned char* chosen = nullptr;
  const int found = SSL_select_next_proto(&chosen, size, kProtocols, sizeof kProtocols - 1, offered, offered_size);
  *out = chosen;
  return found == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_NOACK;
}

// Where a session may be resumed, which OpenSSL wants to be told when clients show certificates: wherever its ticket is read.
constexpr unsigned char kSessionPlace[] = "weir";

// False: OpenSSL's error queue says why.
bool ask_for_certificates(SSL_CTX* context, const std::string& authorities) {
  const std::unique_ptr<BIO, decltype(&BIO_free)> text(BIO_new_mem_buf(authorities.data(), static_cast<int>(authorities.size())),
                                                       &BIO_free);
  X509_STORE* store = SSL_CTX_get_cert_store(context);
  bool one = false;
  while (X509* authority = PEM_read_bio_X509(text.get(), nullptr, nullptr, nullptr)) {
    const bool added = X509_STORE_add_cert(store, authority) == 1 && SSL_CTX_add_client_CA(context, authority) == 1;
    X509_free(authority);
    if (!added) return false;
    one = true;
  }
  // The end of the text is where no further block begins.
  if (!one || ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE) return false;
  ERR_clear_error();
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  return SSL_CTX_set_session_id_context(context, kSessionPlace, sizeof kSessionPlace) == 1;
}

// False: OpenSSL's error queue says why.
bool prepare(SSL_CTX* context, const CertifiedKey& key) {
  // A client that leaves without close_notify has left; how much it said is told by HTTP's own framing.
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_IGNORE_UNEXPECTED_EOF | SSL_OP_ENABLE_KTLS);
  // Idle connections give their buffers back; an answer moves on record by record, from wherever its bytes are now.
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_alpn_select_cb(context, &choose_protocol, nullptr);
  return SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1 && SSL_CTX_set_cipher_list(context, kCiphers) == 1 &&
         SSL_CTX_set1_groups_list(context, kGroups) == 1 &&
         SSL_CTX_use_cert_and_key(context, key.certificate(), key.key(), key.chain(), 1) == 1;
}

}  // namespace

void TlsContext::Free::operator()(ssl_ctx_st* context) const { SSL_CTX_free(context); }
void TlsSession::Free::operator()(ssl_st* session) const { SSL_free(session); }

Result<std::shared_ptr<const TlsContext>> TlsContext::make(const std::vector<CertifiedKey>& keys, const std::string& authorities) {
  MUST(!keys.empty());
  auto made = std::make_shared<TlsContext>();
  for (const auto& key : keys) {
    ERR_clear_error();
    auto& context = made->contexts_.emplace_back(SSL_CTX_new(TLS_server_method()));
    const bool prepared = context && prepare(context.get(), key);
    if (prepared && (authorities.empty() || ask_for_certificates(context.get(), authorities))) continue;
    const char* reason = ERR_reason_error_string(ERR_peek_error());
    return Error{Failure::invalid, Side::local, false,
                 std::string(prepared ? "the client authorities cannot be used: " : "TLS: ") +
                     (reason ? reason : "no reason given")};
  }
  // A session begins with the first, and asks by name for another.
  SSL_CTX_set_tlsext_servername_callback(made->contexts_[0].get(), &TlsContext::choose);
  SSL_CTX_set_tlsext_servername_arg(made->contexts_[0].get(), made.get());
  return std::shared_ptr<const TlsContext>(std::move(made));
}

int TlsContext::choose(ssl_st* session, int*, void* self) {
  const char* name = SSL_get_servername(session, TLSEXT_NAMETYPE_host_name);
  if (!name) return SSL_TLSEXT_ERR_NOACK;
  for (const auto& context : static_cast<const TlsContext*>(self)->contexts_) {
    if (X509_check_host(SSL_CTX_get0_certificate(context.get()), name, 0, 0, nullptr) != 1) continue;
    SSL_set_SSL_CTX(session, context.get());
    return SSL_TLSEXT_ERR_OK;
  }
  return SSL_TLSEXT_ERR_NOACK;
}

// A socket that is not connected yet is told so by a kernel that knows the word, and by another that there is no such thing.
bool kernel_has_tls() {
  const UniqueFd probe(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  constexpr char kName[] = "tls";
  return probe.valid() && (::setsockopt(probe.get(), IPPROTO_TCP, TCP_ULP, kName, sizeof kName) == 0 || errno == ENOTCONN);
}

TlsSession::TlsSession(std::shared_ptr<const TlsContext> context, int fd)
    : context_(std::move(context)), session_(SSL_new(context_->contexts_[0].get())) {
  MUST(session_ != nullptr && SSL_set_fd(session_.get(), fd) == 1);
  SSL_set_accept_state(session_.get());
}

// Of what did not succeed. Whoever calls has cleared the error queue first: an old entry would be taken for this one.
Io TlsSession::outcome(int result) {
  switch (SSL_get_error(session_.get(), result)) {
    case SSL_ERROR_WANT_READ: return {Io::Kind::wants_read};
    case SSL_ERROR_WANT_WRITE: return {Io::Kind::wants_write};
    case SSL_ERROR_ZERO_RETURN: return {Io::Kind::ended};
    default: return {Io::Kind::broken};
  }
}

Io TlsSession::handshake() {
  ERR_clear_error();
  const int result = SSL_do_handshake(session_.get());
  if (result == 1) return {Io::Kind::bytes};
  const Io io = outcome(result);
  const int reason = ERR_GET_REASON(ERR_peek_error());
  met_plain_http_ = io.kind == Io::Kind::broken && (reason == SSL_R_HTTP_REQUEST || reason == SSL_R_HTTPS_PROXY_REQUEST);
  return io;
}

bool TlsSession::resumed() const noexcept { return SSL_session_reused(session_.get()) == 1; }

std::optional<std::string> TlsSession::certificate_name(CertificateName kind) const {
  if (named_ && named_->kind == kind) return named_->name;
  const X509* shown = SSL_get0_peer_certificate(session_.get());
  const bool verified = shown && SSL_get_verify_result(session_.get()) == X509_V_OK;
  named_ = Named{kind, verified ? name_in_certificate(shown, kind) : std::nullopt};
  return named_->name;
}

bool TlsSession::kernel_sends() const noexcept { return BIO_get_ktls_send(SSL_get_wbio(session_.get())); }

Io TlsSession::read(char* out, std::size_t size) {
  ERR_clear_error();
  std::size_t count = 0;
  const int result = SSL_read_ex(session_.get(), out, size, &count);
  return result == 1 ? Io{Io::Kind::bytes, count} : outcome(result);
}

Io TlsSession::write(std::string_view bytes) {
  ERR_clear_error();
  std::size_t count = 0;
  const int result = SSL_write_ex(session_.get(), bytes.data(), bytes.size(), &count);
  if (result == 1) {
    taken_ += count;
    return {Io::Kind::bytes, count};
  }
  const Io io = outcome(result);
  // A client may have ended its side and still take bytes; if these failed it takes none.
  return io.kind == Io::Kind::ended ? Io{Io::Kind::broken} : io;
}

Io TlsSession::send_file(int file, std::uint64_t offset, std::size_t size) {
  ERR_clear_error();
  const auto count = SSL_sendfile(session_.get(), file, static_cast<off_t>(offset), size, 0);
  if (count > 0) return {Io::Kind::bytes, static_cast<std::size_t>(count)};
  if (count == 0) return {Io::Kind::ended};
  const Io io = outcome(static_cast<int>(count));
  return io.kind == Io::Kind::ended ? Io{Io::Kind::broken} : io;
}

std::uint64_t TlsSession::overhead() const noexcept {
  const std::uint64_t written = BIO_number_written(SSL_get_wbio(session_.get()));
  return written > taken_ ? written - taken_ : 0;
}

Io TlsSession::close_notify() {
  // Once it is sent, another call would wait for the client's.
  if (SSL_get_shutdown(session_.get()) & SSL_SENT_SHUTDOWN) return {Io::Kind::bytes};
  ERR_clear_error();
  const int result = SSL_shutdown(session_.get());
  return result >= 0 ? Io{Io::Kind::bytes} : outcome(result);
}

}  // namespace weir
