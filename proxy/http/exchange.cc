#include "proxy/http/exchange.h"

#include <algorithm>
#include <cstdio>

#include "base/text.h"
#include "proxy/http/connection.h"

namespace weir {
namespace {

// A date a second is formatted once a loop.
const std::string& date_header(const Clock& clock) {
  thread_local WallSeconds second = -1;
  thread_local std::string text;
  if (const auto now = clock.wall_seconds(); now != second) {
    second = now;
    text = "Date: " + http_date(now) + "\r\n";
  }
  return text;
}

}  // namespace

Exchange::Exchange(Connection& connection, const HttpRequest& request) : connection_(connection), request_(request) {
  const auto& trusted = connection.options_.trusted_proxies;
  if (!trusted.empty() && trusted.holds(connection.peer_))
    forwarded_ = std::make_unique<const Forwarded>(read_forwarded(request, connection.peer_, trusted));
}

Loop& Exchange::loop() const noexcept { return connection_.loop_; }
const std::string& Exchange::peer() const noexcept {
  return forwarded_ && forwarded_->client ? *forwarded_->client : connection_.peer_;
}
std::string_view Exchange::scheme() const noexcept {
  if (forwarded_ && forwarded_->scheme) return *forwarded_->scheme;
  return connection_.socket_.tls() ? "https" : "http";
}
std::string_view Exchange::host() const noexcept {
  if (forwarded_ && forwarded_->host) return *forwarded_->host;
  return request_.header("Host").value_or(std::string_view());
}
std::optional<std::string> Exchange::client_certificate_name(CertificateName kind) const {
  const TlsSession* tls = connection_.socket_.tls();
  return tls ? tls->certificate_name(kind) : std::nullopt;
}
bool Exchange::peer_gone() const noexcept {
  // A reset is no end of stream to the event loop; the socket itself knows.
  return connection_.peer_closed_ || connection_.closing_ || connection_.socket_.hung_up();
}

void Exchange::count_body(std::uint64_t bytes) noexcept {
  body_bytes_ += bytes;
  if (body_cell_) body_cell_->add(bytes);
}

std::string Exchange::finish_head(const ResponseHead& head, std::optional<std::uint64_t> length) {
  MUST(!begun_);
  begun_ = true;
  status_ = head.status();
  length_ = length;
  first_byte_ = connection_.loop_.now();
  std::string text = head.text();
  text += date_header(connection_.loop_.clock());
  if (length) {
    text += "Content-Length: ";
    text += std::to_string(*length);
    text += "\r\n";
  } else if (request_.minor_version == 1) {
    chunked_ = true;
    text += "Transfer-Encoding: chunked\r\n";
  }
  const bool close = !request_.keep_alive || connection_.draining_ || (!length && !chunked_);
  if (close) {
    connection_.draining_ = true;
    text += "Connection: close\r\n";
  } else if (request_.minor_version == 0) {
    text += "Connection: keep-alive\r\n";
  }
  text += "\r\n";
  return text;
}

Task<Status> Exchange::respond(ResponseHead head, std::string body) {
  return respond(std::move(head), std::make_shared<const std::string>(std::move(body)));
}

Task<Status> Exchange::respond(ResponseHead head, std::shared_ptr<const std::string> body) {
  const std::string text = finish_head(head, body->size());
  const std::string_view sent_body = request_.is_head() ? std::string_view() : std::string_view(*body);
  auto status = co_await connection_.write_all(text, sent_body, this, false);
  complete_ = status.ok();
  co_return status;
}

Task<Status> Exchange::respond_empty(ResponseHead head) {
  const std::string text = finish_head(head, 0);
  // RFC 9110 8.6: a 204 has no Content-Length, and a 304's would be that of the 200.
  const auto begin = text.find("Content-Length: 0\r\n");
  const std::string without = text.substr(0, begin) + text.substr(begin + 19);
  auto status = co_await connection_.write_all(without, {}, this, false);
  complete_ = status.ok();
  co_return status;
}

Task<Status> Exchange::begin(ResponseHead head, std::optional<std::uint64_t> length) {
  const std::string text = finish_head(head, length);
  const bool bodyless = request_.is_head() || length == 0;
  // Deliver the head at once: clients count the seconds until they see it. Held back only when the body follows directly.
  auto status = co_await connection_.write_all(text, {}, this, false);
  complete_ = status.ok() && bodyless && !chunked_;
  co_return status;
}

Task<Status> Exchange::send(std::string bytes) {
  MUST(begun_);
  if (request_.is_head() || bytes.empty()) co_return ok_status();
  if (!chunked_) {
    auto status = co_await connection_.write_all({}, bytes, this, false);
    co_return status;
  }
  char size[20];
  const int digits = std::snprintf(size, sizeof size, "%zx\r\n", bytes.size());
  auto status = co_await connection_.write_all(std::string_view(size, static_cast<std::size_t>(digits)), bytes, this, true);
  if (!status) co_return status;
  auto closed = co_await connection_.write_all("\r\n", {}, this, false);
  co_return closed;
}

Task<Status> Exchange::send_file(int fd, std::uint64_t offset, std::uint64_t length) {
  MUST(begun_);
  if (request_.is_head() || length == 0) co_return ok_status();
  if (!chunked_) {
    auto status = co_await connection_.send_file_bytes(*this, fd, offset, length);
    co_return status;
  }
  char size[20];
  const int digits = std::snprintf(size, sizeof size, "%llx\r\n", static_cast<unsigned long long>(length));
  auto opened = co_await connection_.write_all(std::string_view(size, static_cast<std::size_t>(digits)), {}, this, true);
  if (!opened) co_return opened;
  auto status = co_await connection_.send_file_bytes(*this, fd, offset, length);
  if (!status) co_return status;
  auto closed = co_await connection_.write_all("\r\n", {}, this, false);
  co_return closed;
}

Task<Status> Exchange::end() {
  MUST(begun_);
  if (chunked_ && !request_.is_head()) {
    auto status = co_await connection_.write_all("0\r\n\r\n", {}, this, false);
    complete_ = status.ok();
    co_return status;
  }
  complete_ = request_.is_head() || !length_ || body_bytes_ == *length_;
  co_return ok_status();
}

// The data of all that has come so far.
Result<std::string> Exchange::take_chunks() {
  std::string data;
  std::size_t consumed = 0;
  while (!body_done_) {
    const auto part = chunks_.next(std::string_view(connection_.in_).substr(consumed));
    if (!part) {
      body_broken_ = true;  // where the next request begins nobody knows
      return part.error();
    }
    if (part->consumed == 0) break;
    consumed += part->consumed;
    data += part->data;
    body_done_ = part->done;
  }
  connection_.keep_rest(consumed);
  body_taken_ += data.size();
  return data;
}

Task<Result<std::string>> Exchange::read_body() {
  if (request_.body == HttpRequest::Body::none) body_done_ = true;
  if (body_done_) co_return std::string();
  if (body_broken_) co_return Error{Failure::invalid, Side::client, false, "the request's body has no end"};
  Connection& connection = connection_;
  if (request_.expect_continue && !continue_sent_ && connection.in_.empty() && !begun_) {
    continue_sent_ = true;
    auto status = co_await connection.write_all("HTTP/1.1 100 Continue\r\n\r\n", {}, nullptr, false);
    if (!status) co_return std::move(status).error();
  }
  for (;;) {
    if (!connection.in_.empty()) {
      std::string data;
      if (request_.body == HttpRequest::Body::length) {
        const auto count = std::min<std::uint64_t>(connection.in_.size(), request_.content_length - body_taken_);
        data = connection.in_.substr(0, count);
        connection.keep_rest(count);
        body_taken_ += count;
        body_done_ = body_taken_ == request_.content_length;
      } else {
        auto taken = take_chunks();
        if (!taken) co_return std::move(taken).error();
        data = *std::move(taken);
      }
      if (!data.empty() || body_done_) co_return data;
    }
    auto patience = connection.options_.progress_timeout;
    if (body_deadline_) patience = std::min(patience, std::chrono::ceil<Milliseconds>(*body_deadline_ - loop().now()));
    const bool late = patience.count() <= 0;
    bool more = false;
    if (!late) more = co_await connection.read_more(patience);
    if (!more) {
      co_return late || connection.timed_out_
          ? Error{Failure::timeout, Side::client, false, "the request's body stopped coming"}
          : Error{Failure::cancelled, Side::client, false, "the client left within its request's body"};
    }
  }
}

}  // namespace weir
