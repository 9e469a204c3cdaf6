#include "policy/conditions.h"

#include <algorithm>
#include <functional>

#include "base/spelling.h"
#include "base/text.h"

namespace weir {
namespace {

// With what stands between the name and the value; the first of them in the order of Kind.
const std::vector<std::string> kWords{
    "tag=",           "tag!=",     "from=", "upstream=", "media-type=",  "size<=",    "first-seen<",
    "by-digest-only", "platform=", "time=", "offline",   "digests-only", "platforms="};

enum Kind : unsigned {
  kTag = 1 << 0,
  kNotTag = 1 << 1,
  kFrom = 1 << 2,
  kUpstream = 1 << 3,
  kMediaType = 1 << 4,
  kSize = 1 << 5,
  kFirstSeen = 1 << 6,
  kByDigestOnly = 1 << 7,
  kPlatform = 1 << 8,
  kTime = 1 << 9,
};
constexpr unsigned kOfManifest = kMediaType | kSize | kFirstSeen | kPlatform;

Error condition_error(std::string what) { return Error{Failure::invalid, Side::local, false, std::move(what)}; }

bool any_of(const std::vector<Glob>& globs, std::string_view text) {
  return std::ranges::any_of(globs, [text](const Glob& glob) { return glob.matches(text); });
}

// `linux/arm64` also means `linux/arm64/v8`.
bool platform_is(const std::vector<Glob>& globs, std::string_view platform) {
  if (any_of(globs, platform)) return true;
  const auto variant = platform.find('/', std::min(platform.size(), platform.find('/') + 1));
  return variant != std::string_view::npos && any_of(globs, platform.substr(0, variant));
}

Result<std::vector<Glob>> read_globs(std::string_view value, const std::function<bool(std::string_view)>& good,
                                     std::string_view what) {
  std::vector<Glob> globs;
  for (const auto word : split(value, ',')) {
    if (word.empty() || word.size() > Glob::kMostBytes || !good(word))
      return condition_error(quoted(word) + " is " + std::string(what));
    globs.emplace_back(std::string(word));
  }
  return globs;
}

Status read_into(std::vector<Glob>& globs, std::string_view value, const std::function<bool(std::string_view)>& good,
                 std::string_view what) {
  auto read = read_globs(value, good, what);
  if (!read) return std::move(read).error();
  globs = *std::move(read);
  return ok_status();
}

bool made_of(std::string_view word, std::string_view also) {
  return std::ranges::all_of(word, [also](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '*' ||
           also.find(c) != std::string_view::npos;
  });
}
bool tag_like(std::string_view word) { return word.size() <= 128 && made_of(word, "._-"); }
bool upstream_like(std::string_view word) { return made_of(word, "._-:"); }
bool media_type_like(std::string_view word) {
  return word.find_first_of("/*") != std::string_view::npos && made_of(word, "/.+-_");
}
bool platform_like(std::string_view word) {
  const auto slashes = std::ranges::count(word, '/');
  return slashes >= 1 && slashes <= 2 && !word.starts_with('/') && !word.ends_with('/') && made_of(word, "/._-");
}
constexpr std::string_view kNoPlatform = "no platform, such as linux/amd64, linux/arm64/v8 or linux/*";

}  // namespace

Status Conditions::add(std::string_view word) {
  const auto name_end = word.find_first_of("=<>!");
  auto value_begin = std::min(name_end, word.size());
  while (value_begin < word.size() && std::string_view("=<>!").find(word[value_begin]) != std::string_view::npos) ++value_begin;
  const auto name = word.substr(0, value_begin);
  const auto known = std::ranges::find(kWords, name);
  if (known == kWords.end()) return condition_error("there is no condition " + quoted(name) + suggestion(name, kWords));
  const auto kind = 1u << (known - kWords.begin());
  if (given(kind)) return condition_error(quoted(name) + " stands here twice; a comma joins values");
  const auto value = word.substr(value_begin);
  if (value_begin > name_end && value.empty()) return condition_error(quoted(name) + " has no value");
  if (auto status = take(name, value); !status) return status;
  given_ |= kind;
  return ok_status();
}

Status Conditions::take(std::string_view name, std::string_view value) {
  if (name == "tag=") return read_into(tags_, value, tag_like, "no tag or pattern of one");
  if (name == "tag!=") return read_into(not_tags_, value, tag_like, "no tag or pattern of one");
  if (name == "upstream=") return read_into(upstreams_, value, upstream_like, "no upstream's name");
  if (name == "media-type=") return read_into(media_types_, value, media_type_like, "no media type or pattern of one");
  if (name == "platform=") return read_into(platforms_, value, platform_like, kNoPlatform);
  if (name == "platforms=") return read_into(only_platforms_, value, platform_like, kNoPlatform);
  if (name == "offline") offline_ = true;
  if (name == "digests-only") digests_only_ = true;
  if (name == "from=") {
    for (const auto word : split(value, ',')) {
      auto network = Network::parse(word);
      if (!network) return std::move(network).error();
      from_.push_back(*network);
    }
  }
  if (name == "size<=") {
    most_size_ = parse_size(value);
    if (!most_size_) return condition_error(quoted(value) + " is no size, such as 500MB or 2GiB");
  }
  if (name == "first-seen<") {
    const auto duration = parse_duration(value);
    if (!duration || duration->count() <= 0 || *duration > std::chrono::hours(24 * 3650))
      return condition_error(quoted(value) + " is no duration up to ten years, such as 12h or 7d");
    first_seen_ = std::chrono::ceil<Seconds>(*duration);
  }
  if (name == "time=") {
    auto time = WeeklyTime::parse(value);
    if (!time) return std::move(time).error();
    time_ = *std::move(time);
  }
  return ok_status();
}

Holds Conditions::hold(const Question& question, const Facts& facts, bool tags_known, std::string_view tag, bool of_all,
                       unsigned& needs) const {
  if (given_ == 0) return Holds::yes;
  if (given(kFrom) &&
      (!question.from || std::ranges::none_of(from_, [&](const Network& network) { return network.holds(*question.from); })))
    return Holds::no;
  if (given(kUpstream) && !any_of(upstreams_, question.upstream)) return Holds::no;
  if (given(kTime) && !time_->holds(question.now)) return Holds::no;
  const bool anything = question.asked == Question::Asked::anything;
  if (given(kByDigestOnly) && question.asked != Question::Asked::digest && !anything) return Holds::no;
  // A listing is of no manifest.
  if (given(kOfManifest) && question.asked == Question::Asked::nothing) return Holds::no;

  unsigned open = given(kByDigestOnly) && anything ? kNeedsTags : 0;
  if (given(kTag | kNotTag)) {
    if (!tags_known) open |= kNeedsTags;
    else if (given(kTag) && (!tag.data() || !any_of(tags_, tag))) return Holds::no;
    else if (given(kNotTag) && tag.data() && any_of(not_tags_, tag)) return Holds::no;
  }
  if (given(kMediaType)) {
    if (!facts.media_type) open |= kNeedsMediaType;
    else if (!any_of(media_types_, *facts.media_type)) return Holds::no;
  }
  if (given(kSize)) {
    if (!facts.size) open |= kNeedsSize;
    else if (*facts.size > *most_size_) return Holds::no;
  }
  if (given(kPlatform)) {
    const auto wanted = [this](const std::string& platform) { return platform_is(platforms_, platform); };
    if (!facts.platforms) open |= kNeedsPlatform;
    else if (facts.platforms->empty()) return Holds::no;
    else if (of_all ? !std::ranges::all_of(*facts.platforms, wanted) : std::ranges::none_of(*facts.platforms, wanted))
      return Holds::no;
  }
  if (given(kFirstSeen)) {
    if (!facts.seen_for) open |= kNeedsFirstSeen;
    else if (*facts.seen_for >= *first_seen_) return Holds::no;
  }
  needs |= open;
  return open ? Holds::maybe : Holds::yes;
}

Holds Conditions::violated(const Question& question, const Facts& facts, unsigned& needs) const {
  if (digests_only_ && question.asked == Question::Asked::tag) return Holds::yes;
  if (digests_only_ && question.asked == Question::Asked::anything) {
    needs |= kNeedsTags;
    return Holds::maybe;
  }
  // A listing has no platform.
  if (only_platforms_.empty() || question.asked == Question::Asked::nothing) return Holds::no;
  if (!facts.platforms) {
    needs |= kNeedsPlatform;
    return Holds::maybe;
  }
  const bool good = facts.platforms->empty() || std::ranges::any_of(*facts.platforms, [this](const std::string& platform) {
                      return platform_is(only_platforms_, platform);
                    });
  return good ? Holds::no : Holds::yes;
}

}  // namespace weir
