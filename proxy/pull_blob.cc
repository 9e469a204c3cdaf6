#include "proxy/pull_blob.h"

#include <bitset>
#include <utility>

#include "base/hash.h"
#include "base/text.h"
#include "proxy/rotten_blob.h"

namespace weir {
namespace {

// A download gives up when so many requests in a row failed, for so long, with no byte in between: whoever waits for its rest
// has part of it already and is better served late, so it outlasts an upstream that restarts.
constexpr int kMostFailures = 4;
constexpr auto kResumePatience = Seconds(10);
constexpr std::size_t kMostProbeBytes = 1024;
// A proof of possession: a blob of up to so many bytes is compared whole, of a larger one some bytes at a random place.
constexpr std::uint64_t kComparedWhole = 64 << 10;
constexpr std::size_t kComparedBytes = 256;
constexpr std::size_t kTellingValues = 16;  // different values among these bytes; fewer could be guessed
constexpr int kMostOffsets = 16;
constexpr auto kProofPatience = Seconds(5);  // for another repository's fill to have enough bytes to compare
constexpr auto kProbePatience = Milliseconds(500);
constexpr auto kFirstPause = Milliseconds(200);
constexpr auto kLongestPause = Milliseconds(2000);
constexpr std::uint64_t kHardlyAny = 16 << 10;  // bytes of one answer, after which the next is not asked for at once
// Before the first answer nobody has a byte yet: a node would rather hear of the failure soon and go elsewhere.
constexpr int kMostOpeningFailures = 2;
constexpr auto kOpeningPatience = Seconds(1);
// A fill ends by its own deadlines; this one only keeps a request from outliving a bug.
constexpr auto kHeadPatience = Seconds(120);
// Stored blobs hashed at once; with verify-age = 0 as many as are asked for.
constexpr unsigned kMostRechecks = 2;

Error unknown_blob(const Digest& digest) {
  return Error{Failure::not_found, Side::client, false, "the upstream has no blob " + digest.text()};
}

RegistryClient::Request blob_request(const Router::Target& target, const Digest& digest) {
  RegistryClient::Request request;
  request.repository = target.repository.path();
  request.path = "blobs/" + digest.text();
  request.identity = target.identity;
  return request;
}

bool is_empty(const Digest& digest) { return digest == Digest::of(digest.algorithm(), ""); }

// Digest-addressed bytes that come encoded are other bytes.
bool is_encoded(const RegistryClient::Response& response) {
  const auto encoding = response.head.header("Content-Encoding").value_or("");
  return !encoding.empty() && !equal_ignoring_case(encoding, "identity");
}

bool is_telling(std::string_view bytes) {
  std::bitset<256> seen;
  for (const char c : bytes) seen.set(static_cast<unsigned char>(c));
  return seen.count() >= kTellingValues;
}

// From 0 to `most`; nobody can tell before.
std::uint64_t random_number(std::uint64_t most) {
  std::uint64_t number = 0;
  for (const char byte : random_bytes(sizeof number)) number = number << 8 | static_cast<unsigned char>(byte);
  return number % (most + 1);
}

// How an answer to `bytes=offset-` goes on from there.
struct Continuation {
  std::uint64_t skip = 0;              // of its body: bytes that are held already
  std::optional<std::uint64_t> total;  // of the blob
};

Result<Continuation> read_answer(const RegistryClient::Response& response, std::uint64_t offset,
                                 std::optional<std::uint64_t> expected) {
  const auto wrong = [](std::string what) {
    return Error{Failure::corrupt, Side::upstream, false, "the upstream " + std::move(what)};
  };
  if (is_encoded(response))
    return wrong("sent a blob with Content-Encoding " + std::string(*response.head.header("Content-Encoding")));
  Continuation answer;
  if (response.head.status == 206) {
    const auto range = parse_content_range(response.head.header("Content-Range").value_or(""));
    if (!range || range->range.first != offset) return wrong("sent another range than was asked");
    answer.total = range->size;
  } else {
    answer.skip = offset;  // it sends everything again
    answer.total = response.content_length();
  }
  if (expected && answer.total && *expected != *answer.total) {
    return wrong("says the blob has " + std::to_string(*answer.total) + " bytes where " + std::to_string(*expected) +
                 " are expected");
  }
  return answer;
}

}  // namespace

Task<Result<BlobPull::Source>> BlobPull::find(LoopParts& parts, const Router::Target& target, Digest digest,
                                              const Elsewhere& elsewhere) {
  const Name& repository = target.repository;
  // A caller that may pull the digest elsewhere proves nothing for others, and the index may have had no room for a proof.
  bool permitted = false, compared = false, asked_elsewhere = false;
  // Each turn settles one fact; the last ones are needed only when a fill ended between two looks.
  for (int turn = 0; turn < 5; ++turn) {
    auto holding = site_.store.index().holding(repository, digest);
    const bool proven = permitted || compared || (holding.link && holding.link->proven);
    if (proven && holding.blob) {
      auto blob = site_.store.open_blob(digest, *holding.blob);
      if (blob) {
        site_.store.index().touch(digest);
        // What was never hashed, as after a rebuild, cannot wait.
        const bool may_wait = holding.blob->verified_at != 0 && site_.store.options().verify_age > Milliseconds(0);
        const bool later = may_wait && rechecks_.load() >= kMostRechecks;
        if (later || !site_.store.due(*holding.blob)) co_return Source{*std::move(blob), Outcome::hit};
        auto entry = site_.fills.recheck(digest, repository, *blob);
        if (entry.started) {
          site_.background.fetch_add(1);
          rechecks_.fetch_add(1);
          spawn(run_recheck(parts, entry.fill, *holding.blob));
        } else if (!entry.fill->opened()) {
          continue;  // the blob was forgotten in between, and is on its way again
        }
        co_return Source{std::move(entry.fill), Outcome::hit};
      }
      if (blob.error().failure == Failure::overloaded) co_return std::move(blob).error();  // nothing is wrong with the blob
      const auto now = site_.store.index().blob(digest);
      if (!now || now->generation != holding.blob->generation) continue;  // it was evicted, and is fetched like any other
      site_.log.error("stored blob cannot be served, fetching it anew", {{"digest", digest.text()}, {"error", blob.error().what}});
      // The store has asked for the record's removal; once what was asked before is done, the digest can be filled again.
      auto removed = co_await site_.store.index().commit(parts.loop, [](IndexWriter&) { return ok_status(); });
      if (!removed) co_return std::move(removed).error();
      if (const auto left = site_.store.index().blob(digest); left && left->generation == holding.blob->generation) {
        auto past = past_the_disk(parts, target);
        co_return past;
      }
      holding.blob.reset();
    }
    if (!holding.link && !proven && site_.unknown.contains(repository, digest.text())) co_return unknown_blob(digest);

    auto running = site_.fills.find(digest);
    if (running && running->stored()) running = nullptr;  // it brings no bytes
    const bool of_others = holding.blob || (running && running->repository() != repository);
    if (!proven && of_others && holding.link && !std::exchange(asked_elsewhere, true)) {
      permitted = elsewhere();
      if (permitted) continue;
    }
    if (!target.offline.empty()) co_return not_held_offline(target);
    if (!proven && of_others) {
      auto proof = co_await prove(parts, target, digest);
      if (!proof) co_return std::move(proof).error();
      if (*proof == Proof::different) {
        auto own = past_the_disk(parts, target);
        co_return own;
      }
      compared = true;
      continue;
    }
    Budgets::Verdict verdict;
    if (!running) {
      verdict = site_.ask_budgets(parts, target);
      if (!verdict.refusal.empty()) co_return Site::over_budget(verdict);
      const bool fits = !holding.link || !holding.link->size || site_.store.budget().could_hold(room_of(*holding.link->size));
      if (!fits || !site_.store.health().may_write()) co_return Source{Unkept{}, Outcome::bypass, verdict.warning};
    }
    auto entry = site_.fills.start_or_join(digest, repository);
    if (!entry.fill) continue;  // it is whole by now
    if (!proven && entry.fill->repository() != repository) continue;  // somebody else's came in between
    if (entry.started) {
      site_.background.fetch_add(1);
      spawn(run_fill(parts, target, entry.fill, holding.link));
    }
    const auto progress = co_await entry.fill->wait_head(parts.loop, kHeadPatience);
    if (progress.state == Fill::State::failed) {
      // What the upstream says of another repository is not said of this one.
      if (entry.fill->repository() != repository) {
        compared = false;  // with bytes that nobody can vouch for
        continue;
      }
      if (DiskHealth::passes(*progress.error)) co_return Source{Unkept{}, Outcome::bypass};
      co_return *progress.error;
    }
    if (progress.state == Fill::State::opening) {
      co_return Error{Failure::timeout, Side::upstream, true, "the upstream did not answer in time"};
    }
    co_return Source{entry.fill, entry.started ? Outcome::miss : Outcome::joined, entry.started ? verdict.warning : ""};
  }
  co_return Error{Failure::overloaded, Side::local, true, "the blob changed its state too often"};
}

// The stored bytes cannot be opened, or are not known to be this repository's: its caller gets the blob from its own upstream.
Result<BlobPull::Source> BlobPull::past_the_disk(LoopParts& parts, const Router::Target& target) {
  if (!target.offline.empty()) return not_held_offline(target);
  auto verdict = site_.ask_budgets(parts, target);
  if (!verdict.refusal.empty()) return Site::over_budget(verdict);
  return Source{Unkept{}, Outcome::bypass, verdict.warning};
}

Task<Result<RegistryClient::Response>> BlobPull::open_aside(LoopParts& parts, const Router::Target& target, Digest digest,
                                                            ByteRange range, std::uint64_t size) {
  if (const auto verdict = site_.ask_budgets(parts, target); !verdict.refusal.empty()) co_return Site::over_budget(verdict);
  auto request = blob_request(target, digest);
  request.range_first = range.first;
  request.range_last = range.last;
  request.large = request.now_or_never = true;
  auto response = co_await target.upstream->request(parts.upstream(), std::move(request));
  if (!response) co_return std::move(response).error();
  const auto answer = read_answer(*response, range.first, size);
  if (!answer) co_return answer.error();
  // All of the blob, when a part was asked for, is what the fill is fetching already.
  if (response->head.status != 206) co_return Error{Failure::unsupported, Side::upstream, false, "the upstream knows no ranges"};
  co_return response;
}

Task<Result<BlobPull::Description>> BlobPull::describe(LoopParts& parts, const Router::Target& target, Digest digest,
                                                       const Elsewhere& elsewhere) {
  // The fill is looked for first: when it is not there, the index knows what came of it.
  const auto running = site_.fills.find(digest);
  const auto holding = site_.store.index().holding(target.repository, digest);
  const bool proven = holding.link && holding.link->proven;
  if (proven && holding.blob) co_return Description{holding.blob->size, Outcome::hit};
  const bool own = running && running->repository() == target.repository;
  if (const auto grown = running ? running->progress().size : std::nullopt; (proven || own) && grown) {
    co_return Description{grown, Outcome::hit};  // what the bytes are counts more than what a manifest said of them
  }
  // What a manifest of the repository says of its blob is the same whatever others have.
  const bool stated = holding.link && holding.link->size;
  if (stated && target.offline.empty()) co_return Description{holding.link->size, Outcome::hit};
  if (!holding.link && site_.unknown.contains(target.repository, digest.text())) co_return unknown_blob(digest);
  if (holding.link && holding.blob) {
    if (elsewhere()) co_return Description{holding.blob->size, Outcome::hit};
  }
  if (!target.offline.empty()) co_return not_held_offline(target);
  if (own) {
    const auto progress = co_await running->wait_head(parts.loop, kHeadPatience);
    if (progress.size) co_return Description{progress.size, Outcome::joined};
  }
  auto answer = co_await sizes_.run(parts.loop, target.repository.text() + '\n' + digest.text(),
                                    [this, &parts, target, digest] { return ask_for_size(parts, target, digest); });
  if (!answer.value) co_return std::move(answer.value).error();
  co_return Description{*answer.value, Outcome::miss};
}

// GET, never HEAD: some registries refuse HEAD of blobs, and a URL presigned for GET does too. The answer proves nothing, and is
// not remembered.
Task<Result<std::optional<std::uint64_t>>> BlobPull::ask_for_size(LoopParts& parts, Router::Target target, Digest digest) {
  auto request = blob_request(target, digest);
  request.range_first = request.range_last = 0;
  auto response = co_await target.upstream->request(parts.upstream(), request);
  if (!response) {
    // Nothing has no first byte.
    if (response.error().status == 416 && is_empty(digest)) co_return std::optional<std::uint64_t>(0);
    remember_unknown(target.repository, digest, response.error());
    co_return std::move(response).error();
  }
  if (response->head.status != 206) co_return response->content_length();
  const auto range = parse_content_range(response->head.header("Content-Range").value_or(""));
  response->set_stall_timeout(kProbePatience);
  const auto rest = co_await response->read_all(kMostProbeBytes);  // one byte, so that the connection can be used again
  (void)rest;
  co_return range ? std::optional<std::uint64_t>(range->size) : std::nullopt;
}

// ---- may this repository serve these bytes? -----------------------------------------------------

Task<Result<BlobPull::Proof>> BlobPull::prove(LoopParts& parts, Router::Target target, Digest digest) {
  auto answer = co_await proofs_.run(parts.loop, target.repository.text() + '\n' + digest.text(),
                                     [this, &parts, target, digest] { return compare(parts, target, digest); });
  co_return std::move(answer.value);
}

Task<Result<BlobPull::Proof>> BlobPull::compare(LoopParts& parts, Router::Target target, Digest digest) {
  // Another flight may have ended since the caller looked.
  const auto known = site_.store.index().holding(target.repository, digest).link;
  if ((known && known->proven) || is_empty(digest)) co_return Proof::proven;
  auto here = co_await what_is_here(parts, digest);
  if (!here) co_return std::move(here).error();
  if (!here->file) co_return Proof::different;  // too little of it is there in time
  if (here->fill && here->fill->is_proven(target.repository)) co_return Proof::proven;
  auto proof = here->size && *here->size <= kComparedWhole ? co_await compare_whole(parts, target, digest, *here->size)
                                                           : co_await compare_part(parts, target, digest, *here);
  if (!proof || *proof == Proof::different) co_return proof;
  if (here->fill) {
    // Its digest has not matched yet: the link comes with the blob.
    here->fill->add_proven(target.repository);
    co_return proof;
  }
  auto committed = co_await site_.store.index().commit(parts.loop, [target, digest, size = *here->size](IndexWriter& writer) {
    return writer.link(target.repository, digest, Link{Link::Kind::blob, size, "", true});
  });
  if (!committed) site_.note_disk(committed.error());  // then the next one compares again
  co_return proof;
}

// The stored blob, or a fill of which enough is written. A file that is null: there is neither.
Task<Result<BlobPull::Compared>> BlobPull::what_is_here(LoopParts& parts, const Digest& digest) {
  auto fill = site_.fills.find(digest);
  if (fill && fill->stored()) fill = nullptr;
  if (fill) {
    const auto progress = co_await fill->wait_beyond(parts.loop, kComparedWhole, false, kProofPatience);
    if (progress.state == Fill::State::growing && progress.written > kComparedWhole)
      co_return Compared{fill->file(), progress.written, progress.size, fill};
    if (progress.state == Fill::State::growing || progress.state == Fill::State::opening) co_return Compared{};
    // Until its commit the fill itself has the bytes.
    if (progress.state == Fill::State::verified) co_return Compared{fill->file(), progress.written, progress.written, fill};
  }
  const auto record = site_.store.index().blob(digest);
  if (!record) co_return Compared{};
  auto blob = site_.store.open_blob(digest, *record);
  if (!blob) co_return Compared{};
  co_return Compared{blob->file, blob->size, blob->size, nullptr};
}

// The whole of a small blob, by its digest.
Task<Result<BlobPull::Proof>> BlobPull::compare_whole(LoopParts& parts, const Router::Target& target, const Digest& digest,
                                                      std::uint64_t size) {
  auto response = co_await target.upstream->request(parts.upstream(), blob_request(target, digest));
  if (!response) {
    remember_unknown(target.repository, digest, response.error());
    co_return std::move(response).error();
  }
  if (is_encoded(*response)) co_return Proof::different;
  const auto body = co_await response->read_all(size);
  if (!body && body.error().failure != Failure::too_large) co_return body.error();
  co_return body&& Digest::of(digest.algorithm(), *body) == digest ? Proof::proven : Proof::different;
}

// Some bytes at a place that the upstream cannot know before.
Task<Result<BlobPull::Proof>> BlobPull::compare_part(LoopParts& parts, const Router::Target& target, const Digest& digest,
                                                     const Compared& here) {
  std::uint64_t offset = 0;
  std::string expected;
  for (int attempt = 0; attempt < kMostOffsets; ++attempt) {
    offset = random_number(here.begun - kComparedBytes);
    auto read = co_await site_.store.pool().run(parts.loop, [this, &here, offset]() -> Result<std::string> {
      std::string bytes(kComparedBytes, '\0');
      const auto count = site_.store.disk().read_at(here.file->get(), std::as_writable_bytes(std::span(bytes)), offset);
      if (!count) return count.error();
      bytes.resize(*count);
      return bytes;
    });
    if (!read || read->size() != kComparedBytes) co_return Proof::different;
    if (is_telling(*read)) {
      expected = *std::move(read);
      break;
    }
  }
  if (expected.empty()) co_return Proof::different;  // bytes that could be guessed prove nothing
  auto request = blob_request(target, digest);
  request.range_first = offset;
  request.range_last = offset + kComparedBytes - 1;
  auto response = co_await target.upstream->request(parts.upstream(), request);
  if (!response) {
    if (response.error().status == 416) co_return Proof::different;
    remember_unknown(target.repository, digest, response.error());
    co_return std::move(response).error();
  }
  // All of the blob is no answer to this question: what it is worth shows when all of it was read.
  if (response->head.status != 206 || is_encoded(*response)) co_return Proof::different;
  const auto range = parse_content_range(response->head.header("Content-Range").value_or(""));
  if (!range || range->range.first != offset || range->range.last != offset + kComparedBytes - 1) co_return Proof::different;
  if (here.size && range->size != *here.size) co_return Proof::different;
  const auto body = co_await response->read_all(kComparedBytes);
  if (!body && body.error().failure != Failure::too_large) co_return body.error();
  co_return body && *body == expected ? Proof::proven : Proof::different;
}

Task<void> BlobPull::note_proven(LoopParts& parts, const Router::Target& target, Digest digest) {
  auto committed = co_await site_.store.index().commit(parts.loop, [target, digest](IndexWriter& writer) -> Status {
    const auto record = writer.blob(digest);
    return record ? writer.link(target.repository, digest, Link{Link::Kind::blob, record->size, "", true}) : ok_status();
  });
  if (!committed) site_.note_disk(committed.error());
}

void BlobPull::remember_unknown(const Name& repository, const Digest& digest, const Error& error) {
  if (error.failure == Failure::not_found && error.side != Side::local)
    site_.unknown.insert(repository, digest.text(), site_.settings()->freshness.negative_ttl);
}

// ---- the fill -----------------------------------------------------------------------------------

// Owned by nobody: it goes on when every client has left.
Task<void> BlobPull::run_fill(LoopParts& parts, Router::Target target, std::shared_ptr<Fill> fill, std::optional<Link> link) {
  auto status = co_await fill_up(parts, target, *fill, link ? link->size : std::nullopt);
  if (status) status = co_await fill->verify(parts.loop);
  const bool verified = status.ok();
  if (verified) {
    const auto size = fill->progress().size;
    status = co_await fill->adopt(parts.loop, [target, fill, size](IndexWriter& writer) -> Status {
      const Link link{Link::Kind::blob, size, "", true};
      for (const auto& other : fill->proven()) {
        if (auto linked = writer.link(other, fill->digest(), link); !linked) return linked;
      }
      return writer.link(target.repository, fill->digest(), link);
    });
  }
  const char* result = "ok";
  if (!status) {
    const auto& error = status.error();
    const bool no_room = error.failure == Failure::over_budget;
    result = error.failure == Failure::corrupt ? "corrupt" : no_room ? "no_room" : "failed";
    if (!verified) {
      remember_unknown(target.repository, fill->digest(), error);
      const Error told = error;
      co_await fill->fail(parts.loop, told);
    }
    site_.note_disk(error);
    if (error.failure != Failure::not_found && !DiskHealth::passes(error)) {
      site_.log.warning(verified ? "blob served but not kept" : "fill failed",
                        {{"repository", target.repository.text()}, {"digest", fill->digest().text()}, {"error", error.what}});
    }
  } else {
    site_.store.health().wrote();
  }
  // Counted last: who has seen the count meets the blob in the store, or nothing, and not this fill.
  site_.fills.finish(fill);
  parts.counters.cell(Metric::fills, result).add(1);
  site_.background.fetch_sub(1);
}

// As run_fill(), with no upstream: what is stored is hashed, and who reads it meanwhile waits for the last piece.
Task<void> BlobPull::run_recheck(LoopParts& parts, std::shared_ptr<Fill> fill, BlobRecord record) {
  const auto digest = fill->digest();
  auto status = co_await fill->verify(parts.loop);
  if (status) {
    auto noted = co_await site_.store.index().commit(parts.loop, [digest](IndexWriter& writer) -> Status {
      auto held = writer.blob(digest);
      if (!held) return ok_status();
      held->verified_at = writer.now();
      return writer.update_blob(digest, *held);
    });
    if (!noted) site_.note_disk(noted.error());  // then the next hit hashes it again
  } else {
    const Error told = status.error();
    // The program's end proves nothing.
    if (told.failure != Failure::cancelled) co_await take_out_of_service(site_, parts, digest, record, told.what);
    co_await fill->fail(parts.loop, told);
  }
  site_.fills.finish(fill);
  rechecks_.fetch_sub(1);
  const char* result = status ? "ok" : status.error().failure == Failure::corrupt ? "corrupt" : "failed";
  parts.counters.cell(Metric::rechecks, result).add(1);
  site_.background.fetch_sub(1);
}

Task<Status> BlobPull::fill_up(LoopParts& parts, const Router::Target& target, Fill& fill, std::optional<std::uint64_t> hint) {
  auto held = co_await fill.open(parts.loop);
  if (!held) co_return std::move(held).error();
  if (*held > 0 && hint && *held == *hint) {
    fill.head(hint);  // an earlier program had all of it and no time to say so
    co_return ok_status();
  }
  auto status = co_await pass(parts, target, fill);
  co_return status;
}

Task<Status> BlobPull::pass(LoopParts& parts, const Router::Target& target, BlobSink& sink) {
  // A manifest or a probe may have said a wrong size; what counts is the upstream's length and the digest.
  std::optional<std::uint64_t> size;
  const Instant start = parts.loop.now();
  Instant fed = start;  // when it last had a byte to show
  for (int failures = 0;;) {
    const auto offset = sink.written();
    const bool opening = !sink.opened();
    auto request = blob_request(target, sink.digest());
    request.large = true;
    if (offset > 0) {
      request.range_first = offset;
      parts.counters.cell(Metric::upstream_resumes, target.upstream->options().name).add(1);
    }
    auto status = co_await fetch_once(parts, target, std::move(request), sink, size);
    if (status) co_return status;
    const Error error = status.error();
    if (opening && offset > 0 && error.status == 416) {
      // What was held is more than there is; from the start, and so without a Range, it cannot happen again.
      auto restarted = co_await sink.restart(parts.loop);
      if (!restarted) co_return restarted;
      continue;
    }
    const Instant now = parts.loop.now();
    const auto brought = sink.written() > offset ? sink.written() - offset : 0;
    failures = brought > 0 ? 0 : failures + 1;
    if (brought > 0) fed = now;
    if (!error.retryable) co_return error;
    if (sink.opened()) {
      if (failures >= kMostFailures && now - fed >= kResumePatience) co_return error;
    } else {
      const bool soon = failures < kMostOpeningFailures && now - start < kOpeningPatience;
      if (!soon || error.failure == Failure::unavailable) co_return error;
    }
    site_.log.info("download interrupted, resuming", {{"repository", target.repository.text()},
                                                      {"digest", sink.digest().text()},
                                                      {"held", sink.written()},
                                                      {"error", error.what}});
    if (failures > 0) co_await sleep_for(parts.loop, with_jitter(std::min(kLongestPause, kFirstPause * (1 << (failures - 1)))));
    else if (brought < kHardlyAny) co_await sleep_for(parts.loop, with_jitter(kFirstPause));
  }
}

// One request and what it brings. Ok: the whole blob is there. `size` is learned when it was not known.
Task<Status> BlobPull::fetch_once(LoopParts& parts, const Router::Target& target, RegistryClient::Request request, BlobSink& sink,
                                  std::optional<std::uint64_t>& size) {
  const auto offset = request.range_first.value_or(0);
  auto response = co_await target.upstream->request(parts.upstream(), std::move(request));
  if (!response) co_return std::move(response).error();
  auto answer = read_answer(*response, offset, size);
  if (!answer) co_return std::move(answer).error();
  if (!size) size = answer->total;
  // At its end only nothing would tell a client that this is not all.
  if (size == 0 && !is_empty(sink.digest()))
    co_return Error{Failure::corrupt, Side::upstream, false, "the upstream says that the blob is empty"};
  if (size && offset > *size)
    co_return Error{Failure::corrupt, Side::upstream, false, "the blob is smaller than what is held of it"};
  if (!sink.opened()) {
    if (size) {
      auto reserved = co_await sink.reserve(parts.loop, *size);
      if (!reserved) co_return reserved;
    }
    sink.head(size);
  }
  auto status = co_await take_body(parts, *response, sink, answer->skip);
  if (!status) co_return status;
  if (size && sink.written() < *size) {
    co_return Error{Failure::unreachable, Side::upstream, true, "the upstream ended the body early"};
  }
  co_return ok_status();
}

Task<Status> BlobPull::take_body(LoopParts& parts, RegistryClient::Response& response, BlobSink& sink, std::uint64_t skip) {
  for (;;) {
    auto piece = co_await response.read();
    if (!piece) co_return std::move(piece).error();
    if (piece->empty()) co_return ok_status();
    if (skip > 0) {
      const auto dropped = std::min<std::uint64_t>(skip, piece->size());
      skip -= dropped;
      piece->erase(0, dropped);
      if (piece->empty()) continue;
    }
    auto status = co_await sink.append(parts.loop, *std::move(piece));
    if (!status) co_return status;
  }
}

}  // namespace weir
