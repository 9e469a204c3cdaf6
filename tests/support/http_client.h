// A blocking HTTP/1.1 client that shows a test what came over the wire.
//
// One client is one connection; it never reconnects, retries or follows a redirect. Nothing throws after construction:
// whatever goes wrong is in the Response (`complete` is false and `failure` says why), so a client may live in a
// thread. Every call ends within options.timeout. Used by one thread at a time.
//
//   HttpClient client(weir.url());
//   auto response = client.get("/v2/library/a/blobs/" + digest, {{"Range", "bytes=0-9"}});
//   CHECK(response.status == 206);
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "tests/support/body_reader.h"
#include "tests/support/certificate_authority.h"
#include "tests/support/digest.h"
#include "tests/support/endpoint.h"
#include "tests/support/http_message.h"
#include "tests/support/stream.h"

namespace weir::testing {

struct ClientOptions {
  Milliseconds timeout{60'000};  // for each call, not for the whole conversation
  std::string ca_pem = {};       // TLS: whom to believe; empty believes anybody
  std::string server_name = {};  // TLS: whom to ask for; default the endpoint's host
  Certificate certificate = {};  // TLS: what to show when asked
  int receive_buffer = 0;        // bytes of kernel buffer, see connect_to
};

// What is made of a response's body: kept and hashed, hashed, or only counted.
enum class Body { keep, hash, count };

struct Response {
  int status = 0;  // 0: no head came
  std::string reason = {};
  Headers headers = {};
  std::string body = {};     // with Body::keep
  std::uint64_t length = 0;  // bytes of body received, chunk framing removed
  std::string digest = {};   // sha256 of those bytes; empty with Body::count
  bool complete = false;     // the body ended where its framing said it would
  std::string failure = {};  // why not
};

class HttpClient {
 public:
  // Connects to an endpoint (see Endpoint::parse). Throws only when that cannot be parsed.
  explicit HttpClient(std::string_view endpoint, ClientOptions options = {});

  bool connected() const { return stream_ && stream_->open(); }
  const std::string& failure() const { return failure_; }  // why it is not
  // The peer has ended or reset the connection, whatever is still to be read. Does not wait.
  bool peer_gone() const { return !stream_ || stream_->peer_gone(); }

  // From the next call on.
  void set_timeout(Milliseconds timeout) { options_.timeout = timeout; }

  // A whole exchange.
  Response get(std::string target, const Headers& headers = {}, Body mode = Body::keep);
  Response head(std::string target, const Headers& headers = {});
  Response exchange(std::string method, std::string target, const Headers& headers = {}, std::string_view body = {},
                    Body mode = Body::keep);

  // Half of one. Several requests may be sent before the first response is read (pipelining). Host and, for a body,
  // Content-Length are added unless `headers` has them.
  bool send_request(const std::string& method, const std::string& target, const Headers& headers = {}, std::string_view body = {});

  // The next response, interim (1xx) ones skipped. It is read as the answer to the oldest request of send_request()
  // that is unanswered, or to a GET when there is none.
  Response read_response(Body mode = Body::keep);

  // The same in pieces: the head (interim ones too; nothing when none came), then the body.
  std::optional<ResponseHead> read_head();
  std::string read_body(std::uint64_t count);    // at most `count` bytes, fewer when the body ends or breaks
  Response finish_body(Body mode = Body::hash);  // what is left of the body

  // Bytes as they are.
  bool send(std::string_view bytes);
  std::string read_raw(std::size_t most);  // what comes first, at most that much; empty at the end or on failure
  std::string read_until_closed();

  // The server has closed the connection (or does so within `timeout`). Bytes that arrive meanwhile are dropped.
  bool closed_within(Milliseconds timeout);

  void shut_down_writing();
  void close();
  void reset();  // RST

 private:
  Deadline deadline() const { return within(options_.timeout); }
  std::string take_method();

  ClientOptions options_;
  std::string host_;
  std::string failure_;
  std::unique_ptr<Stream> stream_;
  std::deque<std::string> methods_;  // of requests sent and not yet answered
  ResponseHead head_;
  std::optional<BodyReader> body_;
};

// One request on a connection of its own, with "Connection: close".
Response fetch(std::string_view endpoint, std::string target, Headers headers = {}, Body mode = Body::keep,
               ClientOptions options = {});

}  // namespace weir::testing
