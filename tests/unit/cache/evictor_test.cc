#include "cache/evictor.h"

#include "tests/unit/cache/store.h"

#include <doctest/doctest.h>

using namespace weir;
using namespace weir::testing;

namespace {

std::string bytes_of(int number, std::uint64_t size = kMiB) {
  auto bytes = std::to_string(number) + ' ';
  bytes.resize(size, 'x');
  return bytes;
}

struct Small : Store {
  explicit Small(std::uint64_t capacity = 10 * kMiB) {
    options.capacity = {.bytes = capacity};
    options.reserve = {};
    disk.set_space({1000 * kMiB, 900 * kMiB});
    reopen();
  }
  Status reserve(Reservation& reservation, std::uint64_t total) {
    return thread.run([&]() -> Task<Status> { co_return co_await blobs->evictor().reserve(thread.loop(), reservation, total); });
  }
  bool held(int number, std::uint64_t size = kMiB) { return index().blob(sha256_of(bytes_of(number, size))).has_value(); }
  bool on_disk(int number) { return exists(scratch.file(file_of(sha256_of(bytes_of(number))))); }
  int held_of(int from, int until) {
    int count = 0;
    for (int i = from; i < until; ++i) count += held(i) ? 1 : 0;
    return count;
  }
};

// A download of that blob broke off just now.
std::string leave_partial(Small& store, int number) {
  const auto digest = sha256_of(bytes_of(number));
  const auto path = store.scratch.file(store.partial_of(digest));
  write_file(path, bytes_of(number));
  store.blobs->leftovers().add_partial(path.substr(path.rfind('/') + 1), kMiB, store.clock.wall_seconds());
  return path;
}

}  // namespace

TEST_CASE("what comes takes the place of what came first and was not used") {
  Small store;
  for (int i = 0; i < 30; ++i) {
    store.clock.advance(Seconds(1));
    REQUIRE(store.put(sha256_of(bytes_of(i)), bytes_of(i)).ok());
    CHECK(store.blobs->budget().taken() <= 10 * kMiB);
  }
  CHECK(store.held(29));
  CHECK_FALSE(store.held(0));
  CHECK(store.held_of(0, 30) >= 8);
  CHECK(store.blobs->evictor().evicted_blobs() >= 20);
  // Records and files are the same blobs.
  for (int i = 0; i < 30; ++i) CHECK(comes_true([&] { return store.held(i) == store.on_disk(i); }));
}

TEST_CASE("what does not fit even alone makes nothing else go") {
  Small store;
  for (int i = 0; i < 5; ++i) REQUIRE(store.put(sha256_of(bytes_of(i)), bytes_of(i)).ok());
  Reservation reservation(store.blobs->budget());
  const auto status = store.reserve(reservation, 11 * kMiB);
  REQUIRE_FALSE(status.ok());
  CHECK(status.error().failure == Failure::over_budget);
  CHECK(store.held_of(0, 5) == 5);
}

TEST_CASE("what others hold is waited out: nothing goes for a download that would not fit all the same") {
  Small store;
  Reservation other(store.blobs->budget());
  REQUIRE(store.reserve(other, 5 * kMiB).ok());
  for (int i = 0; i < 3; ++i) REQUIRE(store.put(sha256_of(bytes_of(i)), bytes_of(i)).ok());
  Reservation reservation(store.blobs->budget());
  const auto status = store.reserve(reservation, 8 * kMiB);
  REQUIRE_FALSE(status.ok());
  CHECK(status.error().failure == Failure::over_budget);
  CHECK(store.held_of(0, 3) == 3);
  other.shrink_to(0);
  CHECK(store.reserve(reservation, 8 * kMiB).ok());
}

TEST_CASE("thousands that must stay end a search after one round") {
  Small store(40 * kMiB);
  store.options.durable = false;
  store.options.pins = {"docker.io/**"};
  store.reopen();
  for (int i = 0; i < 5000; ++i) {
    const auto bytes = "small " + std::to_string(i);
    REQUIRE(store.put(sha256_of(bytes), bytes, links(name_of("docker.io/library/a"), sha256_of(bytes))).ok());
  }
  const auto began = std::chrono::steady_clock::now();
  Reservation reservation(store.blobs->budget());
  CHECK_FALSE(store.reserve(reservation, 30 * kMiB).ok());
  CHECK(std::chrono::steady_clock::now() - began < kPatience);
  CHECK(store.blobs->evictor().evicted_blobs() == 0);
}

TEST_CASE("a file system that is slow to free what was removed is not emptied for one want") {
  Small store(100 * kMiB);
  store.options.reserve = {.bytes = 50 * kMiB};
  store.reopen();
  for (int i = 0; i < 20; ++i) REQUIRE(store.put(sha256_of(bytes_of(i)), bytes_of(i)).ok());
  store.disk.set_space({1000 * kMiB, 49 * kMiB});  // as before, whatever goes
  store.clock.advance(Seconds(1));
  store.blobs->evictor().wake();
  REQUIRE(comes_true([&] { return store.blobs->evictor().evicted_blobs() > 0; }));
  for (int i = 0; i < 5; ++i) store.blobs->evictor().wake();
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  CHECK(store.held_of(0, 20) >= 10);
}

