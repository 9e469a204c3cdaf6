#include "proxy/listings.h"

#include "base/json.h"
#include "base/text.h"
#include "oci/media_type.h"
#include "proxy/answer.h"

namespace weir {
namespace {

constexpr std::size_t kMostListBytes = 8 << 20;
constexpr std::string_view kNoReferrers = R"({"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]})";

void append_parameter(std::string& query, std::string_view name, std::string_view value) {
  if (!query.empty()) query += '&';
  query.append(name).append(1, '=').append(percent_encode(value));
}

// What of a query says which page; what is not well-formed is left out.
std::string paging(std::string_view query) {
  std::string kept;
  if (const auto n = query_parameter(query, "n"); n && parse_number(*n)) append_parameter(kept, "n", *n);
  for (const auto name : {"last", "nextToken", "next_page", "page", "continue"}) {
    if (const auto value = query_parameter(query, name); value && !value->empty()) append_parameter(kept, name, *value);
  }
  return kept;
}

// The query of `<URL?QUERY>; rel="next"`; empty when the header names no next page.
std::string_view next_query(const UpstreamHead& head) {
  const auto link = head.header("Link").value_or("");
  const auto begin = link.find('<'), end = link.find('>');
  if (begin == std::string_view::npos || end == std::string_view::npos || end < begin) return {};
  if (link.substr(end).find("next") == std::string_view::npos) return {};
  const auto url = link.substr(begin + 1, end - begin - 1);
  const auto mark = url.find('?');
  return mark == std::string_view::npos ? std::string_view() : url.substr(mark + 1);
}

Error nonsense(std::string what) { return Error{Failure::corrupt, Side::upstream, false, "the upstream's " + std::move(what)}; }

// An index's descriptors of one artifact type, or all of them.
Result<std::string> filter_index(const std::string& body, const std::string& artifact_type) {
  const auto json = Json::parse(body);
  if (!json || !json->is_object()) return nonsense("referrers are not JSON");
  const auto manifests = json->at("manifests");
  if (!manifests || !manifests->is_array()) return nonsense("referrers are not an index");
  for (const auto& item : manifests->items()) {
    const auto digest = item.string_at("digest");
    if (!digest || !Digest::parse(*digest)) return nonsense("referrers have a descriptor without a digest");
  }
  if (artifact_type.empty()) return body;
  JsonWriter out;
  out.object().member("schemaVersion", 2).member("mediaType", media_type::kOciIndex).key("manifests").array();
  for (const auto& item : manifests->items()) {
    if (item.string_at("artifactType") == artifact_type) out.value(item);
  }
  return out.end().end().take();
}

std::shared_ptr<const Listing> index_listing(std::string body, bool filtered) {
  return std::make_shared<const Listing>(Listing{std::string(media_type::kOciIndex), std::move(body), "", filtered});
}

}  // namespace

Task<void> Listings::serve_tags(Call& call) {
  const auto page = paging(call.request().query);
  auto& parts = call.parts;
  const auto target = *call.target;
  const auto name = call.route.path.text();  // the answer says it as the client did
  const auto key = target.repository.text() + "/tags/list?" + page + '&' + name;
  co_await serve(call, key, [this, &parts, target, name, page] { return ask_tags(parts, target, name, page); });
}

Task<void> Listings::serve_referrers(Call& call) {
  const auto page = paging(call.request().query);
  const auto type = query_parameter(call.request().query, "artifactType").value_or("");
  const auto digest = *call.route.reference->digest();
  auto& parts = call.parts;
  const auto target = *call.target;
  const auto key = target.repository.text() + "/referrers/" + digest.text() + '?' + page + '&' + percent_encode(type);
  co_await serve(call, key,
                 [this, &parts, target, digest, type, page] { return ask_referrers(parts, target, digest, type, page); });
}

Task<void> Listings::serve(Call& call, std::string key, std::function<Task<Answer>()> ask) {
  const Instant start = call.parts.loop.now();
  Outcome outcome = Outcome::hit;
  auto listing = cache_.find(key);
  if (!listing && !call.target->offline.empty()) {
    const auto error = not_held_offline(*call.target);
    call.decide(Outcome::denied);
    call.error = error.what;
    auto sent = co_await respond_error(call.exchange, ErrorCode::DENIED, 403, error.what, &*call.target);
    (void)sent;  // the exchange knows how far it came
    co_return;
  }
  if (!listing) {
    const auto ttl = call.target->upstream->tag_ttl(call.settings->freshness.tag_ttl);
    auto answer = co_await flights_.run(call.parts.loop, key, [this, key, ask, ttl] { return ask_unless_known(key, ask, ttl); });
    call.waited_since(start, false);
    if (!answer.value) {
      const auto& error = answer.value.error();
      call.decide(error_outcome(error));
      call.error = error.what;
      const auto wrong = error_answer(error, Subject::repository);
      auto sent = co_await respond_error(call.exchange, wrong.code, wrong.status, error.what, &*call.target);
      (void)sent;  // the exchange knows how far it came
      co_return;
    }
    listing = *answer.value;
    outcome = answer.joined ? Outcome::joined : Outcome::miss;
  }
  call.decide(outcome);
  auto head = api_head(200, &*call.target);
  head.add("Content-Type", listing->content_type).add("X-Cache", outcome_name(outcome));
  if (listing->filtered) head.add("OCI-Filters-Applied", "artifactType");
  if (!listing->next.empty()) {
    std::string query = listing->next;
    if (!call.target->ns.empty()) append_parameter(query, "ns", call.target->ns);
    head.add("Link", '<' + std::string(call.request().path) + '?' + query + ">; rel=\"next\"");
  }
  auto sent = co_await call.exchange.respond(std::move(head), listing->body);
  (void)sent;
}

