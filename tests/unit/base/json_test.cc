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
