#include "base/result.h"

#include <cerrno>
#include <memory>
#include <set>
#include <string>

#include <doctest/doctest.h>

using namespace weir;

TEST_CASE("a result is a value or an error, never both") {
  const Result<std::string> good("value");
  CHECK(good.ok());
  CHECK(*good == "value");
  CHECK(good->size() == 5);
  const Result<std::string> bad(Error{Failure::timeout, Side::upstream, true, "too late", 504});
  CHECK_FALSE(bad.ok());
  CHECK_FALSE(static_cast<bool>(bad));
  CHECK(bad.error().failure == Failure::timeout);
  CHECK(bad.error().status == 504);
}

TEST_CASE("a value that cannot be copied is moved out") {
  Result<std::unique_ptr<int>> result(std::make_unique<int>(7));
  const auto taken = *std::move(result);
  CHECK(*taken == 7);
}

TEST_CASE("a full disk and a missing file have names of their own, all else is io") {
  CHECK(system_error(ENOSPC, "write").failure == Failure::no_space);
  CHECK(system_error(EMFILE, "open").failure == Failure::overloaded);
  CHECK(system_error(ENFILE, "open").failure == Failure::overloaded);
  CHECK(system_error(EDQUOT, "write").failure == Failure::no_space);
  CHECK(system_error(ENOENT, "open").failure == Failure::not_found);
  CHECK(system_error(EIO, "read").failure == Failure::io);
  CHECK(system_error(EACCES, "open").failure == Failure::io);
  CHECK(system_error(ENOSPC, "write x").what == "write x: No space left on device");
  CHECK(system_error(99999, "strange").what == "strange: unknown error");
  CHECK(system_error(EIO, "read").side == Side::local);
}

TEST_CASE("every failure has a name, and no two the same") {
  std::set<std::string> names;
  for (int i = 0; i <= static_cast<int>(Failure::unsupported); ++i) {
    const std::string name = failure_name(static_cast<Failure>(i));
    CHECK(name != "unknown");
    CHECK_MESSAGE(names.insert(name).second, name);
  }
}
