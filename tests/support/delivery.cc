#include "tests/support/delivery.h"

#include <algorithm>
#include <utility>

namespace weir::testing {

namespace {

constexpr std::uint64_t kPortion = 256 * 1024;
constexpr std::uint64_t kSlowPiece = 16 * 1024;

// How soon a pause notices that the client has left.
constexpr Milliseconds kShortWait{10};

bool has_body(const Request& request, int status) {
  return request.method != "HEAD" && status != 204 && status != 304 && status / 100 != 1;
}

// `count` bytes of the body of `reply` as the script has them.
std::string piece_of(const Reply& reply, const Action& action, std::uint64_t position, std::uint64_t count) {
  auto size = static_cast<std::size_t>(count);
  if (position >= reply.length) return std::string(size, 'x');
  auto first = reply.offset + position;
  auto piece = reply.content.slice(first, size);
  if (action.corrupt_at && *action.corrupt_at >= first && *action.corrupt_at < first + count) {
    auto& byte = piece[static_cast<std::size_t>(*action.corrupt_at - first)];
    byte = static_cast<char>(~byte);
  }
  return piece;
}

std::string in_hex(std::size_t number) {
  std::string text;
  for (; number > 0; number /= 16) text.insert(text.begin(), "0123456789abcdef"[number % 16]);
  return text;
}

}  // namespace

Delivery::Delivery(Stream& stream, std::vector<std::shared_ptr<Gate>> gates, std::shared_ptr<Gate> stall,
                   std::function<void(std::uint64_t)> wrote)
    : stream_(stream), gates_(std::move(gates)), stall_(std::move(stall)), wrote_(std::move(wrote)) {}

Delivery::Result Delivery::send(const Request& request, const Reply& reply, const Action& action) {
  if (!pause(action.delay) || !wait_at(kBeforeHead, action)) return end(Ending::close);
  if (!action.raw.empty()) {
    (void)stream_.write_all(action.raw, kNever);
    return end(Ending::close);
  }
  auto head = head_text(request, reply, action);
  if (action.cut_head_after) {
    (void)stream_.write_all(std::string_view(head).substr(0, static_cast<std::size_t>(*action.cut_head_after)), kNever);
    return end(action.ending);
  }
  if (stream_.write_all(head, kNever) != Io::done) return end(Ending::close);
  if (has_body(request, reply.status) && !send_body(reply, action)) return end(action.ending);
  if (!last_) return Result::whole;
  stream_.shut_down_writing();
  stream_.close();
  return Result::last;
}

std::string Delivery::head_text(const Request& request, const Reply& reply, const Action& action) {
  auto headers = reply.headers;
  auto size = std::to_string(reply.length + action.extra_bytes);
  bool absent = std::ranges::any_of(action.without_headers,
                                    [](const auto& name) { return equal_ignoring_case(name, "Content-Length"); });
  switch (action.framing) {
    case Framing::content_length:
      if (!headers.has("Content-Length") && !absent) headers.add("Content-Length", size);
      break;
    case Framing::chunked: headers.set("Transfer-Encoding", "chunked"); break;
    case Framing::until_close: break;
  }
  bool framed = action.framing == Framing::chunked || headers.value("Content-Length") == size;
  last_ = equal_ignoring_case(request.headers.value("Connection"), "close") || request.version != "HTTP/1.1" ||
          (!framed && has_body(request, reply.status));
  if (last_ && !headers.has("Connection")) headers.add("Connection", "close");
  return "HTTP/1.1 " + std::to_string(reply.status) + " " + std::string(reason_phrase(reply.status)) + "\r\n" + headers.text() +
         "\r\n";
}

// False when it was cut short.
bool Delivery::send_body(const Reply& reply, const Action& action) {
  auto size = reply.length + action.extra_bytes;
  auto started = Clock::now();
  for (std::uint64_t position = 0;;) {
    if (action.end_after && position >= *action.end_after) return false;
    if (position == size) break;
    if (!wait_at(static_cast<std::int64_t>(position), action) || !hold_pace(position, started, action)) return false;
    // A piece does not cross the end of the content, behind which the extra bytes begin.
    auto end = position < reply.length ? reply.length : size;
    auto count = std::min(end - position, room(position, action));
    if (count == 0) continue;  // the gate was moved back
    if (!send_piece(piece_of(reply, action, position, count), action.framing)) return false;
    position += count;
  }
  return action.framing != Framing::chunked || stream_.write_all("0\r\n\r\n", kNever) == Io::done;
}

bool Delivery::send_piece(std::string_view piece, Framing framing) {
  if (framing == Framing::chunked) {
    auto text = in_hex(piece.size()) + "\r\n" + std::string(piece) + "\r\n";
    if (stream_.write_all(text, kNever) != Io::done) return false;
  } else if (stream_.write_all(piece, kNever) != Io::done) {
    return false;
  }
  wrote_(piece.size());
  return true;
}

// Waits at each gate that stands here, and for the end of a stall. False when the client went first.
bool Delivery::wait_at(std::int64_t position, const Action& action) {
  auto gone = [this] { return stream_.peer_gone(); };
  for (const auto& gate : gates_) {
    if (!gate->pass(position, gone)) return false;
  }
  bool stalls = action.stall_after && position >= 0 && *action.stall_after == static_cast<std::uint64_t>(position);
  return !stalls || stall_->pass(position, gone);
}

// How many bytes may go before something scripted happens.
std::uint64_t Delivery::room(std::uint64_t position, const Action& action) const {
  auto count = kPortion;
  if (action.bytes_per_second > 0) count = std::clamp<std::uint64_t>(action.bytes_per_second / 50, 1, kSlowPiece);
  if (action.chunk_delay > Milliseconds(0)) count = std::min(count, kSlowPiece);
  if (action.end_after) count = std::min(count, *action.end_after - position);
  if (action.stall_after && *action.stall_after > position) count = std::min(count, *action.stall_after - position);
  for (const auto& gate : gates_) count = std::min(count, gate->room(static_cast<std::int64_t>(position)));
  return count;
}

// Sleeps as the script says before byte `position` goes. False when the client went first.
bool Delivery::hold_pace(std::uint64_t position, Deadline started, const Action& action) const {
  if (!pause(action.chunk_delay)) return false;
  if (action.bytes_per_second == 0) return true;
  auto due = started + Milliseconds(position * 1000 / action.bytes_per_second);
  return pause(std::chrono::ceil<Milliseconds>(due - Clock::now()));
}

bool Delivery::pause(Milliseconds duration) const {
  auto deadline = within(duration);
  while (Clock::now() < deadline) {
    if (stream_.peer_gone()) return false;
    std::this_thread::sleep_until(std::min(deadline, within(kShortWait)));
  }
  return true;
}

Delivery::Result Delivery::end(Ending ending) {
  if (ending == Ending::reset) {
    stream_.reset();
  } else {
    stream_.close();
  }
  return Result::cut_short;
}

}  // namespace weir::testing
