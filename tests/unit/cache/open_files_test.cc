#include "cache/open_files.h"

#include "tests/unit/oci/values.h"

#include <doctest/doctest.h>

using namespace weir;
using namespace weir::testing;

TEST_CASE("a file is found as long as somebody holds it") {
  OpenFiles open;
  CHECK(open.find(some_digest()) == nullptr);
  auto file = std::make_shared<const UniqueFd>();
  open.add(some_digest(), file);
  CHECK(open.find(some_digest()) == file);
  CHECK(open.find(some_digest(1)) == nullptr);
  CHECK(open.size() == 1);
  file.reset();
  CHECK(open.find(some_digest()) == nullptr);
  CHECK(open.size() == 0);
}

TEST_CASE("what is forgotten is opened anew, and what comes in its place is found") {
  OpenFiles open;
  const auto first = std::make_shared<const UniqueFd>(), second = std::make_shared<const UniqueFd>();
  open.add(some_digest(), first);
  open.forget(some_digest());
  CHECK(open.find(some_digest()) == nullptr);
  open.add(some_digest(), first);
  open.add(some_digest(), second);
  CHECK(open.find(some_digest()) == second);
}

TEST_CASE("files that came and went leave nothing behind") {
  OpenFiles open;
  for (unsigned i = 0; i < 20'000; ++i) open.add(some_digest(i), std::make_shared<const UniqueFd>());
  CHECK(open.size() == 0);
  CHECK(open.remembered() < 16 * 64 + 16);
}

TEST_CASE("of two that opened one blob at once each counts") {
  OpenFiles open;
  const auto first = std::make_shared<const UniqueFd>();
  auto second = std::make_shared<const UniqueFd>();
  open.add(some_digest(), first);
  open.add(some_digest(), second);
  CHECK(open.size() == 1);
  second.reset();
  CHECK(open.find(some_digest()) == first);
  CHECK(open.size() == 1);
}
