#include "tests/crash/promises.h"

#include <doctest/doctest.h>

#include <stdexcept>

namespace weir::testing {

namespace {

struct Told : Promises {
  Told(std::initializer_list<const char*> notes) {
    for (const auto* each : notes) note(each);
  }
  bool kept_by(std::map<std::string, std::string> things) const { return broken_by({std::move(things)}).empty(); }
};

}  // namespace

TEST_CASE("what began may be there, what was answered must be, what was purged must not") {
  Told told{"begins blob d"};
  CHECK(told.kept_by({}));
  CHECK(told.kept_by({{"blob d", "5"}}));
  told.note("holds blob d");
  CHECK(told.broken_by({}) == std::vector<std::string>{"blob d is lost"});
  told.note("goes blob d");
  CHECK(told.kept_by({}));
  CHECK(told.kept_by({{"blob d", "5"}}));
  told.note("gone blob d");
  CHECK(told.broken_by({{{"blob d", "5"}}}) == std::vector<std::string>{"blob d was purged and is there again"});
  told.note("begins blob d");
  CHECK(told.kept_by({{"blob d", "5"}}));
}

TEST_CASE("what is held and asked for again is still held") {
  const Told told{"begins link r d", "holds link r d", "begins link r d"};
  CHECK_FALSE(told.kept_by({}));
}

TEST_CASE("a tag has the digest that was answered last, or one that began since") {
  Told told{"begins tag r t one", "holds tag r t one", "begins tag r t two"};
  CHECK(told.kept_by({{"tag r t", "one"}}));
  CHECK(told.kept_by({{"tag r t", "two"}}));
  CHECK_FALSE(told.kept_by({{"tag r t", "three"}}));
  CHECK_FALSE(told.kept_by({}));
  told.note("holds tag r t two");
  CHECK_FALSE(told.kept_by({{"tag r t", "one"}}));
  told.note("begins tag r t one");
  CHECK(told.kept_by({{"tag r t", "one"}}));
  told.note("holds tag r t one");
  CHECK_FALSE(told.kept_by({{"tag r t", "two"}}));
}

TEST_CASE("from the first eviction on what was held may be gone, but what was purged may not come back") {
  Told told{"holds blob d", "holds tag r t one", "gone blob e", "evicts"};
  CHECK(told.kept_by({}));
  CHECK_FALSE(told.kept_by({{"blob e", "5"}}));
  told.note("holds blob f");
  CHECK(told.kept_by({}));
}

TEST_CASE("a note that nobody understands is an error") { CHECK_THROWS_AS(Told{"loses blob d"}, std::runtime_error); }

}  // namespace weir::testing
