#include "base/json.h"

#include <doctest/doctest.h>

using namespace weir;

namespace {

Json json_of(std::string_view text) {
  auto json = Json::parse(text);
  REQUIRE_MESSAGE(json.ok(), text);
  return *std::move(json);
}

std::string json_string(std::string_view text) {
  std::string out;
  append_json_string(out, text);
  return out;
}

}  // namespace

TEST_CASE("a question about the wrong kind of value is answered with nothing") {
  const Json json = json_of(R"({"text":"x","number":1,"list":[1],"yes":true,"none":null})");
  CHECK(json.is_object());
  CHECK_FALSE(json.is_array());
  CHECK(json.items().empty());
  CHECK_FALSE(json.string());
  CHECK_FALSE(json.at("text")->integer());
  CHECK_FALSE(json.at("text")->at("x"));
  CHECK_FALSE(json.at("number")->string());
  CHECK_FALSE(json.at("number")->boolean());
  CHECK_FALSE(json.at("list")->at("0"));
  CHECK(json.at("list")->keys().empty());
  CHECK_FALSE(json.at("missing"));
  CHECK(json.has("none"));
  CHECK_FALSE(json.at("none")->string());
  CHECK(json.at("yes")->boolean() == true);
  CHECK(json.string_at("text") == "x");
  CHECK_FALSE(json.string_at("number"));
  CHECK(json.integer_at("number") == 1);
  CHECK_FALSE(json.integer_at("text"));
}

TEST_CASE("an integer is whole and fits 64 bits with a sign") {
  CHECK(json_of("9223372036854775807").integer() == INT64_MAX);
  CHECK(json_of("-9223372036854775808").integer() == INT64_MIN);
  CHECK_FALSE(json_of("9223372036854775808").integer());
  CHECK_FALSE(json_of("18446744073709551615").integer());
  CHECK_FALSE(json_of("99999999999999999999999").integer());
  CHECK_FALSE(json_of("1.0").integer());
  CHECK_FALSE(json_of("1e3").integer());
}

TEST_CASE("of two members of one name the last counts") { CHECK(json_of(R"({"a":1,"b":0,"a":2})").integer_at("a") == 2); }

