#include "proxy/http/parser.h"

// Deprecated pieces of Boost 1.74's headers are not ours to mend.
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wdeprecated-declarations"
#pragma clang diagnostic ignored "-Wshadow"
#include <boost/asio/buffer.hpp>
#include <boost/beast/http/basic_parser.hpp>
#pragma clang diagnostic pop

#include "proxy/http/head_check.h"

namespace weir {
namespace {

namespace http = boost::beast::http;
using boost::beast::error_code;
using boost::beast::string_view;

std::string_view to_view(string_view text) { return {text.data(), text.size()}; }

class Receiver final : public http::basic_parser<true> {
 public:
  Receiver() {
    header_limit(kMostHeadBytes);
    body_limit(UINT64_MAX);  // boost::none reads as zero for a Content-Length in Boost 1.74
  }

  HttpRequest* request = nullptr;  // where the head goes; null once it is complete
  std::string data;                // body bytes of the current parse_chunks()

 private:
  void on_request_impl(http::verb, string_view method, string_view target, int version, error_code& ec) override {
    ec = {};
    request->method = to_view(method);
    request->target = to_view(target);
    request->minor_version = version == 11 ? 1 : 0;
  }
  void on_response_impl(int, string_view, int, error_code& ec) override { ec = http::error::bad_method; }
  void on_field_impl(http::field, string_view name, string_view value, error_code& ec) override {
    ec = {};
    // Trailers come after the head and say nothing we rely on.
    if (request) request->fields.push_back({to_view(name), to_view(value)});
  }
  void on_header_impl(error_code& ec) override { ec = {}; }
  void on_body_init_impl(const boost::optional<std::uint64_t>&, error_code& ec) override { ec = {}; }
  std::size_t on_body_impl(string_view body, error_code& ec) override {
    ec = {};
    data.append(body.data(), body.size());
    return body.size();
  }
  void on_chunk_header_impl(std::uint64_t, string_view extensions, error_code& ec) override {
    ec = {};
    // Beast lets a quoted value hold anything, line breaks too.
    for (const char c : extensions) {
      if ((static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f) ec = http::error::bad_chunk_extension;
    }
  }
  std::size_t on_chunk_body_impl(std::uint64_t, string_view body, error_code& ec) override {
    ec = {};
    data.append(body.data(), body.size());
    return body.size();
  }
  void on_finish_impl(error_code& ec) override { ec = {}; }
};

Error bad(std::string what) { return Error{Failure::invalid, Side::client, false, std::move(what)}; }

}  // namespace

struct RequestParser::State {
  Receiver receiver;
};

RequestParser::RequestParser() : state_(std::make_unique<State>()) {}
RequestParser::~RequestParser() = default;
RequestParser& RequestParser::operator=(RequestParser&&) noexcept = default;

Result<std::unique_ptr<HttpRequest>> RequestParser::parse_head(std::string_view head) {
  if (const char* wrong = check_head(head)) return bad(wrong);
  auto request = std::make_unique<HttpRequest>();
  request->head = head;
  request->fields.reserve(16);
  auto& receiver = state_->receiver;
  receiver.request = request.get();
  error_code ec;
  receiver.put(boost::asio::const_buffer(request->head.data(), request->head.size()), ec);
  receiver.request = nullptr;
  if (ec && ec != http::error::need_more) return bad(ec.message());
  if (!receiver.is_header_done()) return bad("an incomplete head");

  auto& target = request->target;
  if (target.empty() || target[0] != '/') return bad("a target that is not a path");  // no proxying by absolute-form
  const auto mark = target.find('?');
  request->path = target.substr(0, mark);
  request->query = mark == std::string_view::npos ? std::string_view() : target.substr(mark + 1);
  request->keep_alive = receiver.keep_alive();
  if (receiver.chunked()) {
    request->body = HttpRequest::Body::chunked;
  } else if (const auto length = receiver.content_length(); length && *length > 0) {
    request->body = HttpRequest::Body::length;
    request->content_length = *length;
  }
  if (const auto expect = request->header("Expect")) {
    if (!equal_ignoring_case(*expect, "100-continue")) return bad("an expectation that cannot be met");
    request->expect_continue = request->minor_version == 1 && request->body != HttpRequest::Body::none;
  }
  return request;
}

Result<RequestParser::BodyPart> RequestParser::parse_chunks(std::string_view bytes) {
  auto& receiver = state_->receiver;
  receiver.data.clear();
  BodyPart part;
  // Beast counts on five bytes when it looks again at a last chunk, and no message ends with fewer: "0\r\n\r\n".
  while (!receiver.is_done() && bytes.size() - part.consumed >= 5) {
    error_code ec;
    const auto count = receiver.put(boost::asio::const_buffer(bytes.data() + part.consumed, bytes.size() - part.consumed), ec);
    part.consumed += count;
    if (ec == http::error::need_more) break;
    if (ec) return bad("chunk framing: " + ec.message());
    if (count == 0) break;
  }
  part.data.swap(receiver.data);
  part.done = receiver.is_done();
  return part;
}

}  // namespace weir
