#include "proxy/listings.h"

#include "base/text.h"
#include "oci/media_type.h"
#include "proxy/answer.h"
#include "proxy/listing_reader.h"

namespace weir {
namespace {

// What is longer is parsed on the pool: it takes over a millisecond.
constexpr std::size_t kQuickListBytes = 64 << 10;
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

std::shared_ptr<const Listing> index_listing(ChargedText body, bool filtered, std::string next = {}) {
  return std::make_shared<const Listing>(Listing{std::string(media_type::kOciIndex), std::move(body), std::move(next), filtered});
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
  auto listing = site_.listings.find(key);
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
  // All readers of one list share its bytes.
  auto sent = co_await call.exchange.respond(std::move(head), std::shared_ptr<const std::string>(listing, &listing->body.bytes));
  (void)sent;
}

// A flight may have ended between its caller's look and this one's start: who begins a flight looks once more.
Task<Listings::Answer> Listings::ask_unless_known(std::string key, std::function<Task<Answer>()> ask, Milliseconds ttl) {
  if (auto known = site_.listings.find(key)) co_return known;
  auto answer = co_await ask();
  if (answer) site_.listings.insert(key, *answer, ttl);
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
  auto body = co_await read_body(site_, *response, kMostListBytes, 2);
  if (!body) co_return std::move(body).error();
  auto list = co_await read_list(parts, *std::move(body), [&name](std::string text) { return read_tag_list(text, name); });
  if (!list) co_return std::move(list).error();
  co_return std::make_shared<const Listing>(
      Listing{"application/json", *std::move(list), paging(next_query(response->head)), false});
}

// Where a long list is read on the pool, the loop goes on with others. What it is charged with becomes what is left of it.
Task<Result<ChargedText>> Listings::read_list(LoopParts& parts, ChargedText body,
                                              std::function<Result<std::string>(std::string)> read) {
  Result<std::string> list = std::string();
  if (body.bytes.size() <= kQuickListBytes) list = read(std::move(body.bytes));
  else list = co_await site_.store.pool().run(parts.loop, [&] { return read(std::move(body.bytes)); });
  if (!list) co_return std::move(list).error();
  body.bytes = *std::move(list);
  body.bytes.shrink_to_fit();
  body.share.shrink_to(body.bytes.capacity());
  co_return std::move(body);
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
  auto body = co_await read_body(site_, *response, kMostListBytes, 2);
  if (!body) co_return std::move(body).error();
  const bool done = response->head.header("OCI-Filters-Applied").value_or("").find("artifactType") != std::string_view::npos;
  const std::string wanted = done ? "" : artifact_type;
  auto index = co_await read_list(parts, *std::move(body),
                                  [&wanted](std::string text) { return read_referrers(std::move(text), wanted); });
  if (!index) co_return std::move(index).error();
  co_return index_listing(*std::move(index), !artifact_type.empty(), paging(next_query(response->head)));
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
    co_return index_listing({std::string(kNoReferrers), {}}, !artifact_type.empty());
  if (!response) co_return std::move(response).error();
  auto body = co_await read_body(site_, *response, kMostListBytes, 2);
  if (!body) co_return std::move(body).error();
  auto index = co_await read_list(parts, *std::move(body),
                                  [&artifact_type](std::string text) { return read_referrers(std::move(text), artifact_type); });
  if (!index) co_return std::move(index).error();
  co_return index_listing(*std::move(index), !artifact_type.empty());
}

}  // namespace weir
