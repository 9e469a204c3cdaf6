#include "tests/support/stream.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>

namespace weir::testing {

namespace {

Io outcome_of(int error) {
  if (error == ECONNRESET || error == EPIPE) return Io::reset;
  return Io::failed;
}

// OpenSSL's own socket BIO writes with write(2), which raises SIGPIPE when the peer has gone. This one does not, so the
// test program needs no process-wide signal setting.
int bio_write(BIO* bio, const char* data, int size) {
  BIO_clear_retry_flags(bio);
  auto fd = static_cast<int>(reinterpret_cast<std::intptr_t>(BIO_get_data(bio)));
  auto count = ::send(fd, data, static_cast<std::size_t>(size), MSG_NOSIGNAL);
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) BIO_set_retry_write(bio);
  return static_cast<int>(count);
}

int bio_read(BIO* bio, char* data, int size) {
  BIO_clear_retry_flags(bio);
  auto fd = static_cast<int>(reinterpret_cast<std::intptr_t>(BIO_get_data(bio)));
  auto count = ::recv(fd, data, static_cast<std::size_t>(size), 0);
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) BIO_set_retry_read(bio);
  if (count == 0) BIO_set_flags(bio, BIO_FLAGS_IN_EOF);
  return static_cast<int>(count);
}

long bio_control(BIO* bio, int command, long, void*) {
  if (command == BIO_CTRL_EOF) return BIO_test_flags(bio, BIO_FLAGS_IN_EOF) != 0;
  return command == BIO_CTRL_FLUSH;
}

BIO* new_socket_bio(int fd) {
  static BIO_METHOD* const method = [] {
    BIO_METHOD* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "test socket");
    BIO_meth_set_write(made, bio_write);
    BIO_meth_set_read(made, bio_read);
    BIO_meth_set_ctrl(made, bio_control);
    return made;
  }();
  BIO* bio = BIO_new(method);
  BIO_set_data(bio, reinterpret_cast<void*>(static_cast<std::intptr_t>(fd)));
  BIO_set_init(bio, 1);
  return bio;
}

// What to wait for before the call is made again, or 0 when it failed for good.
short wanted_events(SSL* ssl, int result) {
  switch (SSL_get_error(ssl, result)) {
    case SSL_ERROR_WANT_READ: return POLLIN;
    case SSL_ERROR_WANT_WRITE: return POLLOUT;
    default: return 0;
  }
}

}  // namespace

std::string_view describe(Io outcome) {
  switch (outcome) {
    case Io::done: return "done";
    case Io::ended: return "ended by the peer";
    case Io::reset: return "reset by the peer";
    case Io::timed_out: return "timed out";
    case Io::failed: return "failed";
  }
  return "";
}

void Stream::FreeSsl::operator()(ssl_st* ssl) const { SSL_free(ssl); }

Stream::Stream(FileDescriptor socket) : socket_(std::move(socket)) {
  ::fcntl(socket_.get(), F_SETFL, ::fcntl(socket_.get(), F_GETFL) | O_NONBLOCK);
}

Stream::~Stream() { close(); }

bool Stream::accept_tls(const TlsContext& context, Deadline deadline) { return handshake(context, nullptr, deadline); }

bool Stream::connect_tls(const TlsContext& context, const std::string& server_name, Deadline deadline) {
  return handshake(context, &server_name, deadline);
}

bool Stream::handshake(const TlsContext& context, const std::string* server_name, Deadline deadline) {
  ssl_.reset(SSL_new(context.get()));
  BIO* bio = new_socket_bio(socket_.get());
  SSL_set_bio(ssl_.get(), bio, bio);
  if (server_name && !server_name->empty()) {
    unsigned char ignored[16];
    bool is_address = ::inet_pton(AF_INET, server_name->c_str(), ignored) == 1 ||
                      ::inet_pton(AF_INET6, server_name->c_str(), ignored) == 1;
    if (!is_address) SSL_set_tlsext_host_name(ssl_.get(), server_name->c_str());
    if (context.verifies_peer() && is_address) {
      X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl_.get()), server_name->c_str());
    } else if (context.verifies_peer()) {
      SSL_set1_host(ssl_.get(), server_name->c_str());
    }
  }
  for (;;) {
    ERR_clear_error();
    int result = server_name ? SSL_connect(ssl_.get()) : SSL_accept(ssl_.get());
    if (result == 1) return true;
    short events = wanted_events(ssl_.get(), result);
    if (events == 0 || !wait_for(events, deadline)) return false;
  }
}

bool Stream::wait_for(short events, Deadline deadline) const {
  for (;;) {
    pollfd entry{socket_.get(), events, 0};
    int ready = ::poll(&entry, 1, poll_timeout(deadline));
    if (ready > 0) return true;
    if (ready == 0 || errno != EINTR) return false;
  }
}

