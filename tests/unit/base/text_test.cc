#include "base/text.h"

#include <doctest/doctest.h>

using namespace weir;

TEST_CASE("a number is decimal digits alone, up to the largest of 64 bits") {
  CHECK(parse_number("0") == 0);
  CHECK(parse_number("007") == 7);
  CHECK(parse_number("18446744073709551615") == UINT64_MAX);
  for (const std::string bad :
       {"", " 1", "1 ", "+1", "-1", "1.0", "0x10", "1e3", "18446744073709551616", "99999999999999999999999"})
    CHECK_MESSAGE(!parse_number(bad), bad);
}

TEST_CASE("letters compare without case in ASCII and nowhere else") {
  CHECK(equal_ignoring_case("Content-LENGTH", "content-length"));
  CHECK_FALSE(equal_ignoring_case("Host", "Hos"));
  CHECK_FALSE(equal_ignoring_case("\xc3\x84", "\xc3\xa4"));
  CHECK_FALSE(equal_ignoring_case("[", "{"));  // 32 apart as letters are
  CHECK_FALSE(equal_ignoring_case("@", "`"));
  CHECK(to_lower("AbZ[\xc4") == "abz[\xc4");
}

TEST_CASE("trim takes spaces and tabs from both ends and nothing else") {
  CHECK(trim(" \t a b\t ") == "a b");
  CHECK(trim(" \t ").empty());
  CHECK(trim("").empty());
  CHECK(trim("\ra\n") == "\ra\n");
}

TEST_CASE("split keeps empty pieces, words drops them") {
  CHECK(split("", ',') == std::vector<std::string_view>{""});
  CHECK(split("a,,b,", ',') == std::vector<std::string_view>{"a", "", "b", ""});
  CHECK(words(" a,b\t c,, ") == std::vector<std::string_view>{"a", "b", "c"});
  CHECK(words(" ,\t").empty());
  CHECK(words("one") == std::vector<std::string_view>{"one"});
}

TEST_CASE("hex is written and read in lower case") {
  const std::string bytes("\x00\x7f\x80\xff", 4);
  CHECK(to_hex(bytes) == "007f80ff");
  CHECK(from_hex("007f80ff") == bytes);
  CHECK(from_hex("") == "");
  for (const std::string bad : {"0", "0g", "FF", "fF", " 0", "0x", "00 "}) CHECK_MESSAGE(!from_hex(bad), bad);
}

TEST_CASE("base64 pads to four characters (RFC 4648 section 10)") {
  const std::pair<const char*, const char*> vectors[] = {{"", ""},
                                                         {"f", "Zg=="},
                                                         {"fo", "Zm8="},
                                                         {"foo", "Zm9v"},
                                                         {"foob", "Zm9vYg=="},
                                                         {"fooba", "Zm9vYmE="},
                                                         {"foobar", "Zm9vYmFy"}};
  for (const auto& [plain, coded] : vectors) CHECK(to_base64(plain) == coded);
  CHECK(to_base64(std::string("\xff\xfe\x00", 3)) == "//4A");
  CHECK(to_base64("AWS:\xfb") == "QVdTOvs=");
}

TEST_CASE("base64 is read in one way only") {
  CHECK(from_base64("") == "");
  CHECK(from_base64("Zg==") == "f");
  CHECK(from_base64("Zm8=") == "fo");
  CHECK(from_base64("Zm9v") == "foo");
  CHECK(from_base64("//4A") == std::string("\xff\xfe\x00", 3));
  for (const char* bad :
       {"Zg", "Zg=", "Zg===", "Zh==", "Zm9=", "Zm9v====", "Z===", "====", "Zm=v", "Zm9v\n", "Zm 9", "_-4A", "Zm9*"})
    CHECK_MESSAGE(!from_base64(bad), bad);
}

TEST_CASE("base64url has no padding, and two characters of its own (RFC 4648 section 5, RFC 7515 appendix C)") {
  CHECK(to_base64url("") == "");
  CHECK(to_base64url("f") == "Zg");
  CHECK(to_base64url("foobar") == "Zm9vYmFy");
  CHECK(to_base64url(std::string("\x03\xec\xff\xe0\xc1", 5)) == "A-z_4ME");
  for (const std::string bytes : {"", "f", "fo", "foo", "foob", "\xff\xfe\xfd\xfc"})
    CHECK(from_base64url(to_base64url(bytes)) == bytes);
  CHECK(from_base64url("A-z_4ME") == std::string("\x03\xec\xff\xe0\xc1", 5));
}

TEST_CASE("base64url is read in one way only") {
  for (const std::string bad : {"Zg==", "Z", "Zm9vY", "Zh", "Zm9", "Zm-", "A+z/", "Zg\n", " Zg", "Zm 9", "Z\xc3\xa4"}) {
    CHECK_MESSAGE(!from_base64url(bad), bad);
  }
  CHECK(from_base64url("Zm8") == "fo");
}

