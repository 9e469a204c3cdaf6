#pragma once
// What the policy can be told.

#include <string>

namespace weir {

struct PolicyOptions {
  std::string file;           // empty: there are no rules, and all that is only read is allowed
  bool default_allow = true;  // of a pull or a list that no rule speaks of; a push or a delete needs a rule
  bool enforce = true;        // false: decides, logs and counts, and lets everything through
};

}  // namespace weir
