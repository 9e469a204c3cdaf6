#include "proxy/http/socket.h"

#include <linux/sockios.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace weir {
namespace {

constexpr std::size_t kRecord = 16 << 10;  // what one record of TLS holds
// What is read of a file at once in order to be encrypted. A try that wants more leaves nothing here: it is read again.
constexpr std::size_t kFilePiece = 4 * kRecord;
thread_local std::array<char, kFilePiece> plain;

Io failed() { return {errno == EAGAIN ? Io::Kind::wants_write : Io::Kind::broken}; }

}  // namespace

Socket::Socket(UniqueFd fd, std::shared_ptr<const TlsContext> context) : fd_(std::move(fd)) {
  if (context) tls_ = std::make_unique<TlsSession>(std::move(context), fd_.get());
}

Io Socket::receive(char* out, std::size_t size) { return tls_ ? tls_->read(out, size) : receive_clear(out, size); }

Io Socket::receive_clear(char* out, std::size_t size) {
  for (;;) {
    const auto count = ::recv(fd_.get(), out, size, 0);
    if (count > 0) return {Io::Kind::bytes, static_cast<std::size_t>(count)};
    if (count == 0) return {Io::Kind::ended};
    if (errno == EINTR) continue;
    return {errno == EAGAIN ? Io::Kind::wants_read : Io::Kind::broken};
  }
}

Io Socket::send(std::string_view first, std::string_view second, bool more) {
  if (tls_) {
    if (first.empty() || second.empty()) return tls_->write(first.empty() ? second : first);
    // A head and what fits behind it are one record.
    const auto of_first = first.copy(plain.data(), kRecord);
    const auto of_second = second.copy(plain.data() + of_first, kRecord - of_first);
    return tls_->write({plain.data(), of_first + of_second});
  }
  iovec pieces[2] = {{const_cast<char*>(first.data()), first.size()}, {const_cast<char*>(second.data()), second.size()}};
  msghdr message{};
  message.msg_iov = pieces;
  message.msg_iovlen = 2;
  for (;;) {
    const auto count = ::sendmsg(fd_.get(), &message, MSG_NOSIGNAL | (more ? MSG_MORE : 0));
    if (count >= 0) return {Io::Kind::bytes, static_cast<std::size_t>(count)};
    if (errno != EINTR) return failed();
  }
}

Result<Io> Socket::send_file(int file, std::uint64_t offset, std::uint64_t length) {
  if (tls_ && tls_->kernel_sends()) {
    const Io io = tls_->send_file(file, offset, length);
    if (io.kind == Io::Kind::ended) return Error{Failure::corrupt, Side::local, false, "a stored file ended early"};
    // OpenSSL does not say whether it was the socket or the file.
    char byte;
    if (io.kind == Io::Kind::broken && ::pread(file, &byte, 1, static_cast<off_t>(offset)) < 0)
      return system_error(errno, "read a stored file");
    return io;
  }
  off_t position = static_cast<off_t>(offset);
  for (;;) {
    const auto count = tls_ ? ::pread(file, plain.data(), std::min<std::uint64_t>(length, kFilePiece), position)
                            : ::sendfile(fd_.get(), file, &position, length);
    if (count == 0) return Error{Failure::corrupt, Side::local, false, "a stored file ended early"};
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && (tls_ || errno == EIO)) return system_error(errno, "read a stored file");
    if (count < 0) return failed();
    if (!tls_) return Io{Io::Kind::bytes, static_cast<std::size_t>(count)};

    std::string_view left(plain.data(), static_cast<std::size_t>(count));
    Io io;
    do {
      io = tls_->write(left);
      left.remove_prefix(io.bytes);
    } while (io.kind == Io::Kind::bytes && !left.empty());
    const auto written = static_cast<std::size_t>(count) - left.size();
    return written > 0 ? Io{Io::Kind::bytes, written} : io;
  }
}

Io Socket::announce_end() { return tls_ ? tls_->close_notify() : Io{Io::Kind::bytes}; }

void Socket::shut_down_sending() noexcept { ::shutdown(fd_.get(), SHUT_WR); }
void Socket::shut_down() noexcept { ::shutdown(fd_.get(), SHUT_RDWR); }

void Socket::close_by_reset() noexcept {
  const struct linger hard{1, 0};
  ::setsockopt(fd_.get(), SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
}

bool Socket::hung_up() const noexcept {
  pollfd entry{fd_.get(), POLLRDHUP, 0};
  return ::poll(&entry, 1, 0) > 0;
}

int Socket::unacknowledged() const noexcept {
  int bytes = 0;
  return ::ioctl(fd_.get(), SIOCOUTQ, &bytes) == 0 ? bytes : 0;
}

}  // namespace weir
