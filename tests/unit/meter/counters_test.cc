#include "meter/counters.h"

#include <thread>

#include "base/text.h"

#include <doctest/doctest.h>

using namespace weir;

namespace {

// The lines of an exposition that start with `prefix`.
std::vector<std::string> lines(const Meter& meter, std::string_view prefix) {
  std::vector<std::string> found;
  const auto text = meter.exposition();
  for (const auto line : split(text, '\n')) {
    if (line.starts_with(prefix)) found.emplace_back(line);
  }
  return found;
}

using Lines = std::vector<std::string>;

}  // namespace

TEST_CASE("a total is the sum over the loops") {
  Meter meter(3);
  for (unsigned loop = 0; loop < 3; ++loop) meter.counters(loop).cell(Metric::sent_bytes, "hit").add(10 * (loop + 1));
  CHECK(meter.total(Metric::sent_bytes, "hit") == 60);
  CHECK(meter.total(Metric::sent_bytes, "miss") == 0);
  CHECK(meter.total(Metric::sent_bytes) == 0);
  CHECK(lines(meter, "weir_sent_bytes_total{") == Lines{R"(weir_sent_bytes_total{outcome="hit"} 60)"});
}

TEST_CASE("a cell is the same one whenever it is asked for, and stays where it is") {
  Counters counters;
  Cell& cell = counters.cell(Metric::fills, "ok");
  cell.add(1);
  for (int i = 0; i < 1000; ++i) counters.cell(Metric::fills, "other" + std::to_string(i)).add(1);
  CHECK(&counters.cell(Metric::fills, "ok") == &cell);
  CHECK(cell.value() == 1);
  CHECK(&counters.cell(Metric::fills, "failed") != &cell);
  CHECK(&counters.cell(Metric::connections, "ok") != &cell);
}

TEST_CASE("labels are named in the order of the table") {
  Meter meter(1);
  meter.counters(0).cell(Metric::requests, "miss,blob,200").add(2);
  CHECK(lines(meter, "weir_requests_total{") == Lines{R"(weir_requests_total{outcome="miss",route="blob",code="200"} 2)"});
}

TEST_CASE("a label's value is escaped, and a missing one is empty") {
  Meter meter(1);
  meter.counters(0).cell(Metric::upstream_received, "a\"b\\c\nd").add(1);
  meter.counters(0).cell(Metric::requests, "hit").add(1);
  CHECK(lines(meter, "weir_upstream_received_bytes_total{") ==
        Lines{R"(weir_upstream_received_bytes_total{upstream="a\"b\\c\nd"} 1)"});
  CHECK(lines(meter, "weir_requests_total{") == Lines{R"(weir_requests_total{outcome="hit",route="",code=""} 1)"});
}

TEST_CASE("every metric is announced, and one without labels is there from the start") {
  const Meter meter(1);
  const auto text = meter.exposition();
#define METRIC(identifier, name, type, labels, help)                                             \
  CHECK(text.find("# HELP " name " " help "\n# TYPE " name " " type "\n") != std::string::npos); \
  if (std::string_view(labels).empty()) CHECK(text.find("\n" name " 0\n") != std::string::npos);
#include "meter/counters.tbl"
#undef METRIC
  CHECK(text.ends_with('\n'));
  CHECK(text.find("\n\n") == std::string::npos);
}

TEST_CASE("an observation falls into the first bucket whose bound it does not pass") {
  Histogram histogram;
  for (const std::uint64_t micros : {0ull, 1'000ull, 1'001ull, 2'000ull, 30'000'000ull, 30'000'001ull}) histogram.observe(micros);
  CHECK(histogram.buckets[0].value() == 2);  // up to 1 ms
  CHECK(histogram.buckets[1].value() == 2);  // up to 2 ms
  CHECK(histogram.buckets[kLatencyBuckets.size() - 1].value() == 1);
  CHECK(histogram.buckets[kLatencyBuckets.size()].value() == 1);
  CHECK(histogram.microseconds.value() == 60'004'002);
}

TEST_CASE("a histogram is exposed in seconds, its buckets adding up") {
  Meter meter(2);
  meter.counters(0).histogram(Metric::first_byte, "hit").observe(500);
  meter.counters(0).histogram(Metric::first_byte, "hit").observe(3'000);
  meter.counters(1).histogram(Metric::first_byte, "hit").observe(40'000'000);
  const std::string name = "weir_time_to_first_byte_seconds";
  const auto buckets = lines(meter, name + "_bucket{");
  REQUIRE(buckets.size() == kLatencyBuckets.size() + 1);
  CHECK(buckets.front() == name + R"(_bucket{outcome="hit",le="0.001"} 1)");
  CHECK(buckets[2] == name + R"(_bucket{outcome="hit",le="0.005"} 2)");
  CHECK(buckets[buckets.size() - 2] == name + R"(_bucket{outcome="hit",le="30"} 2)");
  CHECK(buckets.back() == name + R"(_bucket{outcome="hit",le="+Inf"} 3)");
  CHECK(lines(meter, name + "_count{") == Lines{name + R"(_count{outcome="hit"} 3)"});
  const auto sum = lines(meter, name + "_sum{");
  REQUIRE(sum.size() == 1);
  const auto label = name + R"(_sum{outcome="hit"} )";
  REQUIRE(sum[0].starts_with(label));
  CHECK(std::stod(sum[0].substr(label.size())) == doctest::Approx(40.0035));
}

TEST_CASE("the bounds of a histogram are written as short as people write them") {
  Meter meter(1);
  meter.counters(0).histogram(Metric::first_byte, "hit").observe(1);
  const auto text = meter.exposition();
  for (const std::string bound :
       {"0.001", "0.002", "0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1", "5", "30", "+Inf"})
    CHECK_MESSAGE(text.find("le=\"" + std::string(bound) + "\"") != std::string::npos, bound);
}

TEST_CASE("a gauge is worked out when somebody asks") {
  Meter meter(1);
  double figure = 1;
  meter.add_gauge({"weir_test", "A figure.", [&figure] { return figure; }});
  CHECK(lines(meter, "weir_test ") == Lines{"weir_test 1"});
  figure = 1'099'511'627'776;
  CHECK(lines(meter, "weir_test ") == Lines{"weir_test 1099511627776"});
  CHECK(lines(meter, "# TYPE weir_test") == Lines{"# TYPE weir_test gauge"});
}

TEST_CASE("one thread counts and makes cells while another reads") {
  Meter meter(1);
  {
    std::jthread counting([&meter] {
      for (int i = 0; i < 2000; ++i) {
        meter.counters(0).cell(Metric::fills, std::to_string(i % 50)).add(1);
        meter.counters(0).histogram(Metric::first_byte, std::to_string(i % 50)).observe(1);
      }
    });
    for (int i = 0; i < 20; ++i) {
      CHECK(meter.total(Metric::fills, "7") <= 40);
      CHECK_FALSE(meter.exposition().empty());
    }
  }
  CHECK(meter.total(Metric::fills, "7") == 40);
}
