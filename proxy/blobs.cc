#include "proxy/blobs.h"

#include <algorithm>

#include "oci/media_type.h"
#include "proxy/answer.h"
#include "proxy/elsewhere.h"
#include "proxy/pass_through.h"
#include "proxy/rotten_blob.h"

namespace weir {
namespace {

// A fill has deadlines of its own; this one only keeps a reader from outliving a bug.
constexpr auto kGrowthPatience = Seconds(300);
// How often a reader that waits for bytes looks whether its client is still there.
constexpr auto kLookRound = Seconds(1);
// A range that begins further than this beyond what has grown is fetched aside: a slow link needs seconds to come so far.
constexpr std::uint64_t kNear = 32 << 20;
// What an answer that comes past the disk holds at most for a slow client: what the transfer has received ahead, the piece on
// its way out, and for the whole of a blob what waits for its digest.
constexpr std::uint64_t kRelayed = 3 * Transfer::kMostBuffered;
// As long as a request waits for its place at an upstream.
constexpr auto kMemoryPatience = Seconds(20);

ResponseHead blob_head(const Call& call, int status) {
  const auto digest = call.route.reference->digest()->text();
  auto head = api_head(status, &*call.target);
  head.add("Content-Type", media_type::kOctetStream).add("Docker-Content-Digest", digest).add("ETag", entity_tag(digest));
  head.add("Accept-Ranges", "bytes").add("X-Cache", outcome_name(call.outcome));
  if (!call.warning.empty()) head.add("Warning", "299 - \"" + call.warning + '"');
  return head;
}

}  // namespace

Task<void> Blobs::serve(Call& call) {
  const Digest digest = *call.route.reference->digest();
  if (call.request().is_head()) {
    co_await describe(call);
    co_return;
  }
  const Instant start = call.parts.loop.now();
  const auto other = elsewhere(call);
  auto source = co_await pull_.find(call.parts, *call.target, digest, other);
  call.waited_since(start, source && source->outcome == Outcome::hit);
  if (!source) {
    co_await fail(call, source.error());
    co_return;
  }
  call.decide(source->outcome);
  call.warning = source->warning;
  if (none_match(call.request(), digest.text())) {
    auto sent = co_await call.exchange.respond_empty(blob_head(call, 304));
    (void)sent;  // the exchange knows how far it came
    co_return;
  }
  if (std::holds_alternative<BlobPull::Unkept>(source->from)) {
    co_await pass_through(call);
    co_return;
  }
  const auto* stored = std::get_if<OpenBlob>(&source->from);
  const auto size = stored ? std::optional(stored->size) : std::get<std::shared_ptr<Fill>>(source->from)->progress().size;
  // Without a size there is nothing to measure a range against; the whole is always a right answer.
  const auto asked = size ? resolve_range(range_header(call.request(), digest.text()), *size) : RangeAnswer{};
  switch (asked.kind) {
    case RangeAnswer::Kind::whole: co_await deliver_whole(call, *source, size); break;
    case RangeAnswer::Kind::partial:
      if (asked.ranges.size() == 1) co_await deliver_range(call, *source, asked.ranges[0], *size);
      else co_await deliver_ranges(call, *source, asked.ranges, *size);
      break;
    case RangeAnswer::Kind::unsatisfiable: co_await unsatisfiable(call, *size);
  }
}

Task<void> Blobs::unsatisfiable(Call& call, std::uint64_t size) {
  auto head = api_head(416, &*call.target);
  head.add("Content-Range", "bytes */" + std::to_string(size)).add("Content-Type", "application/json");
  auto sent = co_await call.exchange.respond(std::move(head), error_body(ErrorCode::RANGE_INVALID,
                                                                         "the blob has " + std::to_string(size) + " bytes"));
  (void)sent;
}

BlobPull::Elsewhere Blobs::elsewhere(const Call& call) const {
  return [this, &call] { return pullable_elsewhere(site_, call, *call.route.reference->digest()); };
}

Task<void> Blobs::describe(Call& call) {
  const Instant start = call.parts.loop.now();
  const auto other = elsewhere(call);
  auto known = co_await pull_.describe(call.parts, *call.target, *call.route.reference->digest(), other);
  call.waited_since(start, known && known->outcome == Outcome::hit);
  if (!known) {
    co_await fail(call, known.error());
    co_return;
  }
  call.decide(known->outcome);
  auto begun = co_await call.exchange.begin(blob_head(call, 200), known->size);
  if (begun) begun = co_await call.exchange.end();
  (void)begun;
}

Task<void> Blobs::fail(Call& call, Error error) {
  call.decide(error_outcome(error));
  call.error = error.what;
  const auto answer = error_answer(error, Subject::blob);
  auto sent = co_await respond_error(call.exchange, answer.code, answer.status, error.what, &*call.target);
  (void)sent;
}

// ---- where the disk takes no bytes ---------------------------------------------------------------

Task<void> Blobs::pass_through(Call& call) {
  const auto digest = *call.route.reference->digest();
  if (range_header(call.request(), digest.text())) {
    const bool answered = co_await pass_range(call);
    if (answered) co_return;
  }
  auto room = co_await memory_.take(call.parts.loop, kRelayed, kMemoryPatience);
  if (!room) {
    co_await fail(call, room.error());
    co_return;
  }
  PassThrough sink(call.exchange, store_.pool(), digest);
  sink.answer_with(blob_head(call, 200));
  auto status = co_await pull_.pass(call.parts, *call.target, sink);
  if (status) status = co_await sink.finish(call.parts.loop);
  if (status) status = co_await call.exchange.end();
  if (status) {
    co_await pull_.note_proven(call.parts, *call.target, digest);
    co_return;
  }
  if (call.exchange.begun()) call.error = status.error().what;
  else co_await fail(call, status.error());
}

// False: the whole is to be sent, which is always a right answer.
Task<bool> Blobs::pass_range(Call& call) {
  const auto digest = *call.route.reference->digest();
  const auto other = elsewhere(call);
  auto known = co_await pull_.describe(call.parts, *call.target, digest, other);
  if (!known || !known->size) co_return false;
  const auto size = *known->size;
  const auto asked = resolve_range(range_header(call.request(), digest.text()), size);
  if (asked.kind == RangeAnswer::Kind::unsatisfiable) {
    co_await unsatisfiable(call, size);
    co_return true;
  }
  if (asked.kind == RangeAnswer::Kind::whole || asked.ranges.size() > 1) co_return false;
  const auto range = asked.ranges[0];
  if (range.length() == size) co_return false;  // nobody gets all of it unverified
  auto room = memory_.share();
  if (!room.grow_to(kRelayed)) co_return false;  // which waits for some
  auto aside = co_await pull_.open_aside(call.parts, *call.target, digest, range, size);
  if (!aside) co_return false;
  auto head = blob_head(call, 206);
  head.add("Content-Range", content_range(range, size));
  auto begun = co_await call.exchange.begin(std::move(head), range.length());
  if (!begun) co_return true;
  const auto from = co_await relay(call, *aside, range, nullptr);
  if (!from) co_return true;
  if (*from <= range.last) call.error = "the upstream broke off";
  auto ended = co_await call.exchange.end();
  (void)ended;
  co_return true;
}

// A fill lost its disk in the middle of an answer: the bytes [from, until) come past it. As with the fill, what was asked for as
// a `whole` is verified; when it is several ranges, which nothing but a file can put together, it ends here.
Task<bool> Blobs::go_on_without(Call& call, const Fill& fill, std::uint64_t from, std::optional<std::uint64_t> until, bool whole,
                                bool from_the_start) {
  const auto digest = *call.route.reference->digest();
  const auto announced = fill.progress().size;
  call.decide(Outcome::bypass);
  auto status = ok_status();
  auto room = co_await memory_.take(call.parts.loop, kRelayed, kMemoryPatience);
  if (!room) status = room.error();
  else if (whole && from_the_start && (!until || until == announced)) {
    PassThrough sink(call.exchange, store_.pool(), digest);
    status = co_await sink.go_on(call.parts.loop, store_.disk(), fill.file(), from, announced);
    if (status) status = co_await pull_.pass(call.parts, *call.target, sink);
    if (status) status = co_await sink.finish(call.parts.loop);
  } else if (!whole && announced && until) {
    const ByteRange rest{from, *until - 1};
    auto aside = co_await pull_.open_aside(call.parts, *call.target, digest, rest, *announced);
    if (!aside) status = aside.error();
    else if (const auto end = co_await relay(call, *aside, rest, nullptr); !end || *end <= rest.last)
      status = Error{Failure::unreachable, Side::upstream, true, "the upstream broke off"};
  } else {
    status = *fill.progress().error;
  }
  if (!status) call.error = status.error().what;
  co_return status.ok();
}

// ---- what is there, or grows -------------------------------------------------------------------

Task<void> Blobs::deliver_whole(Call& call, BlobPull::Source& source, std::optional<std::uint64_t> size) {
  auto begun = co_await call.exchange.begin(blob_head(call, 200), size);
  if (!begun) co_return;
  const bool sent = co_await send(call, source, 0, size, true);
  if (!sent) co_return;
  auto ended = co_await call.exchange.end();
  (void)ended;
}

Task<void> Blobs::deliver_range(Call& call, BlobPull::Source& source, ByteRange range, std::uint64_t size) {
  auto room = memory_.share();
  auto aside = co_await open_aside(call, source, range, size, room);
  if (aside) call.decide(Outcome::bypass);
  auto head = blob_head(call, 206);
  head.add("Content-Range", content_range(range, size));
  auto begun = co_await call.exchange.begin(std::move(head), range.length());
  if (!begun) co_return;
  std::uint64_t from = range.first;
  if (aside) {
    const auto relayed = co_await relay(call, *aside, range, std::get<std::shared_ptr<Fill>>(source.from).get());
    if (!relayed) co_return;
    from = *relayed;
    aside.reset();  // gives its place at the upstream back
    room.shrink_to(0);
    if (from <= range.last) call.decide(source.outcome);  // it broke off, and the fill will come by, or has already
  }
  const bool sent = co_await send(call, source, from, range.last + 1, range.length() == size);
  if (!sent) co_return;
  auto ended = co_await call.exchange.end();
  (void)ended;
}

// Nothing: the bytes are there, or come soon, or the upstream will not give them twice, or there is no memory for them: then
// the range waits for the fill.
Task<std::optional<RegistryClient::Response>> Blobs::open_aside(Call& call, const BlobPull::Source& source, ByteRange range,
                                                                std::uint64_t size, MemoryBudget::Share& room) {
  const auto* fill = std::get_if<std::shared_ptr<Fill>>(&source.from);
  if (!fill || Fill::available((*fill)->progress(), false) + kNear >= range.first) co_return std::nullopt;
  if (!room.grow_to(kRelayed)) co_return std::nullopt;
  auto response = co_await pull_.open_aside(call.parts, *call.target, *call.route.reference->digest(), range, size);
  if (!response) {
    room.shrink_to(0);
    co_return std::nullopt;
  }
  co_return *std::move(response);
}

// Where the range goes on: beyond its last byte when all of it went out. Nothing: the client left or stopped reading, and how
// much of the last piece it has nobody knows. Ends early when `fill` has come by: the place at the upstream is another's then.
Task<std::optional<std::uint64_t>> Blobs::relay(Call& call, RegistryClient::Response& aside, ByteRange range, const Fill* fill) {
  std::uint64_t from = range.first;
  while (from <= range.last) {
    if (fill && Fill::available(fill->progress(), false) > from) break;
    auto piece = co_await aside.read();
    if (!piece || piece->empty()) break;
    piece->resize(std::min<std::uint64_t>(piece->size(), range.last + 1 - from));
    const auto size = piece->size();
    call.parts.counters.cell(Metric::unverified_bytes).add(size);
    auto sent = co_await call.exchange.send(*std::move(piece));
    if (!sent) {
      call.error = sent.error().what;
      co_return std::nullopt;
    }
    from += size;
  }
  co_return from;
}

// multipart/byteranges (RFC 9110 14.6), its parts in the order asked.
Task<void> Blobs::deliver_ranges(Call& call, BlobPull::Source& source, std::vector<ByteRange> ranges, std::uint64_t size) {
  const std::string boundary = "weir-" + call.route.reference->digest()->hex().substr(0, 32);
  std::vector<std::string> part_heads;
  const std::string closing = "\r\n--" + boundary + "--\r\n";
  std::uint64_t length = closing.size();
  for (const auto& range : ranges) {
    part_heads.push_back("\r\n--" + boundary + "\r\nContent-Type: application/octet-stream\r\nContent-Range: " +
                         content_range(range, size) + "\r\n\r\n");
    length += part_heads.back().size() + range.length();
  }
  auto head = api_head(206, &*call.target);
  const auto digest = call.route.reference->digest()->text();
  head.add("Content-Type", "multipart/byteranges; boundary=" + boundary).add("Docker-Content-Digest", digest);
  head.add("ETag", entity_tag(digest)).add("Accept-Ranges", "bytes").add("X-Cache", outcome_name(call.outcome));
  auto begun = co_await call.exchange.begin(std::move(head), length);
  if (!begun) co_return;
  for (std::size_t i = 0; i < ranges.size(); ++i) {
    auto headed = co_await call.exchange.send(part_heads[i]);
    if (!headed) co_return;
    // Several ranges could be all of the blob in pieces: the last piece is held back as from a whole response.
    const bool sent = co_await send(call, source, ranges[i].first, ranges[i].last + 1, true);
    if (!sent) co_return;
  }
  auto closed = co_await call.exchange.send(closing);
  if (!closed) co_return;
  auto ended = co_await call.exchange.end();
  (void)ended;
}

// The file became shorter under our hands, or cannot be read: the bytes [from, until) come from a fill, within the same request.
Task<bool> Blobs::heal(Call& call, BlobPull::Source& source, const Error& error, std::uint64_t from,
                       std::optional<std::uint64_t> until, bool whole) {
  const auto digest = *call.route.reference->digest();
  call.error = error.what;
  if (std::exchange(call.healed, true)) co_return false;
  if (const auto* stored = std::get_if<OpenBlob>(&source.from)) {
    const auto record = stored->record;
    co_await take_out_of_service(site_, call.parts, digest, record, call.error);
  }
  const auto other = elsewhere(call);
  auto found = co_await pull_.find(call.parts, *call.target, digest, other);
  if (!found || std::holds_alternative<BlobPull::Unkept>(found->from)) co_return false;
  source = *std::move(found);  // also for the ranges that follow
  call.decide(source.outcome);
  call.error.clear();
  const bool sent = co_await send(call, source, from, until, whole);
  co_return sent;
}

// The bytes [from, until), as far as they are there and as they come. False: the answer stays incomplete, and the
// connection ends with it.
Task<bool> Blobs::send(Call& call, BlobPull::Source& source, std::uint64_t from, std::optional<std::uint64_t> until, bool whole) {
  if (const auto* stored = std::get_if<OpenBlob>(&source.from)) {
    const auto before = call.exchange.body_bytes();
    auto sent = co_await call.exchange.send_file(stored->file->get(), from, until.value_or(stored->size) - from);
    if (sent) co_return true;
    if (sent.error().side == Side::local) {
      const bool healed = co_await heal(call, source, sent.error(), from + call.exchange.body_bytes() - before, until, whole);
      co_return healed;
    }
    call.error = sent.error().what;
    co_return false;
  }
  const auto fill = std::get<std::shared_ptr<Fill>>(source.from);
  const auto file = fill->file();
  const bool from_the_start = from == 0;
  Instant last_growth = call.parts.loop.now();
  while (!until || from < *until) {
    const auto progress = co_await fill->wait_beyond(call.parts.loop, from, whole, kLookRound);
    const auto available = Fill::available(progress, whole);
    if (progress.state == Fill::State::verified && !until) until = progress.written;
    const auto end = std::min(available, until.value_or(available));
    if (end <= from) {
      if (progress.state == Fill::State::verified) break;
      const bool waiting = progress.state == Fill::State::growing && call.parts.loop.now() - last_growth < kGrowthPatience;
      if (waiting && !call.exchange.peer_gone()) continue;
      // Nothing of what is wrong went out yet.
      if (progress.state == Fill::State::failed && fill->stored() && from_the_start && from == 0) {
        const bool healed = co_await heal(call, source, *progress.error, from, until, whole);
        co_return healed;
      }
      if (progress.state == Fill::State::failed && !fill->stored() && DiskHealth::passes(*progress.error)) {
        const bool sent = co_await go_on_without(call, *fill, from, until, whole, from_the_start);
        co_return sent;
      }
      call.error = progress.error ? progress.error->what : "the blob stopped growing";
      co_return false;
    }
    if (!whole && progress.state != Fill::State::verified) call.parts.counters.cell(Metric::unverified_bytes).add(end - from);
    auto sent = co_await call.exchange.send_file(file->get(), from, end - from);
    if (!sent) {
      call.error = sent.error().what;
      co_return false;
    }
    from = end;
    last_growth = call.parts.loop.now();
  }
  co_return true;
}

}  // namespace weir
