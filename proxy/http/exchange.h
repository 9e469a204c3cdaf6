#pragma once
// Exchange: one request and its answer on a connection. Handler: what answers.
//
// Thread: the connection's loop. An Exchange lives as long as its handler's Task, and never beyond its Connection.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/certificate_name.h"
#include "base/clock.h"
#include "base/loop.h"
#include "base/result.h"
#include "base/task.h"
#include "meter/counters.h"
#include "proxy/http/chunk_reader.h"
#include "proxy/http/forwarded.h"
#include "proxy/http/request.h"
#include "proxy/http/response.h"

namespace weir {

class Connection;

// A handler answers once, by respond() or by begin() ... end().
class Exchange {
 public:
  Exchange(Connection& connection, const HttpRequest& request);
  Exchange(const Exchange&) = delete;

  const HttpRequest& request() const noexcept { return request_; }
  Loop& loop() const noexcept;
  // Who asks: address and port, or what proxies in front of us say where they are trusted (then maybe without a port).
  const std::string& peer() const noexcept;
  // How the client's URL begins and whom it names: `http` or `https`, and the Host header; as said by trusted proxies.
  std::string_view scheme() const noexcept;
  std::string_view host() const noexcept;
  // A name in the certificate that the client has shown under TLS and that leads to an authority of client-ca; nothing without.
  std::optional<std::string> client_certificate_name(CertificateName kind) const;
  // The client has closed its side: nobody waits for what is not there yet.
  bool peer_gone() const noexcept;
  Instant started() const noexcept { return started_; }  // when the head was complete

  // The next piece of the request's body; empty at its end. Sends 100 Continue when the client waits for it.
  // Error (client): invalid framing, timeout, cancelled.
  Task<Result<std::string>> read_body();

  // Where the body bytes of this answer are counted as they are written.
  void count_body_in(Cell& cell) noexcept { body_cell_ = &cell; }

  // A whole answer. Content-Length is added; a HEAD gets no body.
  Task<Status> respond(ResponseHead head, std::string body);
  Task<Status> respond(ResponseHead head, std::shared_ptr<const std::string> body);
  // A head now, its body by send() and send_file(). Without a length: chunked, or until the connection closes on HTTP/1.0.
  Task<Status> begin(ResponseHead head, std::optional<std::uint64_t> length);
  Task<Status> send(std::string bytes);
  // Error: corrupt when the file ends early; the socket's.
  Task<Status> send_file(int fd, std::uint64_t offset, std::uint64_t length);
  Task<Status> end();
  // An answer without a body: 204 and 304, which have no Content-Length of their own.
  Task<Status> respond_empty(ResponseHead head);

  bool begun() const noexcept { return begun_; }
  // The answer went out as announced, to its last byte.
  bool complete() const noexcept { return complete_; }
  // The client was told how to see the end of the body.
  bool framed() const noexcept { return length_ || chunked_; }
  int status() const noexcept { return status_; }
  std::uint64_t body_bytes() const noexcept { return body_bytes_; }  // really written
  std::optional<Instant> first_byte() const noexcept { return first_byte_; }

 private:
  friend class Connection;
  std::string finish_head(const ResponseHead& head, std::optional<std::uint64_t> length);
  void count_body(std::uint64_t bytes) noexcept;
  Result<std::string> take_chunks();

  Connection& connection_;
  const HttpRequest& request_;
  std::unique_ptr<const Forwarded> forwarded_;  // where a trusted proxy asks
  Instant started_{};
  std::optional<Instant> first_byte_;
  Cell* body_cell_ = nullptr;
  int status_ = 0;
  bool begun_ = false, complete_ = false;
  bool chunked_ = false;
  std::optional<std::uint64_t> length_;  // announced
  std::uint64_t body_bytes_ = 0;
  std::uint64_t body_taken_ = 0;  // of the request's body
  bool body_done_ = false;
  bool body_broken_ = false;  // its framing is wrong: nothing behind it can be told from it
  bool continue_sent_ = false;
  ChunkReader chunks_;
  std::optional<Instant> body_deadline_;  // for what is left of it
};

class Handler {
 public:
  virtual ~Handler() = default;
  // Answers. What it leaves unanswered becomes 500; an answer begun and not completed cuts the connection.
  virtual Task<void> handle(Exchange& exchange) = 0;
};

}  // namespace weir