TEST_CASE("nesting is allowed up to the depth that was asked, and brackets inside strings do not count") {
  const auto nested = [](unsigned depth) { return std::string(depth, '[') + std::string(depth, ']'); };
  CHECK(Json::parse(nested(64)).ok());
  CHECK_FALSE(Json::parse(nested(65)).ok());
  CHECK(Json::parse(nested(3), 3).ok());
  CHECK_FALSE(Json::parse(nested(4), 3).ok());
  CHECK(Json::parse(R"(["[[[[", "\"[[[[", "{{{{"])", 1).ok());
  CHECK(Json::parse("[[],[],[],[]]", 2).ok());
  CHECK_FALSE(Json::parse(std::string(1'000'000, '[')).ok());
}

TEST_CASE("malformed text is an error of the client's") {
  for (const std::string bad : {"", " ", "{", "{}{}", "{}x", "{'a':1}", "{\"a\":}", "[1,]", "nul", "01", "\"\\x\"", "\"\xff\"",
                                "\"a\nb\"", "\xef\xbb", "{\"a\":1,}", "// comment\n1", "NaN"}) {
    const auto json = Json::parse(bad);
    CHECK_MESSAGE(!json.ok(), bad);
    if (!json) CHECK(json.error().failure == Failure::invalid);
  }
}

TEST_CASE("a NUL is no end of a document") {
  CHECK_FALSE(Json::parse(std::string_view("{}\0", 3)).ok());
  CHECK_FALSE(Json::parse(std::string_view("{\"a\":1}\0{\"a\":2}", 15)).ok());
  CHECK_FALSE(Json::parse(std::string_view("[\0]", 3)).ok());
}

TEST_CASE("a part of a document lives on without the rest") {
  std::optional<Json> part;
  {
    const Json whole = json_of(R"({"a":{"b":["kept"]}})");
    part = whole.at("a")->at("b");
  }
  CHECK(part->items().at(0).string() == "kept");
}

TEST_CASE("members and elements come in a known order") {
  CHECK(json_of(R"({"b":1,"a":2})").keys() == std::vector<std::string>{"a", "b"});
  const auto items = json_of("[3,1,2]").items();
  REQUIRE(items.size() == 3);
  CHECK(items[0].integer() == 3);
  CHECK(items[2].integer() == 2);
}

TEST_CASE("a string is escaped where JSON needs it") {
  CHECK(json_string("plain ~") == "\"plain ~\"");
  CHECK(json_string("") == "\"\"");
  CHECK(json_string("a\"b\\c") == R"("a\"b\\c")");
  CHECK(json_string("\n\t\r") == R"("\n\t\r")");
  CHECK(json_string(std::string_view("\0\x1f", 2)) == R"("\u0000\u001f")");
  CHECK(json_string("\xc3\xa9") == "\"\xc3\xa9\"");
}

TEST_CASE("bytes that are not UTF-8 become the replacement character") {
  CHECK(json_string("a\xff"
                    "b") ==
        "\"a\xef\xbf\xbd"
        "b\"");
  for (const std::string bad : {"\xc3", "\xed\xa0\x80", "\xf8\x88\x80\x80\x80", "\xc0\x80", "x\x80"}) {
    CHECK_MESSAGE(Json::parse(json_string(bad)).ok(), bad);
  }
}

TEST_CASE("every byte can be written and makes a document that can be read") {
  for (int i = 0; i < 128; ++i) {
    const std::string text(1, static_cast<char>(i));
    CHECK(json_of(json_string(text)).string() == text);
  }
}

TEST_CASE("a writer puts the commas and the closing brackets") {
  JsonWriter json;
  json.object().member("text", "x").member("yes", true).key("list").array().value(1).value("two").null().object().end().array().end();
  json.end().member("least", INT64_MIN).member("most", UINT64_MAX).key("in").object().member("deep", false).end().end();
  const auto text = json.take();
  CHECK(text == R"({"text":"x","yes":true,"list":[1,"two",null,{},[]],"least":-9223372036854775808,)"
                R"("most":18446744073709551615,"in":{"deep":false}})");
  CHECK(Json::parse(text).ok());
}

TEST_CASE("a writer escapes names as well as values") {
  JsonWriter json;
  json.object().member("a\"b", "c\nd").end();
  CHECK(json.take() == R"({"a\"b":"c\nd"})");
}

TEST_CASE("a number is one in whatever way it is written, and nothing else is") {
  const auto json = Json::parse(R"({"a":1795729686,"b":1.795729686E9,"c":-0.5,"d":"1","e":null,"f":true})");
  REQUIRE(json);
  CHECK(json->at("a")->number() == 1'795'729'686);
  CHECK(json->at("b")->number() == 1'795'729'686);
  CHECK(json->at("c")->number() == -0.5);
  for (const char* other : {"d", "e", "f"}) CHECK_FALSE(json->at(other)->number());
}

namespace {

// Writes down what it is told.
struct Scribe final : JsonEvents {
  std::string seen;
  int most = 1000;
  bool note(std::string what) {
    seen += what + ' ';
    return --most > 0;
  }
  bool null() override { return note("null"); }
  bool boolean(bool value) override { return note(value ? "true" : "false"); }
  bool integer(std::int64_t value) override { return note(std::to_string(value)); }
  bool number(double value) override { return note("n" + std::to_string(value)); }
  bool string(std::string_view value) override { return note("'" + std::string(value) + "'"); }
  bool begin_object() override { return note("{"); }
  bool key(std::string_view name) override { return note(std::string(name) + ':'); }
  bool end_object() override { return note("}"); }
  bool begin_array() override { return note("["); }
  bool end_array() override { return note("]"); }
};

}  // namespace

TEST_CASE("a document read as events is told in its order, with its escapes decoded") {
  Scribe scribe;
  CHECK(read_json(R"({"\u0061":[1,-2,2.5,18446744073709551615],"b":{"c":"\u00e9\n"},"b":null,"d":[true,false]})", scribe).ok());
  CHECK(scribe.seen == "{ a: [ 1 -2 n2.500000 n18446744073709551616.000000 ] b: { c: '\u00e9\n' } b: null d: [ true false ] } ");
}

TEST_CASE("a reader of events may stop, and malformed text is an error whatever was read before") {
  Scribe scribe;
  scribe.most = 2;
  const auto stopped = read_json("[1,2,3]", scribe);
  REQUIRE_FALSE(stopped.ok());
  CHECK(stopped.error().failure == Failure::cancelled);
  CHECK(scribe.seen == "[ 1 ");
  for (const std::string bad : {"", "[1,2", "[1,]", "{\"a\"}", "[1]]", "\"\xff\"", "1e999", "nul"}) {
    Scribe other;
    const auto status = read_json(bad, other);
    CHECK_MESSAGE(!status.ok(), bad);
    if (!status) CHECK(status.error().failure == Failure::invalid);
  }
}

TEST_CASE("a document beyond its limits is refused before anything is read of it") {
  const JsonLimits limits{.depth = 3, .values = 5, .string = 4};
  for (const std::string fine : {"[[[]]]", "[1,2,3]", "\"1234\"", R"({"1234":1})", R"(["[[[[", "\"\""])"}) {
    Scribe scribe;
    CHECK_MESSAGE(read_json(fine, scribe, limits).ok(), fine);
    CHECK_MESSAGE(Json::parse(fine, limits).ok(), fine);
  }
  for (const std::string beyond : {"[[[[]]]]", "[1,2,3,4,5]", "[[],[],[]]", R"({"a":1,"b":2,"c":3,"d":4,"e":5})", "\"12345\"",
                                   R"({"12345":1})", R"("\n\n\n")"}) {
    Scribe scribe;
    const auto status = read_json(beyond, scribe, limits);
    CHECK_MESSAGE(!status.ok(), beyond);
    if (!status) CHECK(status.error().failure == Failure::invalid);
    CHECK(scribe.seen == "");
    CHECK_FALSE(Json::parse(beyond, limits).ok());
  }
  Scribe scribe;
  CHECK(read_json(std::string(1000, '1'), scribe).ok() == false);  // a number, but none that fits a double
  CHECK(read_json("0." + std::string(998, '1'), scribe).ok());
  CHECK_FALSE(read_json("0." + std::string(999, '1'), scribe).ok());
}
