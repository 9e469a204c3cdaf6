#include "proxy/upstream/transport.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>
#include <map>
#include <mutex>

#include "base/text.h"
#include "proxy/upstream/address_guard.h"

namespace weir {
namespace {

constexpr std::size_t kMostHeadBytes = 64 << 10;
constexpr long kReceiveBuffer = 512 << 10;
constexpr long kIdleConnections = 64;
constexpr std::size_t kFirstReserve = 32 << 10;

// The class of a libcurl failure; what libcurl says of it goes into the sentence.
Error curl_error(CURLcode code, const char* detail) {
  Error error{Failure::unreachable, Side::upstream, true, detail && *detail ? detail : curl_easy_strerror(code)};
  switch (code) {
    case CURLE_OPERATION_TIMEDOUT: error.failure = Failure::timeout; break;
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_UNSUPPORTED_PROTOCOL: error.failure = Failure::corrupt; break;
    case CURLE_URL_MALFORMAT:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_PEER_FAILED_VERIFICATION: error.retryable = false; break;
    default: break;
  }
  return error;
}

curl_socket_t open_guarded_socket(void* allow_private, curlsocktype, curl_sockaddr* address) {
  const bool unix_socket = address->family == AF_UNIX;
  if (!*static_cast<const bool*>(allow_private) && !unix_socket && is_private_address(&address->addr)) return CURL_SOCKET_BAD;
  return ::socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

// A connection that is used again was opened for somebody who may have been allowed more.
int look_at_peer(void* allow_private, char* peer, char*, int, int) {
  if (*static_cast<const bool*>(allow_private)) return CURL_PREREQFUNC_OK;
  const std::string address(peer, std::strcspn(peer, "%"));
  sockaddr_in v4{};
  sockaddr_in6 v6{};
  v4.sin_family = AF_INET;
  v6.sin6_family = AF_INET6;
  const sockaddr* parsed = nullptr;
  if (::inet_pton(AF_INET, address.c_str(), &v4.sin_addr) == 1) parsed = reinterpret_cast<const sockaddr*>(&v4);
  if (::inet_pton(AF_INET6, address.c_str(), &v6.sin6_addr) == 1) parsed = reinterpret_cast<const sockaddr*>(&v6);
  return parsed && !is_private_address(parsed) ? CURL_PREREQFUNC_OK : CURL_PREREQFUNC_ABORT;
}

void initialize_curl_once() {
  static std::once_flag once;
  std::call_once(once, [] { MUST(curl_global_init(CURL_GLOBAL_ALL) == CURLE_OK); });
}

}  // namespace

std::string UpstreamHead::header_list(std::string_view name) const {
  std::string list;
  for (const auto& [key, value] : headers) {
    if (equal_ignoring_case(key, name)) list.append(list.empty() ? "" : ", ").append(value);
  }
  return list;
}

std::optional<std::string_view> UpstreamHead::header(std::string_view name) const {
  for (const auto& [key, value] : headers) {
    if (equal_ignoring_case(key, name)) return value;
  }
  return std::nullopt;
}

// ---- Transfer -----------------------------------------------------------------------------------

struct Transfer::Handle {
  CURL* easy = curl_easy_init();
  curl_slist* headers = nullptr;
  char error[CURL_ERROR_SIZE] = "";
  bool added = false;
  ~Handle() {
    curl_easy_cleanup(easy);
    curl_slist_free_all(headers);
  }
};

struct Transport::Multi {
  CURLM* handle = curl_multi_init();
  std::map<curl_socket_t, std::unique_ptr<Watch>> watches;
  std::unique_ptr<Timer> timer;
  ~Multi() { curl_multi_cleanup(handle); }
};

Transfer::Transfer(Transport& transport, TransferRequest request)
    : transport_(transport), request_(std::move(request)), handle_(std::make_unique<Handle>()),
      timer_(transport.loop_, [this] { on_silence(); }) {
  CURL* easy = handle_->easy;
  MUST(easy != nullptr);
  const auto set = [easy](CURLoption option, auto value) { MUST(curl_easy_setopt(easy, option, value) == CURLE_OK); };
  for (const auto& header : request_.headers) handle_->headers = curl_slist_append(handle_->headers, header.c_str());
  if (request_.aws_signature) sign_for_aws(*request_.aws_signature);
  // A registry's bytes are what their digest says; an encoding on the way would change them. libcurl signs every header of its
  // list, also one that is only named in order not to be sent, so the list of a signed request holds no more than it must.
  if (!request_.aws_signature) {
    handle_->headers = curl_slist_append(handle_->headers, "Accept-Encoding: identity");
    handle_->headers = curl_slist_append(handle_->headers, "Expect:");
  }

  set(CURLOPT_URL, request_.url.c_str());
  if (!request_.unix_socket.empty()) set(CURLOPT_UNIX_SOCKET_PATH, request_.unix_socket.c_str());
  if (request_.method == "HEAD") set(CURLOPT_NOBODY, 1L);
  if (request_.method == "PUT") set(CURLOPT_CUSTOMREQUEST, "PUT");
  if (request_.method == "POST" || request_.method == "PUT") {
    set(CURLOPT_POST, 1L);
    set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request_.body.size()));
    set(CURLOPT_POSTFIELDS, request_.body.data());
  }
  set(CURLOPT_HTTPHEADER, handle_->headers);
  set(CURLOPT_USERAGENT, transport.user_agent_.c_str());
  set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  set(CURLOPT_FOLLOWLOCATION, 0L);
  set(CURLOPT_PROTOCOLS_STR, "http,https");
  set(CURLOPT_PROXY, request_.proxy.c_str());  // empty also means none from the environment: the configuration decides
  set(CURLOPT_NOPROXY, "");                    // the same of NO_PROXY
  set(CURLOPT_HTTP_CONTENT_DECODING, 0L);
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_BUFFERSIZE, kReceiveBuffer);
  set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(request_.connect_timeout.count()));
  set(CURLOPT_TCP_KEEPALIVE, 1L);
  if (!request_.ca_file.empty()) {
    set(CURLOPT_CAINFO, request_.ca_file.c_str());
    set(CURLOPT_PROXY_CAINFO, request_.ca_file.c_str());
    // Those alone: the folder that libcurl was built with would add the system's. Without one libcurl keeps what it read by the
    // file's name, and a new file would go unnoticed.
    set(CURLOPT_CAPATH, static_cast<const char*>(nullptr));
    set(CURLOPT_PROXY_CAPATH, static_cast<const char*>(nullptr));
    set(CURLOPT_CA_CACHE_TIMEOUT, 0L);
  }
  if (!request_.tls_certificate.empty()) {
    set(CURLOPT_SSLCERT, request_.tls_certificate.c_str());
    set(CURLOPT_SSLKEY, request_.tls_key.c_str());
  }
  set(CURLOPT_ERRORBUFFER, handle_->error);
  set(CURLOPT_PRIVATE, static_cast<void*>(this));
  set(CURLOPT_OPENSOCKETFUNCTION, &open_guarded_socket);
  // With a proxy the socket is the proxy's, which the configuration names; what lies behind it is the proxy's to guard.
  static const bool kAllowed = true;
  const bool* allow_private = request_.proxy.empty() && request_.unix_socket.empty() ? &request_.allow_private : &kAllowed;
  set(CURLOPT_OPENSOCKETDATA, const_cast<bool*>(allow_private));
  set(CURLOPT_PREREQFUNCTION, &look_at_peer);
  set(CURLOPT_PREREQDATA, const_cast<bool*>(allow_private));
  using Callback = std::size_t (*)(char*, std::size_t, std::size_t, void*);
  const Callback on_body = [](char* data, std::size_t, std::size_t size, void* self) {
    return static_cast<Transfer*>(self)->on_body(data, size);
  };
  const Callback on_header = [](char* data, std::size_t size, std::size_t count, void* self) {
    return static_cast<Transfer*>(self)->on_header(std::string_view(data, size * count));
  };
  set(CURLOPT_WRITEFUNCTION, on_body);
  set(CURLOPT_WRITEDATA, static_cast<void*>(this));
  set(CURLOPT_HEADERFUNCTION, on_header);
  set(CURLOPT_HEADERDATA, static_cast<void*>(this));
}

