#include "proxy/manifests.h"

#include "oci/media_type.h"
#include "proxy/answer.h"
#include "proxy/elsewhere.h"
#include "proxy/rotten_blob.h"

namespace weir {

Task<void> Manifests::serve(Call& call) {
  const Instant start = call.parts.loop.now();
  const ManifestPull::Elsewhere elsewhere = [this, &call](const Digest& digest) { return pullable_elsewhere(site_, call, digest); };
  auto found = co_await pull_.find(call.parts, *call.target, *call.route.reference, elsewhere);
  if (found && found->file) {
    const bool right = co_await pull_.check(call.parts, *found);
    if (!right) found = co_await pull_.find(call.parts, *call.target, *call.route.reference, elsewhere);
  }
  call.waited_since(start, found && found->outcome == Outcome::hit);
  if (!found) {
    const auto& error = found.error();
    call.decide(error_outcome(error));
    call.error = error.what;
    const auto answer = error_answer(error, Subject::manifest);
    auto sent = co_await respond_error(call.exchange, answer.code, answer.status, error.what, &*call.target);
    (void)sent;  // the exchange knows how far it came
    co_return;
  }
  if (call.undecided) {
    const bool may = co_await decide_.admit_manifest(call, *found);
    if (!may) co_return;
  }
  call.decide(found->outcome);
  const auto digest = found->digest->text();
  // Clients spread Accept over several lines; one that leaves this type out could do nothing with the bytes.
  if (!media_type::accepts(call.request().header_list("Accept"), found->media_type)) {
    call.decide(Outcome::error);
    call.error = "the manifest is " + found->media_type + ", which the client does not accept";
    auto sent = co_await respond_error(call.exchange, ErrorCode::MANIFEST_UNKNOWN, 404, call.error, &*call.target);
    (void)sent;
    co_return;
  }
  const bool unchanged = none_match(call.request(), digest);
  auto head = api_head(unchanged ? 304 : 200, &*call.target);
  head.add("Content-Type", found->media_type);
  head.add("Docker-Content-Digest", digest).add("ETag", entity_tag(digest)).add("X-Cache", outcome_name(found->outcome));
  if (found->age) head.add("Age", static_cast<std::uint64_t>(found->age->count()));
  if (found->outcome == Outcome::miss && !found->warning.empty()) head.add("Warning", "299 - \"" + found->warning + '"');
  if (found->outcome == Outcome::stale) head.add("Warning", "299 - \"stale: the upstream could not be asked\"");
  if (unchanged) {
    auto sent = co_await call.exchange.respond_empty(std::move(head));
    (void)sent;
  } else if (found->file) {
    co_await send_file(call, std::move(head), *found);
  } else {
    auto sent = co_await call.exchange.respond(std::move(head), found->bytes);
    (void)sent;
  }
}

Task<void> Manifests::send_file(Call& call, ResponseHead head, const ManifestPull::Found& found) {
  auto status = co_await call.exchange.begin(std::move(head), found.file->size);
  if (status) status = co_await call.exchange.send_file(found.file->file->get(), 0, found.file->size);
  if (status) status = co_await call.exchange.end();
  if (status) co_return;
  call.error = status.error().what;
  if (status.error().side == Side::local)
    co_await take_out_of_service(site_, call.parts, *found.digest, found.file->record, call.error);
}

}  // namespace weir