// A flight may have ended between its caller's look and this one's start: who begins a flight looks once more.
Task<Listings::Answer> Listings::ask_unless_known(std::string key, std::function<Task<Answer>()> ask, Milliseconds ttl) {
  if (auto known = cache_.find(key)) co_return known;
  auto answer = co_await ask();
  if (answer) cache_.insert(key, *answer, ttl);
  co_return answer;
}

Task<Listings::Answer> Listings::ask_tags(LoopParts& parts, Router::Target target, std::string name, std::string page) {
  RegistryClient::Request request;
  request.repository = target.repository.path();
  request.path = "tags/list" + (page.empty() ? "" : '?' + page);
  request.identity = target.identity;
  request.accept = "application/json";
  request.twice = true;
  auto response = co_await target.upstream->request(parts.upstream(), request);
  if (!response) co_return std::move(response).error();
  auto body = co_await response->read_all(kMostListBytes);
  if (!body) co_return std::move(body).error();
  const auto json = Json::parse(*body);
  if (!json || !json->is_object()) co_return nonsense("tag list is not JSON");
  JsonWriter out;
  out.object().member("name", name).key("tags").array();
  if (const auto tags = json->at("tags")) {
    for (const auto& item : tags->items()) {
      const auto text = item.string();
      if (text && Tag::parse(*text)) out.value(*text);
    }
  }
  out.end().end();
  co_return std::make_shared<const Listing>(
      Listing{"application/json", out.take() + "\n", paging(next_query(response->head)), false});
}

Task<Listings::Answer> Listings::ask_referrers(LoopParts& parts, Router::Target target, Digest digest, std::string artifact_type,
                                               std::string page) {
  std::string query = page;
  if (!artifact_type.empty()) append_parameter(query, "artifactType", artifact_type);
  RegistryClient::Request request;
  request.repository = target.repository.path();
  request.path = "referrers/" + digest.text() + (query.empty() ? "" : '?' + query);
  request.identity = target.identity;
  request.accept = media_type::kOciIndex;
  request.twice = true;
  auto response = co_await target.upstream->request(parts.upstream(), request);
  if (!response) {
    // A registry of before OCI 1.1 knows no such endpoint.
    const auto& error = response.error();
    const bool no_such_api = error.failure == Failure::not_found || error.status == 405 || error.status == 400 ||
                             error.status == 501;
    if (!no_such_api) co_return error;
    auto answer = co_await ask_referrers_tag(parts, target, digest, artifact_type);
    co_return answer;
  }
  auto body = co_await response->read_all(kMostListBytes);
  if (!body) co_return std::move(body).error();
  const bool done = response->head.header("OCI-Filters-Applied").value_or("").find("artifactType") != std::string_view::npos;
  auto index = filter_index(*body, done ? "" : artifact_type);
  if (!index) co_return std::move(index).error();
  Listing listing{std::string(media_type::kOciIndex), *std::move(index), paging(next_query(response->head)),
                  !artifact_type.empty()};
  co_return std::make_shared<const Listing>(std::move(listing));
}

// distribution-spec, "Referrers Tag Schema": an index under the tag `sha256-HEX`, HEX cut at 64 digits.
Task<Listings::Answer> Listings::ask_referrers_tag(LoopParts& parts, Router::Target target, Digest digest,
                                                   std::string artifact_type) {
  RegistryClient::Request request;
  request.repository = target.repository.path();
  request.path = "manifests/" + std::string(digest.algorithm_name()) + '-' + digest.hex().substr(0, 64);
  request.identity = target.identity;
  request.accept = media_type::kOciIndex;
  request.twice = true;
  auto response = co_await target.upstream->request(parts.upstream(), request);
  if (!response && response.error().failure == Failure::not_found)
    co_return index_listing(std::string(kNoReferrers), !artifact_type.empty());
  if (!response) co_return std::move(response).error();
  auto body = co_await response->read_all(kMostListBytes);
  if (!body) co_return std::move(body).error();
  auto index = filter_index(*body, artifact_type);
  if (!index) co_return std::move(index).error();
  co_return index_listing(*std::move(index), !artifact_type.empty());
}

}  // namespace weir