Stream::Read Stream::receive(char* out, std::size_t size, Deadline deadline) {
  if (!socket_) return {Io::failed, 0};
  if (ssl_) return receive_tls(out, size, deadline);
  for (;;) {
    auto count = ::recv(socket_.get(), out, size, 0);
    if (count > 0) return {Io::done, static_cast<std::size_t>(count)};
    if (count == 0) return {Io::ended, 0};
    if (errno == EINTR) continue;
    if (errno != EAGAIN) return {outcome_of(errno), 0};
    if (!wait_for(POLLIN, deadline)) return {Io::timed_out, 0};
  }
}

Stream::Read Stream::receive_tls(char* out, std::size_t size, Deadline deadline) {
  for (;;) {
    ERR_clear_error();
    errno = 0;
    std::size_t count = 0;
    int result = SSL_read_ex(ssl_.get(), out, size, &count);
    if (result == 1) return {Io::done, count};
    int error = errno;
    short events = wanted_events(ssl_.get(), result);
    if (events == 0) {
      bool ended = SSL_get_error(ssl_.get(), result) == SSL_ERROR_ZERO_RETURN;
      return {ended ? Io::ended : outcome_of(error), 0};
    }
    if (!wait_for(events, deadline)) return {Io::timed_out, 0};
  }
}

Stream::Read Stream::read_some(char* out, std::size_t size, Deadline deadline) {
  if (taken_ < buffer_.size()) {
    auto count = std::min(size, buffer_.size() - taken_);
    buffer_.copy(out, count, taken_);
    taken_ += count;
    return {Io::done, count};
  }
  return receive(out, size, deadline);
}

Stream::Text Stream::read_until(std::string_view delimiter, std::size_t limit, Deadline deadline) {
  buffer_.erase(0, taken_);
  taken_ = 0;
  for (std::size_t searched = 0;;) {
    auto found = buffer_.find(delimiter, searched);
    if (found != buffer_.npos) {
      taken_ = found + delimiter.size();
      return {Io::done, buffer_.substr(0, taken_)};
    }
    searched = buffer_.size() < delimiter.size() ? 0 : buffer_.size() - delimiter.size() + 1;
    if (buffer_.size() >= limit) return {Io::failed, buffer_};
    char piece[4096];
    auto read = receive(piece, sizeof piece, deadline);
    if (read.outcome != Io::done) {
      taken_ = buffer_.size();
      return {read.outcome, buffer_};
    }
    buffer_.append(piece, read.count);
  }
}

Io Stream::write_all(std::string_view bytes, Deadline deadline) {
  if (!socket_) return Io::failed;
  if (ssl_) return write_tls(bytes, deadline);
  while (!bytes.empty()) {
    auto count = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (count >= 0) {
      bytes.remove_prefix(static_cast<std::size_t>(count));
    } else if (errno == EAGAIN) {
      if (!wait_for(POLLOUT, deadline)) return Io::timed_out;
    } else if (errno != EINTR) {
      return outcome_of(errno);
    }
  }
  return Io::done;
}

Io Stream::write_tls(std::string_view bytes, Deadline deadline) {
  while (!bytes.empty()) {
    ERR_clear_error();
    errno = 0;
    std::size_t count = 0;
    int result = SSL_write_ex(ssl_.get(), bytes.data(), bytes.size(), &count);
    int error = errno;
    if (result == 1) {
      bytes.remove_prefix(count);
      continue;
    }
    short events = wanted_events(ssl_.get(), result);
    if (events == 0) return outcome_of(error);
    if (!wait_for(events, deadline)) return Io::timed_out;
  }
  return Io::done;
}

bool Stream::peer_gone() const {
  if (!socket_) return true;
  pollfd entry{socket_.get(), POLLRDHUP, 0};
  return ::poll(&entry, 1, 0) > 0;
}

void Stream::shut_down_writing() {
  if (!socket_) return;
  if (ssl_) SSL_shutdown(ssl_.get());
  ::shutdown(socket_.get(), SHUT_WR);
}

void Stream::shut_down() {
  std::lock_guard lock(mutex_);
  if (socket_) ::shutdown(socket_.get(), SHUT_RDWR);
}

void Stream::close() {
  if (!socket_) return;
  // Bytes that nobody read would turn the FIN into a RST, which can destroy what the peer has not read yet.
  char ignored[4096];
  while (::recv(socket_.get(), ignored, sizeof ignored, MSG_DONTWAIT) > 0) {
  }
  release_socket();
}

void Stream::reset() {
  if (!socket_) return;
  (void)wait_until(
      [&] {
        int unacknowledged = 0;
        return ::ioctl(socket_.get(), SIOCOUTQ, &unacknowledged) != 0 || unacknowledged == 0 || peer_gone();
      },
      kPatience);
  linger hard{1, 0};
  ::setsockopt(socket_.get(), SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
  release_socket();
}

void Stream::release_socket() {
  std::lock_guard lock(mutex_);
  socket_.reset();
}

}  // namespace weir::testing
