#include "tests/support/http_client.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace weir::testing {

namespace {

constexpr std::size_t kLongestAnswerHead = 4 * 1024 * 1024;
constexpr std::size_t kMostRead = 128 * 1024;

}  // namespace

HttpClient::HttpClient(std::string_view endpoint, ClientOptions options) : options_(std::move(options)) {
  auto where = Endpoint::parse(endpoint);
  host_ = where.authority();
  auto end = deadline();
  auto socket = connect_to(where, options_.receive_buffer, end, failure_);
  if (!socket) return;
  auto stream = std::make_unique<Stream>(std::move(socket));
  if (where.tls) {
    auto context = TlsContext::client(options_.ca_pem, options_.certificate);
    auto name = options_.server_name.empty() ? where.host : options_.server_name;
    if (!stream->connect_tls(context, name, end)) {
      failure_ = "TLS handshake failed";
      return;
    }
  }
  stream_ = std::move(stream);
}

Response HttpClient::get(std::string target, const Headers& headers, Body mode) {
  return exchange("GET", std::move(target), headers, {}, mode);
}

Response HttpClient::head(std::string target, const Headers& headers) { return exchange("HEAD", std::move(target), headers); }

Response HttpClient::exchange(std::string method, std::string target, const Headers& headers, std::string_view body, Body mode) {
  // A server may answer and close before it has read the whole request, so a failed write is no reason not to read.
  send_request(method, target, headers, body);
  return read_response(mode);
}

bool HttpClient::send_request(const std::string& method, const std::string& target, const Headers& headers, std::string_view body) {
  std::string text = method + " " + target + " HTTP/1.1\r\n";
  if (!headers.has("Host")) text += "Host: " + host_ + "\r\n";
  if (!body.empty() && !headers.has("Content-Length") && !headers.has("Transfer-Encoding")) {
    text += "Content-Length: " + std::to_string(body.size()) + "\r\n";
  }
  text += headers.text() + "\r\n";
  methods_.push_back(method);
  return send(text) && send(body);
}

Response HttpClient::read_response(Body mode) {
  std::optional<ResponseHead> head;
  do {
    head = read_head();
  } while (head && head->status / 100 == 1 && head->status != 101);
  if (!head) {
    Response response;
    response.failure = failure_;
    return response;
  }
  return finish_body(mode);
}

std::optional<ResponseHead> HttpClient::read_head() {
  body_.reset();
  head_ = {};
  if (!stream_) return std::nullopt;
  auto read = stream_->read_until("\r\n\r\n", kLongestAnswerHead, deadline());
  if (read.outcome != Io::done) {
    failure_ = "no head: " + std::string(describe(read.outcome)) + " after " + std::to_string(read.text.size()) + " bytes";
    return std::nullopt;
  }
  auto head = parse_response_head(read.text);
  if (!head) {
    failure_ = "not a response head: " + read.text;
    return std::nullopt;
  }
  head_ = *head;
  bool interim = head_.status / 100 == 1;
  bool to_head = !interim && take_method() == "HEAD";
  body_.emplace(BodyReader::of_response(*stream_, head_, to_head));
  return head;
}

std::string HttpClient::take_method() {
  if (methods_.empty()) return "GET";
  std::string method = std::move(methods_.front());
  methods_.pop_front();
  return method;
}

std::string HttpClient::read_body(std::uint64_t count) {
  std::string result;
  if (!body_) return result;
  auto end = deadline();
  std::vector<char> piece(static_cast<std::size_t>(std::min<std::uint64_t>(count, kMostRead)));
  while (result.size() < count) {
    auto wanted = std::min<std::uint64_t>(piece.size(), count - result.size());
    auto got = body_->read(piece.data(), static_cast<std::size_t>(wanted), end);
    if (got == 0) break;
    result.append(piece.data(), got);
  }
  return result;
}

Response HttpClient::finish_body(Body mode) {
  Response response;
  response.status = head_.status;
  response.reason = head_.reason;
  response.headers = head_.headers;
  if (!body_) {
    response.failure = failure_;
    return response;
  }
  auto end = deadline();
  Hasher hasher;
  std::vector<char> piece(kMostRead);
  while (auto count = body_->read(piece.data(), piece.size(), end)) {
    std::string_view bytes(piece.data(), count);
    if (mode != Body::count) hasher.update(bytes);
    response.length += count;
    if (mode == Body::keep) response.body += bytes;
  }
  if (mode != Body::count) response.digest = hasher.digest();
  response.complete = body_->whole();
  if (!response.complete) response.failure = "body " + std::string(describe(body_->outcome()));
  return response;
}

bool HttpClient::send(std::string_view bytes) { return stream_ && stream_->write_all(bytes, deadline()) == Io::done; }

std::string HttpClient::read_raw(std::size_t most) {
  if (!stream_) return {};
  std::string result(most, '\0');
  result.resize(stream_->read_some(result.data(), most, deadline()).count);
  return result;
}

std::string HttpClient::read_until_closed() {
  std::string result;
  for (;;) {
    auto piece = read_raw(kMostRead);
    if (piece.empty()) return result;
    result += piece;
  }
}

bool HttpClient::closed_within(Milliseconds timeout) {
  if (!stream_) return true;
  auto end = within(timeout);
  char ignored[4096];
  Stream::Read read{};
  do {
    read = stream_->read_some(ignored, sizeof ignored, end);
  } while (read.outcome == Io::done);
  return read.outcome != Io::timed_out;
}

void HttpClient::shut_down_writing() {
  if (stream_) stream_->shut_down_writing();
}

void HttpClient::close() {
  body_.reset();
  if (stream_) stream_->close();
}

void HttpClient::reset() {
  body_.reset();
  if (stream_) stream_->reset();
}

Response fetch(std::string_view endpoint, std::string target, Headers headers, Body mode, ClientOptions options) {
  headers.set("Connection", "close");
  return HttpClient(endpoint, std::move(options)).get(std::move(target), headers, mode);
}

}  // namespace weir::testing