TEST_CASE("an open blob stays, and what came after it goes") {
  Small store;
  REQUIRE(store.put(sha256_of(bytes_of(0)), bytes_of(0)).ok());
  const auto digest = sha256_of(bytes_of(0));
  auto open = store.blobs->open_blob(digest, *store.index().blob(digest));
  REQUIRE(open.ok());
  for (int i = 1; i < 20; ++i) REQUIRE(store.put(sha256_of(bytes_of(i)), bytes_of(i)).ok());
  CHECK(store.held(0));
  open = Error{};  // its last reader leaves
  Reservation reservation(store.blobs->budget());
  CHECK(store.reserve(reservation, 9 * kMiB).ok());  // for which nearly everything must go
  CHECK_FALSE(store.held(0));
}

TEST_CASE("a pinned repository keeps what it is linked to, by the configuration and by command") {
  Small store;
  store.blobs->pins().configure({"docker.io/kept/*"});
  const auto put = [&](int number, const char* repository) {
    REQUIRE(store.put(sha256_of(bytes_of(number)), bytes_of(number), links(name_of(repository), sha256_of(bytes_of(number)))).ok());
  };
  put(0, "docker.io/kept/app");
  put(1, "docker.io/other/app");
  put(2, "quay.io/site/tool");
  REQUIRE(store.commit([](IndexWriter& writer) { return writer.put_pin("quay.io/site/**", writer.now()); }).ok());
  for (int i = 3; i < 30; ++i) put(i, "docker.io/other/app");
  CHECK(store.held(0));
  CHECK_FALSE(store.held(1));
  CHECK(store.held(2));
  REQUIRE(store.commit([](IndexWriter& writer) { return writer.remove_pin("quay.io/site/**"); }).ok());
  store.blobs->pins().configure({});
  Reservation reservation(store.blobs->budget());
  CHECK(store.reserve(reservation, 9 * kMiB).ok());  // for which nearly everything must go
  CHECK_FALSE(store.held(0));
  CHECK_FALSE(store.held(2));
}

TEST_CASE("a pinned tag keeps its manifest and all that is below it") {
  Small store;
  const auto name = name_of("docker.io/library/app");
  const auto layer = store.put(bytes_of(0)), config = store.put("{}");
  const std::string type = "application/vnd.oci.image.manifest.v1+json";
  const auto descriptor = [](const Digest& digest, std::uint64_t size) {
    return R"({"mediaType":"application/octet-stream","digest":")" + digest.text() + R"(","size":)" + std::to_string(size) + "}";
  };
  const auto manifest = R"({"schemaVersion":2,"mediaType":")" + type + R"(","config":)" + descriptor(config, 2) +
                        R"(,"layers":[)" + descriptor(layer, kMiB) + "]}";
  const auto digest = store.put(manifest, [&](IndexWriter& writer) {
    return writer.link(name, sha256_of(manifest), Link{Link::Kind::manifest, manifest.size(), type});
  });
  REQUIRE(store
              .commit([&](IndexWriter& writer) {
                for (const auto& linked : {layer, config}) {
                  if (auto status = writer.link(name, linked, {}); !status) return status;
                }
                return writer.put_tag(name, tag_of("v2"), {digest, 0});
              })
              .ok());
  store.blobs->pins().configure({"docker.io/library/app:v*"});
  for (int i = 1; i < 30; ++i) REQUIRE(store.put(sha256_of(bytes_of(i)), bytes_of(i)).ok());
  CHECK(store.index().blob(layer));
  CHECK(store.index().blob(config));
  CHECK(store.index().blob(digest));
}

TEST_CASE("when everything must stay a download is told so at once, and nothing goes") {
  Small store;
  store.options.pins = {"**"};
  store.reopen();
  int kept = 0;
  Status status = ok_status();
  for (; kept < 20 && status; ++kept) {
    const auto digest = sha256_of(bytes_of(kept));
    status = store.put(digest, bytes_of(kept), links(name_of("docker.io/library/a"), digest));
  }
  REQUIRE_FALSE(status.ok());
  CHECK(status.error().failure == Failure::over_budget);
  CHECK(store.held_of(0, kept - 1) == kept - 1);
  CHECK(store.blobs->evictor().evicted_blobs() == 0);
}

TEST_CASE("what was used lately stays for keep-within, and not longer") {
  Small store;
  store.options.keep_within = std::chrono::hours(24);
  store.reopen();
  REQUIRE(store.put(sha256_of(bytes_of(0)), bytes_of(0)).ok());
  store.clock.advance(std::chrono::hours(20));
  for (int i = 1; i < 9; ++i) REQUIRE(store.put(sha256_of(bytes_of(i)), bytes_of(i)).ok());
  const auto refused = store.put(sha256_of(bytes_of(9)), bytes_of(9));
  const auto refused_too = store.put(sha256_of(bytes_of(10)), bytes_of(10));
  CHECK_FALSE((refused.ok() && refused_too.ok()));
  CHECK(store.held(0));
  store.clock.advance(std::chrono::hours(5));
  CHECK(store.put(sha256_of(bytes_of(11)), bytes_of(11)).ok());
  CHECK_FALSE(store.held(0));
}

