#include "proxy/pull_manifest.h"

#include "base/text.h"
#include "oci/media_type.h"
#include "proxy/read_body.h"
#include "proxy/rotten_blob.h"

namespace weir {
namespace {

// What is larger is sent from its file: its readers need no memory, and two calls to the kernel more are nothing beside its bytes.
constexpr std::uint64_t kMostInMemory = 16 << 10;

Error unknown_manifest(const std::string& reference) {
  return Error{Failure::not_found, Side::client, false, "the upstream has no manifest " + reference};
}

// May an old answer stand in for this failure? Not when the upstream answered that it is gone or not ours to see.
bool outage(const Error& error) {
  switch (error.failure) {
    case Failure::timeout:
    case Failure::unreachable:
    case Failure::unavailable:
    case Failure::throttled:
    case Failure::overloaded:
    case Failure::corrupt: return true;
    case Failure::refused: return error.status >= 500;
    default: return false;
  }
}

// Some registries refuse HEAD, or leave out the digest; then a GET must tell.
bool refuses_head(const Error& error) {
  return error.failure == Failure::unauthorized || error.failure == Failure::denied ||
         (error.failure == Failure::refused && error.status < 500);
}

bool is_manifest_link(const Link& link) { return link.kind == Link::Kind::manifest && !link.media_type.empty(); }

// The upstream has it, whatever it said before.
Status no_last_copy(IndexWriter& writer, const Digest& digest) {
  auto record = writer.blob(digest);
  if (!record || !record->last_copy) return ok_status();
  record->last_copy = false;
  return writer.update_blob(digest, *record);
}

// A manifest claims what it refers to for its repository, but for what lies elsewhere: its registry took that by hearsay. A claim
// proves nothing.
Status link_children(IndexWriter& writer, const Name& repository, const Manifest& manifest) {
  for (const auto& blob : manifest.blobs) {
    if (blob.elsewhere) continue;
    if (auto status = no_last_copy(writer, blob.digest); !status) return status;
    if (auto status = writer.link(repository, blob.digest, Link{Link::Kind::blob, blob.size, ""}); !status) return status;
  }
  for (const auto& child : manifest.manifests) {
    if (child.elsewhere) continue;
    if (auto status = no_last_copy(writer, child.digest); !status) return status;
    const auto kind = media_type::is_manifest(child.media_type) ? Link::Kind::manifest : Link::Kind::blob;
    const std::string type = kind == Link::Kind::manifest ? child.media_type : "";
    if (auto status = writer.link(repository, child.digest, Link{kind, child.size, type}); !status) return status;
  }
  return ok_status();
}

// What fetched bytes are.
struct Inspected {
  Digest digest;
  Result<Manifest> manifest;
};

}  // namespace

Task<Result<Manifest>> ManifestPull::parse(LoopParts& parts, const Found& found) {
  if (found.size() <= Manifest::kQuickBytes && found.bytes) co_return Manifest::parse(*found.bytes, found.media_type);
  auto manifest = co_await site_.store.pool().run(parts.loop, [this, &found]() -> Result<Manifest> {
    if (found.bytes) return Manifest::parse(*found.bytes, found.media_type);
    std::string bytes(found.file->size, '\0');
    const auto count = site_.store.disk().read_at(found.file->file->get(), std::as_writable_bytes(std::span(bytes)), 0);
    if (!count) return count.error();
    bytes.resize(*count);
    return Manifest::parse(bytes, found.media_type);
  });
  co_return manifest;
}

// Many readers of one manifest wait for one look at it.
Task<bool> ManifestPull::check(LoopParts& parts, const Found& found) {
  if (!found.file || !site_.store.due(found.file->record)) co_return true;
  const auto answer = co_await checks_.run(parts.loop, *found.digest, [this, &parts, digest = *found.digest, file = found.file] {
    return hash_again(parts, digest, file);
  });
  co_return answer.value;
}

Task<bool> ManifestPull::hash_again(LoopParts& parts, Digest digest, std::shared_ptr<const OpenBlob> file) {
  const auto right = co_await site_.store.pool().run(parts.loop, [&] {
    std::string bytes(file->size, '\0');
    const auto count = site_.store.disk().read_at(file->file->get(), std::as_writable_bytes(std::span(bytes)), 0);
    return count && *count == bytes.size() && Digest::of(digest.algorithm(), bytes) == digest;
  });
  if (right) site_.store.index().note_verified(digest);
  else co_await take_out_of_service(site_, parts, digest, file->record, "blob " + digest.text() + " has rotted on the disk");
  co_return right;
}

Task<Result<ManifestPull::Found>> ManifestPull::find(LoopParts& parts, const Router::Target& target, Reference reference,
                                                     const Elsewhere& elsewhere) {
  auto found = co_await (reference.digest() ? by_digest(parts, target, *reference.digest(), elsewhere)
                                            : by_tag(parts, target, *reference.tag()));
  co_return found;
}

std::optional<ManifestPull::Found> ManifestPull::held(const Name& repository, const Digest& digest) {
  const auto holding = site_.store.index().holding(repository, digest);
  if (!holding.link || !holding.link->proven || !holding.blob || !is_manifest_link(*holding.link)) return std::nullopt;
  return stored(digest, *holding.blob, holding.link->media_type);
}

std::optional<ManifestPull::Found> ManifestPull::held_elsewhere(const Name& repository, const Digest& digest,
                                                                const Elsewhere& elsewhere) {
  const auto holding = site_.store.index().holding(repository, digest);
  if (!holding.link || !holding.blob || !is_manifest_link(*holding.link) || !elsewhere(digest)) return std::nullopt;
  return stored(digest, *holding.blob, holding.link->media_type);
}

std::optional<ManifestPull::Found> ManifestPull::stored(const Digest& digest, const BlobRecord& blob,
                                                        const std::string& media_type) {
  if (blob.size > Manifest::kMostBytes) return std::nullopt;
  if (blob.size > kMostInMemory) {
    auto file = site_.store.open_blob(digest, blob);
    if (!file) return std::nullopt;
    site_.store.index().touch(digest);
    auto shared = std::make_shared<const OpenBlob>(*std::move(file));
    return Found{digest, media_type, nullptr, Outcome::hit, std::nullopt, {}, std::move(shared)};
  }
  auto bytes = site_.store.read_blob(digest, blob);
  if (!bytes) return std::nullopt;
  site_.store.index().touch(digest);
  return Found{digest, media_type, *std::move(bytes), Outcome::hit, std::nullopt};
}

Milliseconds ManifestPull::tag_ttl(const Router::Target& target) const {
  return target.upstream->tag_ttl(site_.settings()->freshness.tag_ttl);
}

// Who may fetch nothing more does not decide for others what is fetched.
std::string ManifestPull::flight_of(const LoopParts& parts, const Router::Target& target, const std::string& what) const {
  const bool over = !site_.ask_budgets(parts, target).refusal.empty();
  return target.repository.text() + '\n' + what + (over ? "\nover" : "");
}

Task<Result<ManifestPull::Found>> ManifestPull::by_digest(LoopParts& parts, const Router::Target& target, Digest digest,
                                                          const Elsewhere& elsewhere) {
  if (auto found = held(target.repository, digest)) co_return std::move(*found);
  if (auto found = held_elsewhere(target.repository, digest, elsewhere)) co_return std::move(*found);
  if (!target.offline.empty()) co_return not_held_offline(target);
  if (site_.unknown.contains(target.repository, digest.text())) co_return unknown_manifest(digest.text());
  auto answer = co_await flights_.run(parts.loop, flight_of(parts, target, digest.text()),
                                      [this, &parts, target, digest] { return fetch_unless_held(parts, target, digest); });
  if (answer.value && answer.joined) answer.value->outcome = Outcome::joined;
  co_return std::move(answer.value);
}

// A flight may have ended between its caller's look and this one's start: who begins a flight looks once more.
Task<Result<ManifestPull::Found>> ManifestPull::fetch_unless_held(LoopParts& parts, Router::Target target, Digest digest) {
  if (auto found = held(target.repository, digest)) co_return std::move(*found);
  auto fetched = co_await fetch(parts, target, Reference(digest), std::nullopt);
  co_return fetched;
}

Task<Result<ManifestPull::Found>> ManifestPull::ask_unless_believed(LoopParts& parts, Router::Target target, Tag tag) {
  const auto record = site_.store.index().tag(target.repository, tag);
  if (auto found = believed(target, record)) co_return std::move(*found);
  auto asked = co_await ask_for_tag(parts, target, tag, record);
  co_return asked;
}

std::optional<ManifestPull::Found> ManifestPull::believed(const Router::Target& target, const std::optional<TagRecord>& record) {
  if (!record) return std::nullopt;
  const Seconds age(std::max<WallSeconds>(0, site_.clock.wall_seconds() - record->checked_at));
  if (age >= tag_ttl(target) && target.offline.empty()) return std::nullopt;
  auto found = held(target.repository, record->digest);
  if (found) found->age = age;
  return found;
}

Task<Result<ManifestPull::Found>> ManifestPull::by_tag(LoopParts& parts, const Router::Target& target, Tag tag) {
  if (auto found = believed(target, site_.store.index().tag(target.repository, tag))) co_return std::move(*found);
  if (!target.offline.empty()) co_return not_held_offline(target);
  if (site_.unknown.contains(target.repository, tag.text())) co_return unknown_manifest(tag.text());
  auto answer = co_await flights_.run(parts.loop, flight_of(parts, target, tag.text()),
                                      [this, &parts, target, tag] { return ask_unless_believed(parts, target, tag); });
  // Who waited for another's confirmation of what is on the disk has hit it all the same.
  if (answer.value && answer.joined && answer.value->outcome == Outcome::miss) answer.value->outcome = Outcome::joined;
  co_return std::move(answer.value);
}

Task<Result<Digest>> ManifestPull::refresh(LoopParts& parts, const Router::Target& target, Tag tag) {
  site_.unknown.erase(target.repository, tag.text());
  auto record = site_.store.index().tag(target.repository, tag);
  if (record) record->checked_at = 0;  // too old to stand in
  auto answer = co_await flights_.run(parts.loop, target.repository.text() + '\n' + tag.text() + "\nrefresh",
                                      [this, &parts, target, tag, record] { return ask_for_tag(parts, target, tag, record); });
  if (!answer.value) co_return std::move(answer.value).error();
  co_return *answer.value->digest;
}

// HEAD when something is held that it could confirm; GET when nothing is, or HEAD does not tell.
Task<Result<ManifestPull::Found>> ManifestPull::ask_for_tag(LoopParts& parts, Router::Target target, Tag tag,
                                                            std::optional<TagRecord> record) {
  if (record && site_.store.index().blob(record->digest)) {
    RegistryClient::Request request;
    request.method = "HEAD";
    request.repository = target.repository.path();
    request.path = "manifests/" + tag.text();
    request.identity = target.identity;
    request.accept = media_type::accept_all_manifests();
    auto response = co_await target.upstream->request(parts.upstream(), request);
    if (!response && !refuses_head(response.error())) {
      if (response.error().failure == Failure::not_found) {
        site_.unknown.insert(target.repository, tag.text(), site_.settings()->freshness.negative_ttl);
        // Whoever asks by digest is served on, from what may be the only copy there is.
        auto marked = co_await site_.store.pool().run(parts.loop, [&] {
          return site_.store.mark_last_copies(target.repository.text(), record->digest);
        });
        if (!marked) site_.note_disk(marked.error());
        auto removed = co_await site_.store.index().commit(parts.loop, [target, tag](IndexWriter& writer) {
          return writer.remove_tag(target.repository.text(), tag.text());
        });
        if (!removed) co_return std::move(removed).error();
        co_return unknown_manifest(tag.text());
      }
      auto stale = co_await stale_or(parts, target, *record, response.error());
      co_return stale;
    }
    if (response) {
      auto said = Digest::parse(response->head.header("Docker-Content-Digest").value_or(""));
      response = Error{};  // gives its place at the upstream back
      if (said) {
        auto found = co_await confirmed(parts, target, tag, *said);
        if (!found && outage(found.error())) found = co_await stale_or(parts, target, *record, found.error());
        co_return found;
      }
    }
  }
  auto found = co_await fetch(parts, target, Reference(tag), tag);
  if (!found && record && outage(found.error())) found = co_await stale_or(parts, target, *record, found.error());
  co_return found;
}

// The upstream says that the tag is this digest now.
Task<Result<ManifestPull::Found>> ManifestPull::confirmed(LoopParts& parts, const Router::Target& target, const Tag& tag,
                                                          const Digest& digest) {
  auto found = held(target.repository, digest);
  if (!found) {
    auto fetched = co_await fetch(parts, target, Reference(digest), tag);
    co_return fetched;
  }
  auto committed = co_await site_.store.index().commit(parts.loop, [target, tag, digest](IndexWriter& writer) {
    return writer.put_tag(target.repository, tag, TagRecord{digest, writer.now()});
  });
  // A tag that could not be noted is asked for again next time; the answer is right all the same.
  if (!committed)
    site_.log.warning("tag not noted",
                      {{"repository", target.repository.text()}, {"tag", tag.text()}, {"error", committed.error().what}});
  found->age = Seconds(0);
  co_return std::move(*found);
}

Task<Result<ManifestPull::Found>> ManifestPull::stale_or(LoopParts&, const Router::Target& target, const TagRecord& record,
                                                         Error error) {
  const Seconds age(std::max<WallSeconds>(0, site_.clock.wall_seconds() - record.checked_at));
  const auto limit = site_.settings()->freshness.stale_if_error;
  if (!outage(error) || limit.count() == 0 || age > limit) co_return error;
  auto found = held(target.repository, record.digest);
  if (!found) co_return error;
  found->outcome = Outcome::stale;
  found->age = age;
  co_return std::move(*found);
}

Task<Result<ManifestPull::Found>> ManifestPull::fetch(LoopParts& parts, Router::Target target, Reference reference,
                                                      std::optional<Tag> also_tag) {
  const auto verdict = site_.ask_budgets(parts, target);
  if (!verdict.refusal.empty()) co_return Site::over_budget(verdict);
  RegistryClient::Request request;
  request.repository = target.repository.path();
  request.path = "manifests/" + reference.text();
  request.identity = target.identity;
  request.accept = media_type::accept_all_manifests();
  request.twice = true;
  auto response = co_await target.upstream->request(parts.upstream(), request);
  if (!response) {
    if (response.error().failure == Failure::not_found) {
      site_.unknown.insert(target.repository, reference.text(), site_.settings()->freshness.negative_ttl);
    }
    co_return std::move(response).error();
  }
  const auto wrong = [&](std::string what) {
    return Error{Failure::corrupt, Side::upstream, false, "the upstream's manifest " + reference.text() + ": " + std::move(what)};
  };
  const auto encoding = response->head.header("Content-Encoding").value_or("");
  if (!encoding.empty() && !equal_ignoring_case(encoding, "identity"))
    co_return wrong("came with Content-Encoding " + std::string(encoding));
  auto body = co_await read_body(site_, *response, Manifest::kMostBytes, 2);
  if (!body) co_return std::move(body).error();
  const std::string& text = body->bytes;

  auto said = Digest::parse(response->head.header("Docker-Content-Digest").value_or(""));
  const auto algorithm = reference.digest() ? reference.digest()->algorithm() : said ? said->algorithm() : HashAlgorithm::sha256;
  const std::string content_type(response->head.header("Content-Type").value_or(""));
  const auto inspect = [&] { return Inspected{Digest::of(algorithm, text), Manifest::parse(text, content_type)}; };
  std::optional<Inspected> inspected;
  if (text.size() <= Manifest::kQuickBytes) inspected.emplace(inspect());
  else inspected.emplace(co_await site_.store.pool().run(parts.loop, inspect));
  const auto& digest = inspected->digest;
  const auto& manifest = inspected->manifest;
  if (reference.digest() && digest != *reference.digest()) co_return wrong("the bytes have the digest " + digest.text());
  if (said && said->algorithm() == algorithm && *said != digest)
    co_return wrong("its digest was said to be " + said->text() + " but is " + digest.text());
  if (!manifest) co_return wrong(manifest.error().what);

  // All who wait for this flight share the bytes; the store's copy goes when it is written.
  auto held = std::make_shared<ChargedText>(*std::move(body));
  Found found{digest, manifest->media_type, bytes_of(held), Outcome::miss, std::nullopt, verdict.warning};
  if (also_tag) found.age = Seconds(0);
  const auto size = found.bytes->size();
  auto stored = co_await site_.store.put(
      parts.loop, digest, *found.bytes, [target, digest, size, also_tag, manifest = *manifest](IndexWriter& writer) -> Status {
        const Link link{Link::Kind::manifest, size, manifest.media_type, true};
        if (auto status = writer.link(target.repository, digest, link); !status) return status;
        if (auto status = link_children(writer, target.repository, manifest); !status) return status;
        if (auto status = writer.put_manifest(target.repository.text(), digest, manifest); !status) return status;
        return also_tag ? writer.put_tag(target.repository, *also_tag, TagRecord{digest, writer.now()}) : ok_status();
      });
  held->share.shrink_to(held->bytes.capacity());
  // What cannot be kept is still right: it was verified.
  if (stored) site_.store.health().wrote();
  else site_.note_disk(stored.error());
  if (!stored && !DiskHealth::passes(stored.error()))
    site_.log.warning("manifest served but not kept",
                      {{"repository", target.repository.text()}, {"digest", digest.text()}, {"error", stored.error().what}});
  co_return found;
}

}  // namespace weir