// libcurl makes the signature when it sends, so its date is that of the request.
void Transfer::sign_for_aws(const AwsSignature& signature) {
  if (!signature.session_token.empty())
    handle_->headers = curl_slist_append(handle_->headers, ("X-Amz-Security-Token: " + signature.session_token).c_str());
  const std::string scope = "aws:amz:" + signature.region + ':' + signature.service;
  CURL* easy = handle_->easy;
  MUST(curl_easy_setopt(easy, CURLOPT_AWS_SIGV4, scope.c_str()) == CURLE_OK);
  MUST(curl_easy_setopt(easy, CURLOPT_USERNAME, signature.key_id.c_str()) == CURLE_OK);
  MUST(curl_easy_setopt(easy, CURLOPT_PASSWORD, signature.secret.c_str()) == CURLE_OK);
}

Transfer::~Transfer() {
  if (handle_->added) curl_multi_remove_handle(transport_.multi_->handle, handle_->easy);
  transport_.transfers_.erase(this);
  std::erase(transport_.woken_, this);
}

std::size_t Transfer::on_header(std::string_view line) {
  const auto taken = line.size();
  head_bytes_ += line.size();
  if (head_bytes_ > kMostHeadBytes) {
    fail(Error{Failure::corrupt, Side::upstream, false, "the upstream's head is larger than 64 KiB"});
    return 0;
  }
  while (!line.empty() && (line.back() == '\r' || line.back() == '\n')) line.remove_suffix(1);
  if (line.starts_with("HTTP/")) {
    head_ = UpstreamHead{};  // of an answer after 100 Continue, or of the first
  } else if (line.empty()) {
    long status = 0;
    curl_easy_getinfo(handle_->easy, CURLINFO_RESPONSE_CODE, &status);
    if (status >= 200) {
      head_.status = static_cast<int>(status);
      head_done_ = true;
      watch_silence();
      transport_.wake(*this);
    }
  } else if (const auto colon = line.find(':'); colon != std::string_view::npos && !head_done_) {
    head_.headers.emplace_back(line.substr(0, colon), trim(line.substr(colon + 1)));
  }
  // What comes after the head is done are trailers; nothing rests on them.
  return taken;
}

