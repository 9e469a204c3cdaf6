// What a program has promised by its answers, as the notes of a recording tell it, and whether a store keeps it.
//
//   begins THING      it was asked for and may be there from now on
//   holds THING       it was answered; it is there whatever happens
//   goes THING        its purge was asked for; it may be there or not
//   gone THING        the purge was answered; it is not there, until it begins anew
//   evicts            from now on nothing that is held is promised any more
//
// THING is `blob DIGEST`, `link REPOSITORY DIGEST` or `tag REPOSITORY TAG`. With begins and holds a tag's digest follows; a tag
// that is held has that digest or one that began later.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "tests/crash/holdings.h"

namespace weir::testing {

class Promises {
 public:
  // Throws std::runtime_error when it is none of those.
  void note(std::string_view text);

  // A line for each promise that is not kept.
  std::vector<std::string> broken_by(const Holdings& holdings) const;

 private:
  enum class State { open, held, gone };
  struct Promise {
    State state = State::open;
    std::vector<std::string> digests = {};  // of a tag: those it may have, in the order in which they began
  };

  std::map<std::string, Promise> promises_;  // by thing
  bool evicts_ = false;
};

}  // namespace weir::testing
