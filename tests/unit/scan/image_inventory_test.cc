#include "scan/image_inventory.h"

#include "tests/unit/scan/layers.h"

using namespace weir;
using namespace weir::testing;

namespace {

using Names = std::vector<std::string>;

std::string stanza(std::string_view name, std::string_view version) {
  return "Package: " + std::string(name) + "\nStatus: install ok installed\nVersion: " + std::string(version) + "\n\n";
}
std::string npm(std::string_view name, std::string_view version) {
  return R"({"name":")" + std::string(name) + R"(","version":")" + std::string(version) + "\"}";
}

// Layers are named a, b, c from the lowest.
ImageInventory join(const std::vector<std::string>& tars) {
  std::vector<ImageLayer> layers;
  for (const auto& tar : tars) layers.push_back({std::string(1, static_cast<char>('a' + layers.size())), analyse(tar)});
  return join_layers(layers);
}
Names shown(const ImageInventory& image) {
  Names names;
  for (const auto& package : image.packages) names.push_back(package.name + ' ' + package.version + " in " + package.layer);
  return names;
}

}  // namespace

TEST_CASE("a higher database replaces the lower one, and a package keeps the layer that brought it") {
  const auto image = join({TarText().file("var/lib/dpkg/status", stanza("a", "1") + stanza("b", "1")).text(),
                           TarText().file("var/lib/dpkg/status", stanza("a", "1") + stanza("b", "2")).text()});
  CHECK(shown(image) == Names{"a 1 in a", "b 2 in b"});
  CHECK(image.complete);
}

TEST_CASE("a package that was removed and came back is the later layer's") {
  const auto image = join({TarText().file("var/lib/dpkg/status", stanza("a", "1")).text(),
                           TarText().file("var/lib/dpkg/status", stanza("b", "1")).text(),
                           TarText().file("var/lib/dpkg/status", stanza("a", "1")).text()});
  CHECK(shown(image) == Names{"a 1 in c"});
}

TEST_CASE("distroless databases are a file for each package") {
  const auto image = join(
      {TarText().file("var/lib/dpkg/status.d/a", "Package: a\nVersion: 1\n").text(),
       TarText().file("var/lib/dpkg/status.d/b", "Package: b\nVersion: 2\n").file("var/lib/dpkg/status.d/.wh.a", "").text()});
  CHECK(shown(image) == Names{"b 2 in b"});
}

TEST_CASE("whiteouts and opaque folders hide lower layers and nothing of their own") {
  const auto lower = TarText()
                         .file("x/node_modules/a/package.json", npm("a", "1"))
                         .file("y/node_modules/b/package.json", npm("b", "1"))
                         .file("z/node_modules/c/package.json", npm("c", "1"))
                         .text();
  CHECK(shown(join({lower, TarText().file(".wh.x", "").text()})) == Names{"b 1 in a", "c 1 in a"});
  // The whiteout stands behind the new file, and hides the old one all the same.
  CHECK(shown(join(
            {lower, TarText().file("y/node_modules/d/package.json", npm("d", "1")).file("y/node_modules/.wh..wh..opq", "").text()})) ==
        Names{"a 1 in a", "d 1 in b", "c 1 in a"});
  CHECK(shown(join({lower, TarText().file(".wh..wh..opq", "").text()})).empty());
}

TEST_CASE("a file in the place of a folder, or the reverse, replaces what was there") {
  const auto lower = TarText()
                         .file("x/node_modules/a/package.json", npm("a", "1"))
                         .file("y.jar", "no zip")
                         .file("lib-1.egg-info", "Name: p\nVersion: 1\n")
                         .text();
  CHECK(shown(join({lower, TarText().file("x", "now a file").text()})) == Names{"p 1 in a"});
  CHECK(shown(join({lower, TarText().folder("lib-1.egg-info").text()})) == Names{"a 1 in a"});
}

TEST_CASE("links in folders are followed inside the image's root") {
  const auto status = stanza("a", "1");
  const auto base = TarText()
                        .link("var", "/data/../files")
                        .file("files/lib/dpkg/status", "x")
                        .file("etc/os-release", "ID=debian\nVERSION_ID=\"12\"\n")
                        .text();
  const auto image = join(
      {base, TarText().file("var/lib/dpkg/status", status).text(), TarText().file("files/lib/dpkg/.wh.status", "").text()});
  CHECK(shown(image).empty());  // the database lies at files/lib/dpkg/status, where it was deleted
  CHECK(shown(join({base, TarText().file("var/lib/dpkg/status", status).text()})) == Names{"a 1 in b"});
}

TEST_CASE("links that go in a circle end the search for what is below them, and are reported") {
  const auto image = join(
      {TarText().link("var", "loop").link("loop", "var").text(), TarText().file("var/lib/dpkg/status", stanza("a", "1")).text()});
  CHECK(shown(image).empty());
  CHECK_FALSE(image.complete);
  REQUIRE(image.problems.size() == 1);
  CHECK(image.problems[0].find("in a circle") != std::string::npos);
}

TEST_CASE("os-release may be a link, and a hard link takes its target's content") {
  const auto image = join(
      {TarText().file("usr/lib/os-release", "ID=alpine\nVERSION_ID=3.18.4\n").link("etc/os-release", "../usr/lib/os-release").text()});
  CHECK(image.distribution.id == "alpine");
  CHECK(image.distribution.version == "3.18.4");
  const auto linked = join({TarText()
                                .file("lib/apk/db/installed", "P:musl\nV:1.2\no:musl\n\n")
                                .hard_link("usr/lib/apk/db/installed", "lib/apk/db/installed")
                                .text()});
  CHECK(shown(linked) == Names{"musl 1.2 in a"});
}

TEST_CASE("a language's package that a package of the distribution brought is not counted twice") {
  const auto metadata = std::string("Name: requests\nVersion: 2.28.1\n");
  const auto path = std::string("usr/lib/python3/dist-packages/requests-2.28.1.egg-info/PKG-INFO");
  const auto tar = [&](std::string_view maintainer) {
    return TarText()
        .file("var/lib/dpkg/status", "Package: python3-requests\nStatus: install ok installed\nMaintainer: " +
                                         std::string(maintainer) + "\nVersion: 2.28.1+dfsg-1\n")
        .file("var/lib/dpkg/info/python3-requests.list", "/.\n/usr\n/" + path + "\n")
        .file(path, metadata)
        .file("usr/local/lib/python3/site-packages/flask-2.dist-info/METADATA", "Name: Flask\nVersion: 2\n")
        .text();
  };
  CHECK(shown(join({tar("Debian Python Team <x@tracker.debian.org>")})) ==
        Names{"python3-requests 2.28.1+dfsg-1 in a", "flask 2 in a"});
  // A third party's package is no distribution's, whose advisories would speak for it.
  CHECK(shown(join({tar("Somebody <x@site.example>")})).size() == 3);
}

TEST_CASE("a missing layer and one that was not analysed are named") {
  LayerInventory broken;
  broken.state = LayerState::failed;
  broken.problems = {"the scan worker was ended by signal 11"};
  const auto image = join_layers({{"sha256:a", std::nullopt}, {"sha256:b", broken}});
  CHECK_FALSE(image.complete);
  CHECK(image.missing == Names{"sha256:a"});
  CHECK(image.problems == Names{"sha256:b: the scan worker was ended by signal 11"});
}