std::size_t Transfer::on_body(const char* data, std::size_t size) {
  if (buffer_.size() + size > kMostBuffered) {
    paused_ = true;
    timer_.stop();  // the silence is ours
    transport_.wake(*this);
    return CURL_WRITEFUNC_PAUSE;
  }
  // Small answers stay small; a layer's pieces get their full size at once instead of growing by copies.
  if (buffer_.size() + size > buffer_.capacity()) buffer_.reserve(buffer_.empty() ? kFirstReserve : kMostBuffered);
  buffer_.append(data, size);
  watch_silence();
  transport_.wake(*this);
  return size;
}

void Transfer::on_done(int curl_code) {
  done_ = true;
  timer_.stop();
  if (curl_code != CURLE_OK && !error_) error_ = curl_error(static_cast<CURLcode>(curl_code), handle_->error);
  if (!error_ && !head_done_) error_ = Error{Failure::corrupt, Side::upstream, true, "the upstream's answer has no head"};
  transport_.wake(*this);
}

void Transfer::fail(Error error) {
  if (!error_) error_ = std::move(error);
  timer_.stop();
  transport_.wake(*this);
}

void Transfer::watch_silence() { timer_.start(head_done_ ? request_.stall_timeout : request_.first_byte_timeout); }

void Transfer::set_stall_timeout(Milliseconds timeout) {
  request_.stall_timeout = timeout;
  if (head_done_ && !done_ && !paused_ && !error_) watch_silence();
}

void Transfer::on_silence() {
  fail(Error{Failure::timeout, Side::upstream, true,
             head_done_ ? "the upstream stopped sending" : "the upstream did not answer in time"});
  transport_.resume_woken();
}

Task<void> Transfer::wait() {
  struct Awaiter {
    Transfer& transfer;
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> caller) const { transfer.waiting_ = caller; }
    void await_resume() const noexcept {}
  };
  co_await Awaiter{*this};
}

Task<Result<UpstreamHead>> Transfer::head() {
  while (!head_done_ && !error_) co_await wait();
  if (!head_done_) co_return *error_;
  co_return std::move(head_);
}

Task<Result<std::string>> Transfer::read() {
  for (;;) {
    if (!buffer_.empty()) {
      std::string piece;
      piece.swap(buffer_);
      if (paused_) {
        paused_ = false;
        watch_silence();
        // Delivers what it held back before it returns, into the empty buffer.
        curl_easy_pause(handle_->easy, CURLPAUSE_CONT);
      }
      co_return piece;
    }
    if (error_) co_return *error_;
    if (done_) co_return std::string();
    co_await wait();
  }
}

