#include "oci/members.h"

#include <doctest/doctest.h>

#include <string>

using namespace weir;

namespace {
constexpr std::string_view kNames[] = {"digest", "size"};
}

TEST_CASE("names are equal when case is folded, by ASCII and by the letters beyond it that fold to ASCII") {
  for (const std::string same : {"disks", "DISKS", "dISkS", "di\u017Fks", "dis\u212As", "D\u0130SK\u017F", "d\u0131sks"})
    CHECK_MESSAGE(equal_folded(same, "disks"), same);
  for (const std::string other : {"", "disk", "diskss", "di\u00DFks", "d\u00EEsks", "disk\u017F\u017F", "\xC5isks", "di\xC5\xBF"})
    CHECK_MESSAGE(!equal_folded(other, "disks"), other);
  CHECK(equal_folded("schemaversion", "schemaVersion"));
}

TEST_CASE("a name is known when it is spelled exactly, once an object") {
  Members members(kNames);
  for (int object = 0; object < 3; ++object) {
    members.begin();
    CHECK(members.next("size") == 1U);
    CHECK(members.next("digest") == 0U);
    CHECK_FALSE(members.next("other"));
    CHECK_FALSE(members.next("Other"));
  }
  CHECK_FALSE(members.ambiguous());
  members.begin();
  CHECK_FALSE(members.next("Size"));
  CHECK(members.ambiguous());
  members.begin();
  CHECK(members.ambiguous());  // of all objects
}

TEST_CASE("a name that occurs twice is ambiguous; unknown ones where they count") {
  Members known(kNames);
  known.begin();
  CHECK(known.next("size") == 1U);
  CHECK(known.next("size") == 1U);
  CHECK(known.ambiguous());
  for (const auto repeats : {Members::Repeats::of_any_name, Members::Repeats::of_known_names}) {
    Members members(kNames, repeats);
    members.begin();
    CHECK_FALSE(members.next("x"));
    CHECK_FALSE(members.next("x"));
    CHECK(members.ambiguous() == (repeats == Members::Repeats::of_any_name));
  }
}
