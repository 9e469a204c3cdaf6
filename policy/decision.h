#pragma once
// May you: the question, what may become known only later, and the answer.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/network.h"

namespace weir {

enum class Action : std::uint8_t { pull = 1, push = 2, remove = 4, list = 8 };
// `pull`, `push`, `delete`, `list`.
std::string_view action_name(Action action) noexcept;
std::optional<Action> parse_action(std::string_view word);

// Views live as long as the question is being answered.
struct Question {
  std::string_view identity = "anonymous";
  std::optional<IpAddress> from;  // nothing: no network holds it
  Action action = Action::pull;
  std::string_view repository;    // canonical
  std::string_view upstream;      // the name of its section
  WallSeconds now = 0;

  // nothing: a listing; anything: it is not said yet, as in the scope of a token.
  enum class Asked : std::uint8_t { nothing, tag, digest, anything };
  Asked asked = Asked::nothing;
  std::string_view tag;  // where a tag was asked for
  // Where a digest was: every tag of the repository that leads to it, as far as is known; nothing: nobody has looked yet.
  std::optional<std::vector<std::string>> tags;
};

// What only the manifest tells. Nothing: not known yet, or, where the answer is final, not to be known.
struct Facts {
  std::optional<std::string> media_type;
  std::optional<std::uint64_t> size;                  // bytes, the sum of its layers; 0 for an index
  std::optional<std::vector<std::string>> platforms;  // `linux/amd64`: its own, or those an index has; none for what is no image
  std::optional<Seconds> seen_for;  // since this site first saw the digest
};

enum Need : unsigned { kNeedsTags = 1, kNeedsMediaType = 2, kNeedsSize = 4, kNeedsPlatform = 8, kNeedsFirstSeen = 16 };
// `its size`, `its platform and when it was first seen`.
std::string show_needs(unsigned needs);

struct Rule;

struct Decision {
  enum class Effect : std::uint8_t { allow, deny, depends };
  Effect effect = Effect::deny;
  const Rule* rule = nullptr;  // that decided, or that it depends on; nothing: the default did. Lives as long as its Policy
  unsigned needs = 0;  // depends: on these; deny: it was denied because these cannot be known
  const Rule* offline = nullptr;  // allowed or depends: from what is held alone, because of this rule
};
// `allow`, `deny`, `depends`.
std::string_view effect_name(Decision::Effect effect) noexcept;

}  // namespace weir
