// The readers of a fill: on any loop, woken by what they wait for and by nothing less.

#include <atomic>

#include "cache/fill_table.h"
#include "tests/unit/cache/store.h"

#include <doctest/doctest.h>

using namespace weir;
using namespace weir::testing;
using State = Fill::State;

namespace {

const std::string kBytes(300'000, 'r');
const Digest kDigest = sha256_of(kBytes);
const Name kReadName = name_of("docker.io/library/alpine");

struct Reading {
  Store store;
  LoopThread second{1};
  std::shared_ptr<Fill> fill = std::make_shared<Fill>(*store.blobs, kDigest, kReadName);

  // A fill that nobody ends may still be hashing.
  ~Reading() {
    if (fill && fill->progress().state < State::verified) fail(Failure::cancelled, "the test is over");
  }

  LoopThread& first() { return store.thread; }
  Loop& writer() { return store.thread.loop(); }

  void open(std::optional<std::uint64_t> size = kBytes.size()) {
    REQUIRE(store.thread.run([&] { return fill->open(writer()); }).ok());
    store.thread.call([&] { fill->head(size); });
  }
  void append(std::size_t count) {
    REQUIRE(store.thread.run([&] { return fill->append(writer(), kBytes.substr(0, count)); }).ok());
  }
  void fail(Failure failure, const std::string& why) {
    store.thread.run([&] { return fill->fail(writer(), Error{failure, Side::upstream, true, why}); });
  }
  std::future<Fill::Progress> beyond(LoopThread& thread, std::uint64_t offset, bool whole, Milliseconds timeout = Seconds(60)) {
    auto future = thread.start(
        [this, &thread, offset, whole, timeout] { return fill->wait_beyond(thread.loop(), offset, whole, timeout); });
    thread.settle();
    return future;
  }
};

}  // namespace

TEST_CASE("a reader waits for the head, and everybody is told of it") {
  Reading reading;
  auto one = reading.first().start([&] { return reading.fill->wait_head(reading.first().loop(), Seconds(60)); });
  auto other = reading.second.start([&] { return reading.fill->wait_head(reading.second.loop(), Seconds(60)); });
  reading.first().settle();
  reading.second.settle();
  CHECK_FALSE(ready(one));
  CHECK_FALSE(ready(other));
  reading.open(5);
  for (auto* future : {&one, &other}) {
    const auto progress = take(*future);
    CHECK(progress.state == State::growing);
    CHECK(progress.size == 5);
  }
}

TEST_CASE("a head that does not come in time is still opening") {
  Reading reading;
  const auto progress = reading.first().run([&] { return reading.fill->wait_head(reading.first().loop(), Milliseconds(5)); });
  CHECK(progress.state == State::opening);
}

TEST_CASE("a reader of a range is woken by the first byte beyond its offset") {
  Reading reading;
  reading.open();
  reading.append(100);
  auto at_once = reading.beyond(reading.second, 99, false);
  CHECK(take(at_once).written == 100);
  auto waiting = reading.beyond(reading.second, 100, false);
  CHECK_FALSE(ready(waiting));
  reading.append(1);
  CHECK(take(waiting).written == 101);
}

TEST_CASE("a reader of the whole is not woken by the last piece before it is verified") {
  Reading reading;
  reading.open();
  reading.append(kBytes.size());
  const auto held_back = kBytes.size() - Fill::kLastPiece;
  auto before = reading.beyond(reading.second, held_back - 1, true);
  CHECK(Fill::available(take(before), true) == held_back);
  auto last = reading.beyond(reading.second, held_back, true);
  CHECK_FALSE(ready(last));
  REQUIRE(reading.first().run([&] { return reading.fill->verify(reading.writer()); }).ok());
  const auto progress = take(last);
  CHECK(progress.state == State::verified);
  CHECK(Fill::available(progress, true) == kBytes.size());
}

TEST_CASE("a reader at the end of a verified blob does not wait") {
  Reading reading;
  reading.open();
  reading.append(kBytes.size());
  REQUIRE(reading.first().run([&] { return reading.fill->verify(reading.writer()); }).ok());
  auto at_end = reading.beyond(reading.second, kBytes.size(), true);
  CHECK(take(at_end).state == State::verified);
}

TEST_CASE("a failure wakes every reader, on every loop, and is the same for all") {
  Reading reading;
  reading.open();
  reading.append(100);
  std::vector<std::future<Fill::Progress>> waiting;
  for (int i = 0; i < 5; ++i) {
    waiting.push_back(reading.beyond(reading.first(), 100, false));
    waiting.push_back(reading.beyond(reading.second, 100, true));
  }
  reading.fail(Failure::unreachable, "broke off");
  for (auto& future : waiting) {
    const auto progress = take(future);
    CHECK(progress.state == State::failed);
    CHECK(progress.error->what == "broke off");
    CHECK(Fill::available(progress, false) == 0);
  }
  auto later = reading.beyond(reading.second, 0, false);
  CHECK(take(later).state == State::failed);
}

TEST_CASE("a failure before the head wakes those who wait for it") {
  Reading reading;
  auto waiting = reading.second.start([&] { return reading.fill->wait_head(reading.second.loop(), Seconds(60)); });
  reading.second.settle();
  reading.fail(Failure::not_found, "404");
  CHECK(take(waiting).error->failure == Failure::not_found);
}

TEST_CASE("a reader whose patience ends is told how far the fill came") {
  Reading reading;
  reading.open();
  reading.append(100);
  const auto progress = reading.second.run(
      [&] { return reading.fill->wait_beyond(reading.second.loop(), 100, false, Milliseconds(5)); });
  CHECK(progress.state == State::growing);
  CHECK(progress.written == 100);
}

TEST_CASE("fifty readers on two loops each get every byte in order while the fill grows") {
  Reading reading;
  reading.open();
  std::atomic<int> started{0};
  const auto read_all = [&](Loop& loop) -> Task<std::string> {
    ++started;
    std::string got;
    const auto file = reading.fill->file();
    for (;;) {
      const auto progress = co_await reading.fill->wait_beyond(loop, got.size(), true, Seconds(60));
      const auto end = Fill::available(progress, true);
      if (progress.state == State::failed || end < got.size()) co_return "failed";
      std::string piece(end - got.size(), '?');
      const auto count = reading.store.disk.read_at(file->get(), std::as_writable_bytes(std::span(piece)), got.size());
      if (!count || *count != piece.size()) co_return "short";
      got += piece;
      if (progress.state == State::verified) co_return got;
    }
  };
  std::vector<std::future<std::string>> readers;
  for (int i = 0; i < 25; ++i) {
    readers.push_back(reading.first().start([&] { return read_all(reading.first().loop()); }));
    readers.push_back(reading.second.start([&] { return read_all(reading.second.loop()); }));
  }
  CHECK(comes_true([&] { return started == 50; }));
  for (int i = 0; i < 30; ++i) reading.append(10'000);
  REQUIRE(reading.first().run([&] { return reading.fill->verify(reading.writer()); }).ok());
  for (auto& reader : readers) CHECK((take(reader) == kBytes));
}

TEST_CASE("an open file is read on although the fill has failed and its name is gone") {
  Reading reading;
  reading.open();
  reading.append(100);
  const auto file = reading.fill->file();
  reading.fail(Failure::corrupt, "wrong");
  reading.fill.reset();
  std::string bytes(100, '?');
  CHECK(*reading.store.disk.read_at(file->get(), std::as_writable_bytes(std::span(bytes)), 0) == 100);
  CHECK(bytes == kBytes.substr(0, 100));
}
