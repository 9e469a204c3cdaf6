#include "meter/access_log.h"

#include <fcntl.h>

#include "base/fd.h"
#include "base/json.h"
#include "tests/unit/base/scratch.h"

#include <doctest/doctest.h>

using namespace weir;
using namespace weir::testing;

namespace {

Json logged(const AccessRecord& record) {
  const Scratch scratch;
  const ManualClock clock;
  const UniqueFd fd(::open(scratch.file("log").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  {
    Log log(clock, {.json = true, .level = LogLevel::info, .fd = fd.get()});
    write_access_line(log, record);
  }
  auto json = Json::parse(read_file(scratch.file("log")));
  REQUIRE(json.ok());
  return *std::move(json);
}

}  // namespace

TEST_CASE("an access line says who asked for what, how it ended and what it cost") {
  AccessRecord record;
  record.client = "10.0.0.1:999";
  record.method = "GET";
  record.route = "blob";
  record.repository = "docker.io/library/alpine";
  record.reference = "sha256:abc";
  record.outcome = Outcome::joined;
  record.status = 200;
  record.bytes = 1ull << 40;
  record.first_byte_us = 12;
  record.complete = false;
  record.error = "the client left";
  const auto line = logged(record);
  CHECK(line.string_at("event") == "access");
  CHECK(line.string_at("identity") == "anonymous");
  CHECK(line.string_at("client") == "10.0.0.1:999");
  CHECK(line.string_at("repository") == "docker.io/library/alpine");
  CHECK(line.string_at("outcome") == "joined");
  CHECK(line.integer_at("status") == 200);
  CHECK(line.integer_at("bytes") == 1ll << 40);
  CHECK(line.integer_at("first_byte_us") == 12);
  CHECK(line.string_at("complete") == "no");
  CHECK(line.string_at("error") == "the client left");
}

TEST_CASE("a client's own words are cut short and cannot break the line") {
  AccessRecord record;
  const std::string agent = "evil\n\"\\" + std::string(5000, 'x');
  record.user_agent = agent;
  const auto line = logged(record);
  CHECK(line.string_at("user_agent") == agent.substr(0, 128));
  CHECK(line.string_at("complete") == "yes");
}

TEST_CASE("every outcome has a word of its own") {
  std::size_t count = 0;
  for (const auto name : kOutcomeNames) {
    CHECK_FALSE(name.empty());
    CHECK(outcome_name(static_cast<Outcome>(count++)) == name);
  }
  CHECK(count == static_cast<std::size_t>(Outcome::error) + 1);
}
