#include "proxy/decide.h"

#include "oci/media_type.h"
#include "proxy/answer.h"
#include "proxy/elsewhere.h"

namespace weir {
namespace {

constexpr std::uint64_t kMostConfig = 4 << 20;  // bytes of an image's config that are read for its platform
constexpr unsigned kMostKin = 1000;             // manifests that a blob is judged by
constexpr auto kConfigPatience = Seconds(30);

Question question_of(const Call& call) {
  const auto action = call.route.kind == Route::Kind::tags ? Action::list : Action::pull;
  auto question = question_about(call, call.identity(), action, *call.target);
  if (!call.route.reference) return question;
  const auto* tag = call.route.reference->tag();
  question.asked = tag ? Question::Asked::tag : Question::Asked::digest;
  if (tag) question.tag = tag->text();
  return question;
}

std::string refusal_text(const Decision& decision) {
  if (!decision.rule) return "denied by policy: no rule allows it";
  std::string text = "denied by policy rule " + decision.rule->name;
  if (decision.needs == 0) return text;
  return text + ": it is not known " +
         (decision.needs == kNeedsFirstSeen ? show_needs(decision.needs) : "what " + show_needs(decision.needs) + " is");
}

}  // namespace

Question question_about(const Call& call, std::string_view identity, Action action, const Router::Target& target) {
  Question question;
  question.identity = identity;
  question.from = IpAddress::of_peer(call.exchange.peer());
  question.action = action;
  question.repository = target.repository.text();
  question.upstream = target.upstream->options().name;
  question.now = call.parts.loop.clock().wall_seconds();
  return question;
}

Facts facts_of(const Kin& kin, WallSeconds now) {
  Facts facts;
  if (kin.record) {
    facts.media_type = kin.record->media_type;
    facts.size = kin.record->layer_bytes;
    if (!kin.record->config) facts.platforms = kin.record->platforms;
  }
  if (kin.platform && !kin.platform->empty()) facts.platforms = std::vector{*kin.platform};
  if (kin.first_seen) facts.seen_for = Seconds(std::max<WallSeconds>(0, now - *kin.first_seen));
  return facts;
}

bool may_ever(const Call& call, std::string_view identity, std::string_view action, const Router::Target& target) {
  if (!call.settings->policy_options.enforce) return action == "pull";
  const auto& policy = *call.settings->policy;
  auto question = question_about(call, identity, parse_action(action).value(), target);
  question.asked = Question::Asked::anything;
  if (policy.decide(question).effect != Decision::Effect::deny) return true;
  if (question.action != Action::pull) return false;
  question.action = Action::list;
  return policy.decide(question).effect != Decision::Effect::deny;
}

Task<bool> Decide::admit(Call& call) {
  if (!call.target || call.route.kind == Route::Kind::uploads) co_return true;
  const auto& policy = *call.settings->policy;
  if (policy.rules() == 0 && policy.default_allow()) co_return true;
  auto question = question_of(call);
  auto decision = policy.decide(question);
  if (decision.effect == Decision::Effect::depends && question.asked == Question::Asked::digest) {
    decision = co_await judge_by_kin(call, question);
  }
  call.undecided = decision.effect == Decision::Effect::depends;
  if (decision.offline && call.settings->policy_options.enforce) call.target->offline = decision.offline->name;
  if (call.undecided) co_return true;
  const bool may = co_await conclude(call, question, decision);
  co_return may;
}

Task<bool> Decide::admit_manifest(Call& call, const ManifestPull::Found& found) {
  auto question = question_of(call);
  // What could not be kept has left nothing in the index; the bytes are here all the same.
  Kin kin{*found.digest, {}, std::nullopt, std::nullopt, std::nullopt};
  each_kin(site_.store.index(), question.repository, *found.digest, [&](const Kin& known) {
    kin = known;
    return false;
  });
  if (question.asked == Question::Asked::digest) question.tags = kin.tags;
  if (!kin.record) {
    // Of one that is not linkable nothing is known that a rule may ask for.
    const auto manifest = co_await manifests_.parse(call.parts, found);
    if (manifest && manifest->linkable) {
      kin.record = ManifestRecord{manifest->layer_bytes(), manifest->media_type, std::nullopt, {}};
      if (!media_type::is_index(manifest->media_type)) kin.record->config = manifest->blobs[0].digest;
      for (const auto& child : manifest->manifests) {
        if (!child.platform.empty()) kin.record->platforms.push_back(child.platform);
      }
    }
  }
  const auto decision = co_await judge(call, question, kin, true);
  const bool may = co_await conclude(call, question, decision);
  co_return may;
}

// The friendliest answer of those it can be judged by. Only a manifest that is not here yet is left open.
Task<Decision> Decide::judge_by_kin(Call& call, Question question) {
  std::vector<Kin> kin;
  each_kin(site_.store.index(), question.repository, *call.route.reference->digest(), [&kin](const Kin& one) {
    kin.push_back(one);
    return kin.size() < kMostKin;
  });
  const bool manifest = call.route.kind == Route::Kind::manifest;
  if (kin.empty()) {
    question.tags.emplace();
    co_return manifest ? call.settings->policy->decide(question) : call.settings->policy->decide_finally(question, {});
  }
  std::optional<Decision> best;
  for (auto& one : kin) {
    question.tags = one.tags;
    auto decision = co_await judge(call, question, one, !manifest || one.record.has_value());
    if (!best || decision.effect == Decision::Effect::allow) best = decision;
    if (best->effect == Decision::Effect::allow) break;
  }
  co_return *best;
}

// By one manifest. The config of an image is fetched where its platform decides and no index has said it.
Task<Decision> Decide::judge(Call& call, Question question, Kin kin, bool final) {
  const auto& policy = *call.settings->policy;
  auto facts = facts_of(kin, question.now);
  auto decision = policy.decide(question, facts);
  const bool open = decision.effect == Decision::Effect::depends && (decision.needs & kNeedsPlatform);
  if (open && kin.record && kin.record->config) {
    const auto platform = co_await read_config(call, *kin.record->config);
    if (platform) {
      facts.platforms.emplace();
      if (!platform->empty()) facts.platforms->push_back(*platform);
    }
    decision = policy.decide(question, facts);
  }
  co_return final ? policy.decide_finally(question, facts) : decision;
}

// The platform in it; empty: it is the config of no image. Nothing: it cannot be had, or is ambiguous.
Task<std::optional<std::string>> Decide::read_config(Call& call, Digest config) {
  auto source = co_await blobs_.find(call.parts, *call.target, config,
                                     [this, &call, config] { return pullable_elsewhere(site_, call, config); });
  if (!source) co_return std::nullopt;
  std::shared_ptr<const UniqueFd> file;
  std::uint64_t size = 0;
  if (const auto* stored = std::get_if<OpenBlob>(&source->from)) {
    file = stored->file;
    size = stored->size;
  } else if (const auto* fill = std::get_if<std::shared_ptr<Fill>>(&source->from)) {
    const auto progress = co_await (*fill)->wait_beyond(call.parts.loop, kMostConfig, true, kConfigPatience);
    if (progress.state != Fill::State::verified) co_return std::nullopt;
    file = (*fill)->file();
    size = progress.written;
  }
  if (!file || size > kMostConfig) co_return std::nullopt;
  auto platform = co_await site_.store.pool().run(call.parts.loop, [&]() -> std::optional<std::string> {
    std::string bytes(size, '\0');
    const auto count = site_.store.disk().read_at(file->get(), std::as_writable_bytes(std::span(bytes)), 0);
    if (!count || *count != size) return std::nullopt;
    return platform_of_config(bytes);
  });
  co_return platform;
}

Task<bool> Decide::conclude(Call& call, const Question& question, const Decision& decision) {
  const bool denied = decision.effect != Decision::Effect::allow;
  const bool enforce = call.settings->policy_options.enforce;
  call.parts.requests.policy(!denied ? "allow" : enforce ? "deny" : "audit").add(1);
  if (!denied) co_return true;
  const auto text = refusal_text(decision);
  const auto place = decision.rule ? call.settings->policy->place(*decision.rule) : std::string();
  site_.log.warning(enforce ? "denied by policy" : "would be denied by policy",
                    {{"identity", question.identity},
                     {"client", call.exchange.peer()},
                     {"action", action_name(question.action)},
                     {"repository", question.repository},
                     {"reference", call.route.reference ? call.route.reference->text() : ""},
                     {"rule", decision.rule ? std::string_view(decision.rule->name) : std::string_view("default")},
                     {"place", place},
                     {"why", text}});
  if (!enforce) co_return true;
  call.decide(Outcome::denied);
  call.error = text;
  const auto& auth = *call.settings->auth;
  if (!auth.open() && call.caller.nobody() && call.settings->policy->another_might(question)) {
    auto login = unauthorized(call, text);
    auto asked = co_await respond_error(call.exchange, login.code, login.status, login.detail, &*call.target, login.challenge);
    (void)asked;
    co_return false;
  }
  // Some clients show the reason phrase alone.
  auto head = api_head(403, &*call.target, "Denied by policy " + (decision.rule ? "rule " + decision.rule->name : "default"));
  head.add("Content-Type", "application/json");
  auto sent = co_await call.exchange.respond(std::move(head), error_body(ErrorCode::DENIED, text));
  (void)sent;  // the exchange knows how far it came
  co_return false;
}

}  // namespace weir