Task<Result<std::string>> Transfer::read_all(std::size_t most) {
  std::string whole;
  for (;;) {
    auto piece = co_await read();
    if (!piece) co_return piece;
    if (piece->empty()) co_return whole;
    if (whole.size() + piece->size() > most) {
      co_return Error{Failure::too_large, Side::upstream, false,
                      "the upstream's answer is larger than " + std::to_string(most) + " bytes"};
    }
    whole += *piece;
  }
}

// ---- Transport ----------------------------------------------------------------------------------

Transport::Transport(Loop& loop, std::string user_agent) : loop_(loop), user_agent_(std::move(user_agent)) {
  initialize_curl_once();
  multi_ = std::make_unique<Multi>();
  MUST(multi_->handle != nullptr);
  multi_->timer = std::make_unique<Timer>(loop, [this] { act(CURL_SOCKET_TIMEOUT, 0); });
  using SocketCallback = int (*)(CURL*, curl_socket_t, int, void*, void*);
  const SocketCallback on_socket = [](CURL*, curl_socket_t fd, int what, void* raw, void*) {
    auto* self = static_cast<Transport*>(raw);
    auto& watches = self->multi_->watches;
    if (what == CURL_POLL_REMOVE) {
      watches.erase(fd);
      return 0;
    }
    auto& watch = watches[fd];
    if (!watch) {
      watch = std::make_unique<Watch>(self->loop_, fd, [self, fd](bool readable, bool writable) {
        self->act(fd, (readable ? CURL_CSELECT_IN : 0) | (writable ? CURL_CSELECT_OUT : 0));
      });
    }
    watch->set((what & CURL_POLL_IN) != 0, (what & CURL_POLL_OUT) != 0);
    return 0;
  };
  using TimerCallback = int (*)(CURLM*, long, void*);
  const TimerCallback on_timer = [](CURLM*, long milliseconds, void* raw) {
    auto* self = static_cast<Transport*>(raw);
    if (milliseconds < 0) self->multi_->timer->stop();
    else self->multi_->timer->start(Milliseconds(milliseconds));
    return 0;
  };
  curl_multi_setopt(multi_->handle, CURLMOPT_SOCKETFUNCTION, on_socket);
  curl_multi_setopt(multi_->handle, CURLMOPT_SOCKETDATA, static_cast<void*>(this));
  curl_multi_setopt(multi_->handle, CURLMOPT_TIMERFUNCTION, on_timer);
  curl_multi_setopt(multi_->handle, CURLMOPT_TIMERDATA, static_cast<void*>(this));
  curl_multi_setopt(multi_->handle, CURLMOPT_MAXCONNECTS, kIdleConnections);
}

Transport::~Transport() { MUST(transfers_.empty()); }

std::unique_ptr<Transfer> Transport::start(TransferRequest request) {
  auto transfer = std::unique_ptr<Transfer>(new Transfer(*this, std::move(request)));
  transfers_.insert(transfer.get());
  if (shut_down_) {
    transfer->error_ = Error{Failure::cancelled, Side::local, false, "shutting down"};
    return transfer;
  }
  transfer->watch_silence();
  transfer->handle_->added = curl_multi_add_handle(multi_->handle, transfer->handle_->easy) == CURLM_OK;
  MUST(transfer->handle_->added);
  return transfer;
}

void Transport::shut_down() {
  shut_down_ = true;
  for (auto* transfer : transfers_) transfer->fail(Error{Failure::cancelled, Side::local, false, "shutting down"});
  resume_woken();
}

void Transport::act(int fd, int events) {
  int running = 0;
  curl_multi_socket_action(multi_->handle, fd, events, &running);
  int left = 0;
  while (const CURLMsg* message = curl_multi_info_read(multi_->handle, &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    char* raw = nullptr;
    curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &raw);
    auto* transfer = reinterpret_cast<Transfer*>(raw);
    const auto code = message->data.result;
    curl_multi_remove_handle(multi_->handle, message->easy_handle);
    transfer->handle_->added = false;
    transfer->on_done(code);
  }
  resume_woken();
}

// Only noted here: libcurl is on the stack, and what the Task does next may call it again.
void Transport::wake(Transfer& transfer) { woken_.push_back(&transfer); }

void Transport::resume_woken() {
  while (!woken_.empty()) {
    auto* transfer = woken_.back();
    woken_.pop_back();
    // The Task may destroy this transfer and others; each takes itself off the list.
    if (auto handle = std::exchange(transfer->waiting_, {})) handle.resume();
  }
}

}  // namespace weir
