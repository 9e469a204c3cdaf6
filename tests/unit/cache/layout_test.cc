#include "cache/layout.h"

#include "tests/unit/oci/values.h"

#include <doctest/doctest.h>

using namespace weir;
using namespace weir::testing;

namespace {
const Digest kShort = sha256_of("");  // e3b0c442...
const Digest kLong = Digest::of(HashAlgorithm::sha512, "");
}  // namespace

TEST_CASE("the tree is as it is drawn") {
  const Layout layout("/store");
  CHECK(layout.lock() == "/store/lock");
  CHECK(layout.admin_socket() == "/store/admin.sock");
  CHECK(layout.index() == "/store/index");
  CHECK(layout.partials() == "/store/partial");
  CHECK(layout.blob_folder(kShort) == "/store/blobs/sha256/e3");
  CHECK(layout.blob(kShort) == "/store/blobs/sha256/e3/e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  // The second part is the beginning of SHA-256("app").
  CHECK(layout.partial(Layout::partial_name(kShort, "app")) ==
        "/store/partial/sha256-" + kShort.hex() + "-" + sha256_of("app").hex().substr(0, 16));
  CHECK(layout.staging(kShort, 7) == "/store/partial/sha256-" + kShort.hex() + ".7");
  CHECK(layout.blob(kLong) == "/store/blobs/sha512/cf/" + kLong.hex());
  CHECK(layout.partial(Layout::partial_name(kLong, "app")).starts_with("/store/partial/sha512-" + kLong.hex() + "-"));
  CHECK(layout.quarantined(kLong) == "/store/quarantine/sha512-" + kLong.hex());
}

TEST_CASE("a partial file's name means its digest") {
  for (const auto& digest : {kShort, kLong}) {
    CHECK(Layout::partial_digest(Layout::partial_name(digest, "app")) == digest);
    const auto path = Layout("/store").quarantined(digest);
    CHECK(Layout::quarantined_digest(path.substr(path.rfind('/') + 1)) == digest);
  }
}

TEST_CASE("any other name means none") {
  const auto name = "sha256-" + kShort.hex();
  for (const std::string& bad :
       {std::string(), name + ".7", name + "~", "." + name, name.substr(1), "sha256:" + kShort.hex(), "sha512-" + kShort.hex(),
        std::string("sha256-"), "SHA256-" + kShort.hex(), std::string("notes.txt")}) {
    CHECK_MESSAGE(!Layout::quarantined_digest(bad), bad);
    CHECK_MESSAGE(!Layout::partial_digest(bad + "-0123456789abcdef"), bad);
  }
}

TEST_CASE("a partial file that names no repository is none") {
  for (const std::string& end : {std::string(), std::string("-"), std::string("-0123"), std::string("-0123456789ABCDEF"),
                                 std::string("-0123456789abcdef0")})
    CHECK_MESSAGE(!Layout::partial_digest("sha256-" + kShort.hex() + end), end);
}

TEST_CASE("two repositories have partial files of their own") {
  CHECK(Layout::partial_name(kShort, "up/app") != Layout::partial_name(kShort, "up/other"));
}

TEST_CASE("no two digests share a path") {
  const Layout layout("/store");
  CHECK(layout.blob(some_digest(1)) != layout.blob(some_digest(2)));
  CHECK(layout.staging(kShort, 1) != layout.staging(kShort, 2));
}