TEST_CASE("last copies stay up to their limit, and beyond it they go like others") {
  Small store;
  store.options.last_copies = {.bytes = 3 * kMiB};
  store.reopen();
  const auto name = name_of("docker.io/library/a");
  const auto mark = [&](int number) {
    const auto digest = sha256_of(bytes_of(number));
    REQUIRE(store.put(digest, bytes_of(number), links(name, digest)).ok());
    REQUIRE(store.blobs->mark_last_copies(name.text(), digest).ok());
  };
  for (int i = 0; i < 3; ++i) mark(i);
  CHECK(store.index().totals().last_copies == 3 * kMiB);
  for (int i = 10; i < 40; ++i) REQUIRE(store.put(sha256_of(bytes_of(i)), bytes_of(i)).ok());
  CHECK(store.held_of(0, 3) == 3);
  mark(3);
  for (int i = 40; i < 80; ++i) REQUIRE(store.put(sha256_of(bytes_of(i)), bytes_of(i)).ok());
  CHECK(store.held_of(0, 4) == 3);
  CHECK(store.index().totals().last_copies == 3 * kMiB);
  // What is stored anew is no last copy.
  REQUIRE(store.put(sha256_of(bytes_of(2)), bytes_of(2)).ok());
  CHECK(store.index().totals().last_copies == 2 * kMiB);
}

TEST_CASE("others fill the file system: blobs go for the reserve's sake") {
  Small store(100 * kMiB);
  store.options.reserve = {.bytes = 50 * kMiB};
  store.reopen();
  for (int i = 0; i < 20; ++i) REQUIRE(store.put(sha256_of(bytes_of(i)), bytes_of(i)).ok());
  CHECK(store.held_of(0, 20) == 20);
  store.disk.set_space({1000 * kMiB, 45 * kMiB});  // and stays so, as if what we free were taken by others
  store.blobs->evictor().wake();
  CHECK(comes_true([&] {
    store.clock.advance(Seconds(6));
    store.blobs->evictor().wake();
    return store.held_of(0, 20) == 0;
  }));
  Reservation reservation(store.blobs->budget());
  const auto status = store.reserve(reservation, kMiB);
  REQUIRE_FALSE(status.ok());
  CHECK(status.error().failure == Failure::no_space);
  store.disk.set_space({1000 * kMiB, 500 * kMiB});
  CHECK(store.reserve(reservation, kMiB).ok());
}

TEST_CASE("old leftovers go before any blob, and fresh ones after all blobs that may") {
  Small store;
  const auto leave = [&](int number) { return leave_partial(store, number); };
  const auto old = leave(100);
  store.clock.advance(std::chrono::hours(2));
  const auto fresh = leave(101);
  for (int i = 0; i < 8; ++i) REQUIRE(store.put(sha256_of(bytes_of(i)), bytes_of(i)).ok());
  CHECK_FALSE(exists(old));
  CHECK(exists(fresh));
  CHECK(store.held_of(0, 8) == 8);
  for (int i = 8; i < 20; ++i) REQUIRE(store.put(sha256_of(bytes_of(i)), bytes_of(i)).ok());
  CHECK(exists(fresh));
  // Somebody goes on with it: its room is his.
  CHECK(store.blobs->leftovers().take_partial(fresh.substr(fresh.rfind('/') + 1)) == kMiB);
  CHECK(store.blobs->leftovers().room() == 0);
}

TEST_CASE("many fresh leftovers, as a full disk leaves them, go before the blobs that come next, the oldest first") {
  Small store;
  std::vector<std::string> partials;
  for (int i = 0; i < 6; ++i) {
    partials.push_back(leave_partial(store, 100 + i));
    store.clock.advance(Seconds(1));
  }
  for (int i = 0; i < 7; ++i) {
    store.clock.advance(Seconds(1));
    REQUIRE(store.put(sha256_of(bytes_of(i)), bytes_of(i)).ok());
  }
  CHECK(store.held_of(0, 7) == 7);
  for (int i = 0; i < 6; ++i) CHECK(exists(partials[static_cast<std::size_t>(i)]) == (i >= 4));
}

TEST_CASE("a blob that was opened while it went is counted until its last reader lets go") {
  Small store;
  const auto digest = store.put(bytes_of(0));
  const auto record = *store.index().blob(digest);
  // Behind the evictor's back, as between its look and its deed.
  auto file = store.disk.open(store.scratch.file(store.file_of(digest)), FileSystem::Mode::read);
  REQUIRE(file.ok());
  for (int i = 1; i < 20; ++i) REQUIRE(store.put(sha256_of(bytes_of(i)), bytes_of(i)).ok());
  CHECK_FALSE(store.index().blob(digest));
  CHECK_FALSE(store.blobs->open_blob(digest, record).ok());
  std::string read(kMiB, '?');
  CHECK(*store.disk.read_at(file->get(), std::as_writable_bytes(std::span(read)), 0) == kMiB);
  CHECK(read == bytes_of(0));
}
