#include "conf/values.h"

#include "tests/unit/conf/loading.h"

#include <doctest/doctest.h>

using namespace weir;

namespace {
// Empty when the text was taken, else what is wrong with it.
std::string read(const ConfigValue& value, std::string_view text, bool again = false) {
  const auto status = value.read(text, again);
  return status ? std::string() : status.error().what;
}
}  // namespace

TEST_CASE("a count is a whole number between its bounds") {
  unsigned field = 7;
  const auto value = count(field, 1, 100);
  CHECK(value.show() == "7");
  CHECK(read(value, "100").empty());
  CHECK(field == 100);
  for (const char* bad :
       {"0", "101", "-1", "+1", "1.5", "ten", "1 2", "0x10", "18446744073709551617", "99999999999999999999999"}) {
    CHECK_MESSAGE(read(value, bad) == '"' + std::string(bad) + "\" is not a whole number from 1 to 100", bad);
  }
  CHECK(field == 100);
}

TEST_CASE("a size takes units and neither a sign nor more bytes than there are") {
  std::uint64_t field = 0;
  const auto value = size(field);
  CHECK(read(value, "10 GiB").empty());
  CHECK(field == 10ull << 30);
  CHECK(value.show() == "10GiB");
  CHECK(read(value, "512").empty());
  for (const char* bad : {"-1GiB", "16777216TiB", "18446744073709551616", "99999999999999TB", "1.5GiB", "10 gigs", "GiB"}) {
    CHECK_MESSAGE(read(value, bad).find("is not a size") != std::string::npos, bad);
  }
  CHECK(field == 512);
}

TEST_CASE("a duration takes units, has a least value, and never overflows a deadline") {
  Milliseconds field = Seconds(75);
  const auto value = duration(field, Milliseconds(1));
  CHECK(value.show() == "75s");
  CHECK(read(value, "90m").empty());
  CHECK(field == std::chrono::minutes(90));
  CHECK(read(value, "5 minutes") == "\"5 minutes\" is not a duration, such as 250ms, 30s, 5m, 2h or 7d");
  CHECK(read(value, "-5s") == "\"-5s\" is not a duration, such as 250ms, 30s, 5m, 2h or 7d");
  CHECK(read(value, "0") == "\"0\" is too short; at least 1ms");
  CHECK(read(value, "3651d") == "\"3651d\" is too long; at most 3650d");
  CHECK(read(value, "99999999999999999d") == "\"99999999999999999d\" is not a duration, such as 250ms, 30s, 5m, 2h or 7d");
  CHECK(field == std::chrono::minutes(90));
}

TEST_CASE("a duration that need not be set shows nothing until it is") {
  std::optional<Milliseconds> field;
  const auto value = duration(field, Milliseconds(0));
  CHECK(value.show().empty());
  CHECK(read(value, "0").empty());
  CHECK(field == Milliseconds(0));
  CHECK(value.show() == "0ms");
  CHECK_FALSE(read(value, "x").empty());
}

TEST_CASE("on and off have their usual other names") {
  bool field = false;
  const auto value = on_off(field);
  for (const char* on : {"on", "yes", "true", "1"}) {
    field = false;
    CHECK_MESSAGE((read(value, on).empty() && field && value.show() == "on"), on);
  }
  for (const char* off : {"off", "no", "false", "0"}) {
    field = true;
    CHECK_MESSAGE((read(value, off).empty() && !field && value.show() == "off"), off);
  }
  CHECK(read(value, "maybe") == "\"maybe\" is not one of on, off");
}

TEST_CASE("a choice takes its words only and shows the one that is chosen") {
  bool durable = true;
  const auto value = one_of<bool>(durable, {{"durable", true}, {"fast", false}});
  CHECK(value.type == "durable|fast");
  CHECK(read(value, "fast").empty());
  CHECK_FALSE(durable);
  CHECK(value.show() == "fast");
  CHECK(read(value, "Fast") == "\"Fast\" is not one of durable, fast");
}

TEST_CASE("a list takes several words on a line, then further lines, and no word twice") {
  std::vector<std::string> field{"old:1"};
  const auto value = hosts(field);
  CHECK(value.repeatable);
  CHECK(read(value, "a:1  B:2,c").empty());
  CHECK(field == std::vector<std::string>{"a:1", "b:2", "c"});
  CHECK(read(value, "d", true).empty());
  CHECK(value.show() == "a:1 b:2 c d");
  CHECK(read(value, "e c", true) == "\"c\" is listed twice");
  CHECK(read(value, "x x") == "\"x\" is listed twice");
  CHECK(read(value, " , ") == "no word in the list");
  CHECK(read(value, "http://x") == "\"http://x\" is not a host, such as auth.example.com, 10.0.0.7:5001 or [fd00::7]");
  CHECK(value.show() == "a:1 b:2 c d");
}

TEST_CASE("namespaces are in lower case") {
  std::vector<std::string> field;
  const auto value = namespaces(field);
  CHECK(read(value, "docker.io registry.local:5000 plain").empty());
  CHECK(read(value, "Docker.io").find("is not a namespace") != std::string::npos);
  CHECK(read(value, "docker.io/library").find("is not a namespace") != std::string::npos);
}

TEST_CASE("off stands alone") {
  std::vector<std::string> field{"127.0.0.1:5001"};
  const auto value = addresses_or_off(field);
  CHECK(read(value, "off").empty());
  CHECK(field.empty());
  CHECK(value.show() == "off");
  CHECK(read(value, "127.0.0.1:1", true) == "off stands alone, beside no address");
  CHECK(read(value, "127.0.0.1:1").empty());
  CHECK(read(value, "off", true) == "off stands alone, beside no address");
  CHECK_FALSE(read(value, "off 127.0.0.1:1").empty());
  CHECK(value.show() == "127.0.0.1:1");
  std::vector<std::string> served{"127.0.0.1:5000"};
  CHECK_FALSE(read(addresses(served), "off").empty());
}

TEST_CASE("a certificate file must be there, readable, and hold a certificate") {
  const weir::testing::ScratchFile good("-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"),
      key("-----BEGIN PRIVATE KEY-----\n");
  std::string field;
  const auto value = certificate_file(field);
  CHECK(read(value, good.path()).empty());
  CHECK(field == good.path());
  CHECK(read(value, "/no/such/ca.pem").find("/no/such/ca.pem") != std::string::npos);
  CHECK(read(value, "/tmp").find("/tmp") != std::string::npos);
  CHECK(read(value, key.path()) == '"' + key.path() + "\" holds no PEM certificate");
  CHECK(field == good.path());
}
