#include "base/byte_range.h"

#include <doctest/doctest.h>

using namespace weir;

namespace {

// `whole`, `nothing`, or the ranges as `0-4 9-9`.
std::string resolved(std::optional<std::string_view> header, std::uint64_t size) {
  const auto answer = resolve_range(header, size);
  if (answer.kind == RangeAnswer::Kind::whole) return "whole";
  if (answer.kind == RangeAnswer::Kind::unsatisfiable) return "nothing";
  std::string all;
  for (const auto& range : answer.ranges) {
    if (!all.empty()) all += ' ';
    all += std::to_string(range.first) + '-' + std::to_string(range.last);
  }
  return all;
}

std::string parsed(std::string_view header) {
  const auto range = parse_content_range(header);
  if (!range) return "nothing";
  return std::to_string(range->range.first) + '-' + std::to_string(range->range.last) + '/' +
         (range->size ? std::to_string(*range->size) : "*");
}

}  // namespace

TEST_CASE("without a Range the whole is meant") { CHECK(resolved(std::nullopt, 10) == "whole"); }

TEST_CASE("the ranges of RFC 9110's examples over 10000 bytes") {
  CHECK(resolved("bytes=0-499", 10000) == "0-499");
  CHECK(resolved("bytes=500-999", 10000) == "500-999");
  CHECK(resolved("bytes=-500", 10000) == "9500-9999");
  CHECK(resolved("bytes=9500-", 10000) == "9500-9999");
  CHECK(resolved("bytes=0-0,-1", 10000) == "0-0 9999-9999");
  CHECK(resolved("bytes= 0-999, 4500-5499, -1000", 10000) == "0-999 4500-5499 9000-9999");
  CHECK(resolved("bytes=500-600,601-999", 10000) == "500-600 601-999");
  CHECK(resolved("bytes=500-700,601-999", 10000) == "500-700 601-999");
}

TEST_CASE("what lies past the end is cut to what there is") {
  CHECK(resolved("bytes=5-100", 10) == "5-9");
  CHECK(resolved("bytes=9-", 10) == "9-9");
  CHECK(resolved("bytes=-100", 10) == "0-9");
  CHECK(resolved("bytes=0-18446744073709551615", 10) == "0-9");
  CHECK(resolved("bytes=2-3,50-60", 10) == "2-3");  // the second means nothing and is left out
}

TEST_CASE("a range of nothing cannot be satisfied") {
  CHECK(resolved("bytes=10-", 10) == "nothing");
  CHECK(resolved("bytes=10-20,30-40", 10) == "nothing");
  CHECK(resolved("bytes=-0", 10) == "nothing");
  CHECK(resolved("bytes=0-", 0) == "nothing");
  CHECK(resolved("bytes=0-0", 0) == "nothing");
}

TEST_CASE("the unit's name has no case, and another unit means the whole") {
  CHECK(resolved("Bytes=1-2", 10) == "1-2");
  CHECK(resolved("lines=1-2", 10) == "whole");
  CHECK(resolved("bytes", 10) == "whole");
  CHECK(resolved("bytes =1-2", 10) == "whole");
  CHECK(resolved("", 10) == "whole");
}

TEST_CASE("what is not well-formed is answered whole") {
  for (const std::string bad :
       {"bytes=", "bytes=,", "bytes=-", "bytes=1", "bytes=a-b", "bytes=1-b", "bytes=2-1", "bytes=--1", "bytes=1--2", "bytes=+1-2",
        "bytes=0x1-2", "bytes=1-2;3-4", "bytes=1-2,x", "bytes=18446744073709551616-"}) {
    CHECK_MESSAGE(resolved(bad, 10) == "whole", bad);
  }
}

TEST_CASE("blanks stand around a range and not inside it") {
  CHECK(resolved("bytes=\t1-2 ,\t4-5", 10) == "1-2 4-5");
  CHECK(resolved("bytes=1 - 2", 10) == "whole");
  CHECK(resolved("bytes=1- 2", 10) == "whole");
  CHECK(resolved("bytes=- 2", 10) == "whole");
}

TEST_CASE("empty elements of the list count for nothing") { CHECK(resolved("bytes=,1-2,,4-5,", 10) == "1-2 4-5"); }

TEST_CASE("64 ranges are answered, 65 are too many") {
  std::string header = "bytes=0-0";
  for (int i = 1; i < 64; ++i) header += "," + std::to_string(2 * i) + "-" + std::to_string(2 * i);
  CHECK(resolve_range(header, 1000).ranges.size() == 64);
  CHECK(resolved(header + ",200-200", 1000) == "whole");
  CHECK(resolved(header + ",5000-", 1000) == "whole");  // one that means nothing was asked for all the same
}

TEST_CASE("ranges that together ask for more than there is are answered whole") {
  CHECK(resolved("bytes=0-9,0-9", 10) == "whole");
  CHECK(resolved("bytes=0-,0-,0-", 10) == "whole");
  CHECK(resolved("bytes=0-5,4-8", 10) == "whole");
  CHECK(resolved("bytes=0-4,5-9", 10) == "0-4 5-9");
  CHECK(resolved("bytes=0-9", 10) == "0-9");
}

TEST_CASE("the largest sizes there are do not overflow") {
  constexpr auto most = UINT64_MAX;
  CHECK(resolved("bytes=-1", most) == "18446744073709551614-18446744073709551614");
  CHECK(resolved("bytes=0-", most) == "0-18446744073709551614");
  CHECK(resolved("bytes=0-18446744073709551614,5-", most) == "whole");
  CHECK(resolve_range("bytes=18446744073709551614-18446744073709551615", most).ranges.at(0).length() == 1);
}

TEST_CASE("Content-Range is written and read back") {
  CHECK(content_range({0, 9}, 100) == "bytes 0-9/100");
  CHECK(parsed("bytes 0-9/100") == "0-9/100");
  CHECK(parsed("bytes 42-1233/*") == "42-1233/*");
  CHECK(parsed("BYTES 0-0/1") == "0-0/1");
}

TEST_CASE("any other Content-Range is none") {
  for (const std::string bad : {"", "bytes", "bytes */100", "bytes 0-9", "bytes 0/100", "bytes 9-0/100", "bytes 0-100/100",
                                "bytes -9/100", "bytes 0-/100", "items 0-9/100", "bytes 0-9/", "bytes 0-9/x", "bytes 0-9/100/100",
                                "bytes=0-9/100", "bytes 0-9/99999999999999999999", "bytes a-9/100"}) {
    CHECK_MESSAGE(parsed(bad) == "nothing", bad);
  }
}
