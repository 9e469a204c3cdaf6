#include "tests/crash/promises.h"

#include <algorithm>
#include <sstream>
#include <stdexcept>

namespace weir::testing {

void Promises::note(std::string_view text) {
  std::istringstream words{std::string(text)};
  std::string verb, kind, name, last, digest;
  words >> verb >> kind >> name;
  if (verb == "evicts") {
    evicts_ = true;
    return;
  }
  auto thing = kind + ' ' + name;
  if (kind != "blob" && words >> last) thing += ' ' + last;
  words >> digest;
  auto& promise = promises_[thing];
  auto& digests = promise.digests;
  if (verb == "begins") {
    if (promise.state == State::gone) promise.state = State::open;
    if (!digest.empty()) digests.push_back(digest);
  } else if (verb == "holds") {
    promise.state = State::held;
    const auto latest = std::find(digests.rbegin(), digests.rend(), digest);
    if (latest != digests.rend()) digests.erase(digests.begin(), latest.base() - 1);
  } else if (verb == "goes") {
    promise.state = State::open;
  } else if (verb == "gone") {
    promise = {.state = State::gone};
  } else {
    throw std::runtime_error("a note says '" + std::string(text) + "'");
  }
}

std::vector<std::string> Promises::broken_by(const Holdings& holdings) const {
  std::vector<std::string> broken;
  for (const auto& [thing, promise] : promises_) {
    const auto found = holdings.things.find(thing);
    if (found == holdings.things.end()) {
      if (promise.state == State::held && !evicts_) broken.push_back(thing + " is lost");
    } else if (promise.state == State::gone) {
      broken.push_back(thing + " was purged and is there again");
    } else if (thing.starts_with("tag ") && std::ranges::count(promise.digests, found->second) == 0) {
      broken.push_back(thing + " is " + found->second + ", which it was before or never");
    }
  }
  return broken;
}

}  // namespace weir::testing
