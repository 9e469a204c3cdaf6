#pragma once
// Transport: the door to libcurl. HTTP/1.1 requests over one loop's connection pool; their bodies are pulled.
//
// HTTP/1.1 on purpose: a paused body holds up nobody but itself, and layers come over connections of their own.
// Bounds: a body is at most kMostBuffered ahead of its reader (the socket is then left unread); heads are at most 64 KiB.
// Deadlines: connect, first byte, and stall (no byte while the reader wants some); never a whole transfer.
//
// Thread: one Transport a loop, everything on that loop.

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/loop.h"
#include "base/result.h"
#include "base/wait.h"

namespace weir {

// Whom a request to one of Amazon's services is signed for (AWS Signature Version 4), in printable ASCII.
struct AwsSignature {
  std::string region, service;
  std::string key_id, secret;
  std::string session_token;        // of credentials that expire; empty: none
};

struct TransferRequest {
  std::string method = "GET";       // GET, HEAD, POST or PUT
  std::string url;
  std::string unix_socket;          // when set: connect there instead of the URL's host
  std::vector<std::string> headers; // `Name: value`
  std::string body;                 // of a POST or a PUT
  std::optional<AwsSignature> aws_signature;  // signs the method, the URL, `headers` and the body
  std::string ca_file;              // whom to believe, a proxy with TLS too; empty: the system's
  std::string tls_certificate;      // PEM files of ours, both or none
  std::string tls_key;
  std::string proxy;                // empty: none
  bool allow_private = false;       // false: loopback, link-local and private addresses are not connected to
  Milliseconds connect_timeout = Seconds(2);
  Milliseconds first_byte_timeout = Seconds(10);
  Milliseconds stall_timeout = Seconds(30);
};

struct UpstreamHead {
  int status = 0;
  std::vector<std::pair<std::string, std::string>> headers;
  // The first of that name.
  std::optional<std::string_view> header(std::string_view name) const;
  // All of that name, joined by commas (RFC 9110 5.3).
  std::string header_list(std::string_view name) const;
};

class Transport;

// One request under way. Destroying it ends it.
class Transfer {
 public:
  static constexpr std::size_t kMostBuffered = 1024 << 10;

  ~Transfer();
  Transfer(const Transfer&) = delete;

  // The final answer's head. Error: unreachable, timeout, corrupt (no HTTP), cancelled.
  Task<Result<UpstreamHead>> head();
  // The next piece of the body, up to kMostBuffered; empty at its end. Error: as above; unreachable when it broke off.
  Task<Result<std::string>> read();
  // From now on the body may be silent for this long.
  void set_stall_timeout(Milliseconds timeout);
  // The whole rest of the body. Error: too_large when there is more than `most`.
  Task<Result<std::string>> read_all(std::size_t most);

 private:
  friend class Transport;
  struct Handle;
  Transfer(Transport& transport, TransferRequest request);

  void sign_for_aws(const AwsSignature& signature);
  std::size_t on_body(const char* data, std::size_t size);
  std::size_t on_header(std::string_view line);
  void on_done(int curl_code);
  void fail(Error error);
  void watch_silence();
  void on_silence();
  Task<void> wait();

  Transport& transport_;
  TransferRequest request_;
  std::unique_ptr<Handle> handle_;
  std::coroutine_handle<> waiting_;
  Timer timer_;

  UpstreamHead head_;
  std::size_t head_bytes_ = 0;
  bool head_done_ = false, done_ = false, paused_ = false;
  std::optional<Error> error_;
  std::string buffer_;
};

class Transport {
 public:
  Transport(Loop& loop, std::string user_agent);
  ~Transport();
  Transport(const Transport&) = delete;

  std::unique_ptr<Transfer> start(TransferRequest request);
  // Ends every transfer with `cancelled`, and each later one at its start.
  void shut_down();
  Loop& loop() noexcept { return loop_; }

 private:
  friend class Transfer;
  struct Multi;

  void act(int fd, int events);
  void wake(Transfer& transfer);
  void resume_woken();

  Loop& loop_;
  const std::string user_agent_;
  std::unique_ptr<Multi> multi_;
  std::set<Transfer*> transfers_;
  std::vector<Transfer*> woken_;
  bool shut_down_ = false;
};

}  // namespace weir
