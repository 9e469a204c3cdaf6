#include "base/spelling.h"

#include <doctest/doctest.h>

using namespace weir;

TEST_CASE("a letter added, dropped, changed or two swapped still finds the word") {
  const std::vector<std::string> known{"directory", "tag-ttl", "negative-ttl", "sync"};
  CHECK(nearest_word("tagg-ttl", known) == "tag-ttl");
  CHECK(nearest_word("tag-tl", known) == "tag-ttl");
  CHECK(nearest_word("tag_ttl", known) == "tag-ttl");
  CHECK(nearest_word("dierctory", known) == "directory");
  CHECK(nearest_word("snyc", known) == "sync");
}

TEST_CASE("a word that is like none of them finds nothing") {
  CHECK_FALSE(nearest_word("port", {"directory", "sync"}));
  CHECK_FALSE(nearest_word("", {"directory"}));
  CHECK_FALSE(nearest_word("anything", {}));
}

TEST_CASE("of words equally near the first is meant") { CHECK(nearest_word("cat", {"bat", "rat"}) == "bat"); }

TEST_CASE("a suggestion names the nearest word, or else all of them") {
  CHECK(suggestion("snyc", {"url", "sync"}) == "; did you mean \"sync\"?");
  CHECK(suggestion("port", {"url", "sync"}) == "; known: url, sync");
}

TEST_CASE("quoted text is cut and holds no control characters") {
  CHECK(weir::quoted("plain") == "\"plain\"");
  CHECK(weir::quoted("a\x1b[31mb\n") == "\"a?[31mb?\"");
  CHECK(weir::quoted(std::string(500, 'x')) == '"' + std::string(80, 'x') + "...\"");
}
