#include "proxy/storage_census.h"

#include "tests/unit/cache/store.h"

#include <doctest/doctest.h>

using namespace weir;
using namespace weir::testing;

namespace {

Index::Mutation linked_to(std::vector<std::string> repositories, const Digest& digest) {
  return [repositories, digest](IndexWriter& writer) -> Status {
    for (const auto& repository : repositories) {
      if (auto status = writer.link(repository, digest, Link{}); !status) return status;
    }
    return ok_status();
  };
}

std::string named_upstream(std::string_view name_space) { return "upstream of " + std::string(name_space); }

}  // namespace

TEST_CASE("bytes that several repositories share are divided among them, and add up to what is stored") {
  Store store;
  const auto alone = store.put(std::string(1000, 'a'));
  const auto shared = store.put(std::string(101, 'b'));
  store.put(std::string(7, 'c'));
  REQUIRE(store.commit(linked_to({"hub/x"}, alone)).ok());
  REQUIRE(store.commit(linked_to({"hub/z", "hub/x", "ecr/y"}, shared)).ok());
  const std::atomic<bool> stop{false};
  const auto stored = count_storage(store.index(), named_upstream, stop);
  REQUIRE(stored.size() == 4);
  std::uint64_t sum = 0;
  std::string text;
  for (const auto& each : stored) {
    sum += each.bytes;
    text += each.repository + ' ' + each.upstream + ' ' + std::to_string(each.bytes) + '\n';
  }
  CHECK(text == " upstream of  7\necr/y upstream of ecr 34\nhub/x upstream of hub 1034\nhub/z upstream of hub 33\n");
  CHECK(sum == store.index().totals().blob_bytes);
}

TEST_CASE("a census that is stopped says nothing, rather than too little") {
  Store store;
  store.put("x");
  const std::atomic<bool> stop{true};
  CHECK(count_storage(store.index(), named_upstream, stop).empty());
}
