#include "proxy/auth/password_check.h"

#include <doctest/doctest.h>

#include "tests/unit/base/loop_thread.h"

using namespace weir;
using namespace weir::testing;

namespace {

std::shared_ptr<const Users> people(const std::string& name, const std::string& hash) {
  auto file = UsersFile::parse("");
  file->set(name, hash);
  return std::make_shared<const Users>(*file);
}

// Of `right`, at a cost of two milliseconds; and of the same at sixty, so that what waits can be seen waiting.
const std::string kQuick = "$2b$05$8LntNOu5u/uVDvh3rL0ltu57ZnvNYnuxKHbO2zl4QoTRe1N7xMseW";
const std::string kSlow = "$2b$10$8LntNOu5u/uVDvh3rL0ltuM3p3Vvq.5xdff8Ysn3w30ew1DNwH30C";

struct Desk {
  explicit Desk(const std::string& hash = kQuick) : check(clock, people("ann", hash), 1) {}

  std::future<Result<bool>> ask(std::string peer, std::string name, std::string password) {
    return thread.start([this, peer, name, password]() -> Task<Result<bool>> {
      auto answer = co_await check.check(thread.loop(), peer, name, password);
      co_return answer;
    });
  }
  // yes, no, or the failure
  std::string says(const std::string& peer, const std::string& name, const std::string& password) {
    auto future = ask(peer, name, password);
    return word(take(future));
  }
  static std::string word(const Result<bool>& answer) {
    if (!answer) return failure_name(answer.error().failure);
    return *answer ? "yes" : "no";
  }

  ManualClock clock;
  LoopThread thread{0};
  PasswordCheck check;
};

}  // namespace

TEST_CASE("right and wrong passwords") {
  Desk desk;
  CHECK(desk.says("10.0.0.1:1", "ann", "right") == "yes");
  CHECK(desk.says("10.0.0.1:2", "ann", "wrong") == "no");
  CHECK(desk.says("10.0.0.1:3", "bob", "right") == "no");
  CHECK(desk.says("10.0.0.1:4", "annr", "ight") == "no");  // name and password are told apart
}

TEST_CASE("who guesses is told to try again, by source and by name") {
  Desk desk;
  for (int i = 0; i < 10; ++i) CHECK(desk.says("10.0.0.1:1", "u" + std::to_string(i), "wrong") == "no");
  auto future = desk.ask("10.0.0.1:77", "ann", "right");
  const auto held = take(future);
  REQUIRE(!held.ok());
  CHECK(held.error().failure == Failure::throttled);
  CHECK(held.error().side == Side::client);
  CHECK(held.error().retryable);
  CHECK(held.error().what == "too many wrong passwords; try again in 1 s");
  CHECK(desk.says("10.0.0.2:1", "ann", "right") == "yes");
  desk.clock.advance(Seconds(1));
  CHECK(desk.says("10.0.0.1:77", "ann", "wrong") == "no");
  CHECK(desk.says("10.0.0.1:77", "ann", "worse") == "throttled");
}

TEST_CASE("credentials that were right are remembered for five minutes, and no throttle holds them up") {
  Desk desk(kSlow);
  CHECK(desk.says("10.0.0.1:1", "ann", "right") == "yes");
  for (int i = 0; i < 12; ++i) (void)desk.ask("10.0.0.1:1", "x", "guess" + std::to_string(i));
  desk.thread.settle();
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < 300; ++i) CHECK(desk.says("10.0.0.1:1", "ann", "right") == "yes");
  CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(10));  // hashed it would be fifteen
  desk.clock.advance(std::chrono::minutes(5));
  (void)desk.ask("10.0.0.1:1", "x", "guess");
  CHECK(desk.says("10.0.0.1:1", "ann", "right") == "throttled");
}

TEST_CASE("new users are asked at once, and nothing of the old ones is believed") {
  Desk desk;
  CHECK(desk.says("10.0.0.1:1", "ann", "right") == "yes");
  desk.check.use(people("bob", kQuick));
  CHECK(desk.says("10.0.0.1:1", "ann", "right") == "no");
  CHECK(desk.says("10.0.0.1:1", "bob", "right") == "yes");
}

TEST_CASE("the same credentials at once are hashed once") {
  Desk desk(kSlow);
  std::vector<std::future<Result<bool>>> answers;
  // Hashed one by one these would be refused: the throttle lets ten through, and 64 may wait.
  for (int i = 0; i < 200; ++i) answers.push_back(desk.ask("10.0.0.1:1", "ann", "wrong"));
  for (auto& answer : answers) CHECK(Desk::word(take(answer)) == "no");
  CHECK(desk.says("10.0.0.1:1", "ann", "right") == "yes");
}

TEST_CASE("beyond what may wait there is an answer at once; what waits at the end is told so") {
  std::vector<std::future<Result<bool>>> answers;
  ManualClock clock;
  LoopThread thread(0);
  auto check = std::make_unique<PasswordCheck>(clock, people("ann", kSlow), 1);
  for (int i = 0; i < 100; ++i) {
    const auto number = std::to_string(i);
    answers.push_back(thread.start([&check, &thread, number]() -> Task<Result<bool>> {
      auto answer = co_await check->check(thread.loop(), "10.0.0." + number + ":1", "user" + number, "guess");
      co_return answer;
    }));
  }
  thread.settle();
  check.reset();
  std::map<std::string, int> words;
  for (auto& answer : answers) ++words[Desk::word(take(answer))];
  CHECK(words["overloaded"] > 0);
  CHECK(words["overloaded"] <= 36);
  CHECK(words["cancelled"] > 0);
  CHECK(words["overloaded"] + words["cancelled"] + words["no"] == 100);
}
