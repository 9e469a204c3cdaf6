#include "proxy/admin.h"

#include <algorithm>

#include "base/json.h"
#include "base/version.h"
#include "cache/lineage.h"
#include "cache/purge.h"
#include "cache/scrub_report.h"
#include "proxy/answer.h"

namespace weir {
namespace {

constexpr std::size_t kMostBody = 64 << 10;
const std::string kRoot = "/admin/v1/";

std::string error_json(std::string_view what) {
  JsonWriter json;
  json.object().member("error", what).end();
  return json.take() + "\n";
}

}  // namespace

Task<void> Admin::handle(Exchange& exchange) {
  auto answer = co_await reply(exchange);
  ResponseHead head(answer.status);
  head.add("Content-Type", answer.type).add("Cache-Control", "no-store");
  auto sent = co_await exchange.respond(std::move(head), std::move(answer.body));
  (void)sent;  // nobody to tell
}

Task<Admin::Reply> Admin::reply(Exchange& exchange) {
  const auto path = exchange.request().path;
  const bool get = exchange.request().is_get();
  if (get && path == "/healthz") co_return Reply{200, "text/plain", "ok\n"};
  if (get && path == "/readyz") {
    if (ready_.load() && site_.store.health().degraded())
      co_return Reply{200, "text/plain", "degraded: the store cannot be written to, what is not in it is passed through\n"};
    if (ready_.load()) co_return Reply{200, "text/plain", "ready\n"};
    co_return Reply{503, "text/plain", "not serving\n"};
  }
  if (get && path == "/metrics") co_return Reply{200, "text/plain; version=0.0.4", site_.meter.exposition()};
  if (get && path == "/admin/v1/status") co_return Reply{200, "application/json", status_json()};
  if (get && path == kRoot + "cache/scrub") co_return Reply{200, "application/json", scrub_json(scrub_.state()) + "\n"};
  const auto changes = {"cache/purge", "cache/refresh", "cache/pin",     "cache/unpin",
                        "cache/scrub", "policy/reload", "policy/release"};
  if (std::ranges::any_of(changes, [&](const char* name) { return path == kRoot + name; })) {
    auto changed = co_await change(exchange);
    co_return changed;
  }
  co_return Reply{404, "application/json", error_json("no such endpoint")};
}

std::string Admin::status_json() const {
  const auto totals = site_.store.index().totals();
  JsonWriter json;
  json.object().member("version", version()).member("uptime_seconds", site_.clock.wall_seconds() - started_);
  json.member("ready", ready_.load()).member("blobs", totals.blobs).member("bytes", totals.blob_bytes);
  json.member("links", totals.links).member("tags", totals.tags).member("fills", static_cast<std::uint64_t>(site_.fills.size()));
  json.member("capacity", site_.store.budget().capacity()).member("taken", site_.store.budget().taken());
  json.member("degraded", site_.store.health().degraded()).end();
  return json.take() + "\n";
}

Task<Admin::Reply> Admin::change(Exchange& exchange) {
  if (exchange.request().method != "POST") co_return Reply{405, "application/json", error_json("POST changes something")};
  if (exchange.peer() != "unix")
    co_return Reply{403, "application/json", error_json("changes are made over the admin socket only")};
  std::string body;
  for (;;) {
    auto piece = co_await exchange.read_body();
    if (!piece) co_return Reply{400, "application/json", error_json(piece.error().what)};
    if (piece->empty()) break;
    body += *piece;
    if (body.size() > kMostBody) co_return Reply{413, "application/json", error_json("a request is at most 64 KiB")};
  }
  const auto json = Json::parse(body);
  if (!json) co_return Reply{400, "application/json", error_json(json.error().what)};
  auto& parts = *site_.loops[exchange.loop().index()];
  const auto reference = json->string_at("reference").value_or(""), digest = json->string_at("digest").value_or("");
  const auto path = std::string(exchange.request().path);
  const auto name = path.substr(path.rfind('/') + 1);
  if (name == "purge") {
    auto purged = co_await purge_cache(parts, reference, digest);
    co_return purged;
  }
  if (name == "pin" || name == "unpin") {
    auto pinned = co_await change_pin(parts, json->string_at("pattern").value_or(""), name == "pin");
    co_return pinned;
  }
  if (name == "scrub") {
    scrub_.begin_now();
    co_return Reply{200, "application/json", scrub_json(scrub_.state()) + "\n"};
  }
  if (name == "reload") {
    auto reloaded = co_await reload_policy(parts);
    co_return reloaded;
  }
  if (name == "release") {
    auto released = co_await release(parts, digest);
    co_return released;
  }
  auto refreshed = co_await refresh_tag(parts, reference);
  co_return refreshed;
}

Task<Admin::Reply> Admin::purge_cache(LoopParts& parts, std::string reference, std::string digest) {
  auto result = co_await site_.store.pool().run(parts.loop, [&]() -> Result<PurgeResult> {
    if (!digest.empty()) {
      auto parsed = Digest::parse(digest);
      if (!parsed) return std::move(parsed).error();
      return purge_digest(site_.store, *parsed);
    }
    auto written = parse_written_reference(reference);
    if (!written) return std::move(written).error();
    return purge(site_.store, written->repository, written->reference);
  });
  if (!result)
    co_return Reply{error_answer(result.error(), Subject::manifest).status, "application/json", error_json(result.error().what)};
  site_.unknown.clear();
  site_.listings.clear();
  JsonWriter json;
  json.object()
      .member("tags", result->tags)
      .member("links", result->links)
      .member("blobs", result->blobs)
      .member("bytes", result->bytes)
      .end();
  co_return Reply{200, "application/json", json.take() + "\n"};
}

Task<Admin::Reply> Admin::change_pin(LoopParts& parts, std::string pattern, bool pinned) {
  const auto parsed = Pattern::parse(pattern);
  if (!parsed) co_return Reply{400, "application/json", error_json(parsed.error().what)};
  auto status = co_await site_.store.index().commit(parts.loop, [pattern, pinned](IndexWriter& writer) {
    return pinned ? writer.put_pin(pattern, writer.now()) : writer.remove_pin(pattern);
  });
  if (!status)
    co_return Reply{error_answer(status.error(), Subject::manifest).status, "application/json", error_json(status.error().what)};
  JsonWriter json;
  json.object().member("pattern", pattern).member("pinned", pinned).end();
  co_return Reply{200, "application/json", json.take() + "\n"};
}

Task<Admin::Reply> Admin::refresh_tag(LoopParts& parts, std::string reference) {
  auto written = parse_written_reference(reference);
  if (!written) co_return Reply{400, "application/json", error_json(written.error().what)};
  auto path = RepositoryPath::parse(written->repository);
  if (!path || !written->reference || !written->reference->tag()) {
    co_return Reply{400, "application/json", error_json("a tag is refreshed: NAMESPACE/PATH:TAG")};
  }
  const auto settings = site_.settings();
  auto target = settings->router->resolve(*path, std::nullopt, "");
  if (!target) co_return Reply{404, "application/json", error_json(target.error().what)};
  target->identity = "admin";
  const auto before = site_.store.index().tag(target->repository, *written->reference->tag());
  auto digest = co_await manifests_.refresh(parts, *target, *written->reference->tag());
  if (!digest)
    co_return Reply{error_answer(digest.error(), Subject::manifest).status, "application/json", error_json(digest.error().what)};
  JsonWriter json;
  json.object().member("repository", target->repository.text()).member("tag", written->reference->tag()->text());
  json.member("digest", digest->text()).member("changed", !before || before->digest != *digest).end();
  co_return Reply{200, "application/json", json.take() + "\n"};
}

Task<Admin::Reply> Admin::reload_policy(LoopParts& parts) {
  if (site_.settings()->policy_options.file.empty())
    co_return Reply{400, "application/json", error_json("[policy] names no file")};
  auto policy = co_await site_.store.pool().run(parts.loop, [&] { return rules_.reload(site_); });
  if (!policy)
    co_return Reply{error_answer(policy.error(), Subject::manifest).status, "application/json", error_json(policy.error().what)};
  JsonWriter json;
  json.object().member("rules", static_cast<std::uint64_t>((*policy)->rules())).end();
  co_return Reply{200, "application/json", json.take() + "\n"};
}

Task<Admin::Reply> Admin::release(LoopParts& parts, std::string text) {
  const auto digest = Digest::parse(text);
  if (!digest) co_return Reply{400, "application/json", error_json(digest.error().what)};
  auto status = co_await site_.store.pool().run(parts.loop, [&] { return release_digest(site_.store.index(), *digest); });
  if (!status)
    co_return Reply{error_answer(status.error(), Subject::manifest).status, "application/json", error_json(status.error().what)};
  site_.log.warning("released from quarantine", {{"digest", text}});
  JsonWriter json;
  json.object().member("digest", text).member("released", true).end();
  co_return Reply{200, "application/json", json.take() + "\n"};
}

}  // namespace weir