TEST_CASE("percent-encoding leaves the unreserved characters alone") {
  CHECK(percent_encode("aZ09-._~") == "aZ09-._~");
  CHECK(percent_encode("repository:a/b:pull,push") == "repository%3Aa%2Fb%3Apull%2Cpush");
  CHECK(percent_encode(std::string("\0 +\xff", 4)) == "%00%20%2B%FF");
}

TEST_CASE("percent-decoding takes both cases of hex and refuses half a code") {
  CHECK(percent_decode("a%2Fb%2fc") == "a/b/c");
  CHECK(percent_decode("%41") == "A");
  CHECK(percent_decode("%00") == std::string(1, '\0'));
  CHECK(percent_decode("a+b") == "a+b");
  CHECK(percent_decode("%25") == "%");
  CHECK(percent_decode("%2525") == "%25");  // once
  for (const std::string bad : {"%", "%4", "a%", "a%4", "%zz", "%4g", "%-1", "%%41"}) CHECK_MESSAGE(!percent_decode(bad), bad);
}

TEST_CASE("every byte survives being percent-encoded and decoded") {
  std::string all;
  for (int i = 0; i < 256; ++i) all += static_cast<char>(i);
  CHECK(percent_decode(percent_encode(all)) == all);
}

TEST_CASE("a size has units of 1024 and of 1000") {
  CHECK(parse_size("100") == 100);
  CHECK(parse_size("100B") == 100);
  CHECK(parse_size("1KiB") == 1024);
  CHECK(parse_size(" 512 kB ") == 512'000);
  CHECK(parse_size("10GiB") == 10ull << 30);
  CHECK(parse_size("2TB") == 2'000'000'000'000);
  CHECK(parse_size("0TiB") == 0);
  CHECK(parse_size("16777215TiB") == 16777215ull << 40);
  for (const std::string bad : {"", "GiB", "10G", "10gib", "1.5GiB", "-1", "1 0", "10GiBB", "16777216TiB", "18446744073709551616"})
    CHECK_MESSAGE(!parse_size(bad), bad);
}

TEST_CASE("a duration without a unit is in seconds") {
  CHECK(parse_duration("30") == Milliseconds(30'000));
  CHECK(parse_duration("250ms") == Milliseconds(250));
  CHECK(parse_duration("30s") == Seconds(30));
  CHECK(parse_duration("5m") == Seconds(300));
  CHECK(parse_duration("2 h") == Seconds(7200));
  CHECK(parse_duration("7d") == Seconds(7 * 86'400));
  CHECK(parse_duration("0") == Milliseconds(0));
  for (const std::string bad : {"", "s", "5M", "1.5h", "-5s", "5 m s", "9999999999999d"})
    CHECK_MESSAGE(!parse_duration(bad), bad);
}

TEST_CASE("the longest duration there is still fits a deadline in nanoseconds") {
  const auto longest = parse_duration("106751d");
  REQUIRE(longest);
  CHECK(std::chrono::nanoseconds(*longest).count() > 0);
  CHECK_FALSE(parse_duration("106752d"));
}

TEST_CASE("sizes and durations are shown in the largest unit that says them exactly, and read back") {
  CHECK(show_size(0) == "0B");
  CHECK(show_size(1000) == "1kB");
  CHECK(show_size(1024) == "1KiB");
  CHECK(show_size(1025) == "1025B");
  CHECK(show_size(10ull << 30) == "10GiB");
  CHECK(show_duration(Milliseconds(0)) == "0ms");
  CHECK(show_duration(Milliseconds(1500)) == "1500ms");
  CHECK(show_duration(Seconds(90)) == "90s");
  CHECK(show_duration(Seconds(7200)) == "2h");
  CHECK(show_duration(Seconds(86'400)) == "1d");
  for (const std::uint64_t size : {0ull, 1ull, 999ull, 1'048'576ull, 5'000'000ull, 123'456'789ull, 1ull << 50})
    CHECK(parse_size(show_size(size)) == size);
  for (const int milliseconds : {0, 1, 999, 1000, 60'000, 61'000, 3'600'000, 86'400'000})
    CHECK(parse_duration(show_duration(Milliseconds(milliseconds))) == Milliseconds(milliseconds));
}

TEST_CASE("dates are in UTC, as HTTP and RFC 3339 write them") {
  CHECK(http_date(784111777) == "Sun, 06 Nov 1994 08:49:37 GMT");  // RFC 9110's own example
  CHECK(http_date(0) == "Thu, 01 Jan 1970 00:00:00 GMT");
  CHECK(http_date(951782400) == "Tue, 29 Feb 2000 00:00:00 GMT");
  CHECK(rfc3339(784111777'045) == "1994-11-06T08:49:37.045Z");
  CHECK(rfc3339(0) == "1970-01-01T00:00:00.000Z");
  CHECK(rfc3339(253402300799'999) == "9999-12-31T23:59:59.999Z");
}
