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

  HttpRequest* request = nullptr;  // where the head goes

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
    request->fields.push_back({to_view(name), to_view(value)});
  }
  void on_header_impl(error_code& ec) override { ec = {}; }
  // A head alone is put in: no body comes.
  void on_body_init_impl(const boost::optional<std::uint64_t>&, error_code& ec) override { ec = {}; }
  std::size_t on_body_impl(string_view, error_code& ec) override {
    ec = http::error::unexpected_body;
    return 0;
  }
  void on_chunk_header_impl(std::uint64_t, string_view, error_code& ec) override { ec = http::error::unexpected_body; }
  std::size_t on_chunk_body_impl(std::uint64_t, string_view, error_code& ec) override {
    ec = http::error::unexpected_body;
    return 0;
  }
  void on_finish_impl(error_code& ec) override { ec = {}; }
};

Error bad(std::string what) { return Error{Failure::invalid, Side::client, false, std::move(what)}; }

}  // namespace

Result<std::unique_ptr<HttpRequest>> parse_request_head(std::string_view head) {
  if (const char* wrong = check_head(head)) return bad(wrong);
  auto request = std::make_unique<HttpRequest>();
  request->head = head;
  request->fields.reserve(16);
  Receiver receiver;
  receiver.request = request.get();
  error_code ec;
  receiver.put(boost::asio::const_buffer(request->head.data(), request->head.size()), ec);
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

}  // namespace weir
