#include "scan/analyser.h"

#include "base/hash.h"
#include "base/text.h"
#include "scan/layer_codec.h"
#include "tests/unit/scan/layers.h"

using namespace weir;
using namespace weir::testing;

namespace {

const std::string kStatus =
    "Package: bash\nStatus: install ok installed\nArchitecture: amd64\nVersion: 5.2.15-2+b7\nSource: bash (5.2.15-2)\n"
    "Maintainer: Matthias <doko@debian.org>\nDescription: shell\n more\n\n"
    "Package: gone\nStatus: deinstall ok config-files\nVersion: 1\n\n"
    "Package: libc6\nStatus: install ok installed\nArchitecture: amd64\nSource: glibc\nVersion: 2.36-9\n";

std::string small_layer() { return TarText().folder("var").file("./var/lib/dpkg/status", kStatus).text(); }

std::vector<std::string> names(const std::vector<Package>& packages) {
  std::vector<std::string> found;
  for (const auto& package : packages)
    found.push_back((package.space.empty() ? "" : package.space + ':') + package.name + ' ' + package.version);
  return found;
}
using Names = std::vector<std::string>;

}  // namespace

TEST_CASE("a layer gives the same inventory plain, gzipped and with zstd, and its diffID is that of the tar") {
  const auto tar = small_layer();
  for (const auto& packed : {tar, gzipped(tar), zstandard(tar)}) {
    const auto inventory = analyse(packed);
    CHECK(inventory.state == LayerState::complete);
    CHECK(inventory.diff_id == to_hex(hash_of(HashAlgorithm::sha256, tar)));
    REQUIRE(inventory.databases.size() == 1);
    CHECK(names(inventory.databases[0].packages) == Names{"bash 5.2.15-2+b7", "libc6 2.36-9"});
    CHECK(inventory.databases[0].packages[0].source_version == "5.2.15-2");
    CHECK(inventory.databases[0].packages[1].source == "glibc");
  }
}

TEST_CASE("gzip of many members and zstd with skippable frames are read to the end") {
  const auto tar = small_layer();
  CHECK(analyse(gzipped(tar.substr(0, 700)) + gzipped(tar.substr(700)) + gzipped("")).databases.size() == 1);
  CHECK(analyse(gzipped(tar) + std::string(512, '\0')).state == LayerState::complete);
  const std::string skippable("\x50\x2a\x4d\x18\x04\0\0\0xxxx", 12);
  CHECK(analyse(skippable + zstandard(tar.substr(0, 700)) + skippable + zstandard(tar.substr(700)) + skippable).databases.size() ==
        1);
}

TEST_CASE("a layer that ends in the middle is partial and keeps what was found") {
  const auto tar = TarText().file("var/lib/dpkg/status", kStatus).file("big", std::string(100'000, 'x')).text();
  const auto packed = gzipped(tar);
  const auto inventory = analyse(packed.substr(0, packed.size() - 20));
  CHECK(inventory.state == LayerState::partial);
  CHECK(inventory.databases.size() == 1);
  CHECK(inventory.diff_id.empty());
  CHECK(has_problem(inventory, "gzip data ends in the middle"));
}

TEST_CASE("bytes that are no tar fail, an empty layer is complete") {
  CHECK(analyse(std::string(2000, 'x')).state == LayerState::failed);
  CHECK(analyse("").state == LayerState::complete);
  CHECK(analyse(gzipped(TarText().text())).state == LayerState::complete);
}

TEST_CASE("packages of every language are found by their files") {
  const auto jar = ZipText()
                       .member("META-INF/MANIFEST.MF",
                               "Manifest-Version: 1.0\r\nImplementation-Title: inner\r\nImplementation-Version: 1.\r\n 2\r\n")
                       .member("x.class", "x", false)
                       .text();
  const auto war = ZipText()
                       .member("META-INF/maven/org.x/app/pom.properties", "#c\ngroupId=org.x\nartifactId=app\nversion=3.1\n")
                       .member("WEB-INF/lib/inner-1.2.jar", jar, false)
                       .text();
  const auto tar =
      TarText()
          .file("app/node_modules/@a/b/package.json", R"({"name":"@a/b","version":"1.0.0","license":"MIT"})")
          .file("app/package.json", R"({"name":"mine","version":"9"})")
          .file("app/node_modules/x/test/package.json", R"({"name":"fixture"})")
          .file("usr/lib/python3/dist-packages/Foo_Bar-1.dist-info/METADATA", "Name: Foo_Bar\nVersion: 1\n\nName: no\n")
          .file("opt/old.egg-info", "Metadata-Version: 1.1\nName: old\nVersion: 0.1\nLicense: UNKNOWN\n")
          .file("gems/specifications/rake-13.gemspec",
                "# stub: rake 13.0 ruby lib\n\nGem::Specification.new do |s|\n  s.name = \"rake\".freeze\n  s.version = "
                "\"13.0\"\nend\n")
          .file("app/x.deps.json", R"({"runtimeTarget":{"name":"t"},"targets":{"t":{"A/1.0":{"runtime":{}},"B/2.0":{}}},
                             "libraries":{"A/1.0":{"type":"package"},"B/2.0":{"type":"package"},"Me/1":{"type":"project"}}})")
          .file("usr/share/dotnet/shared/Microsoft.NETCore.App/8.0.1/a.dll", "x")
          .file("usr/share/dotnet/shared/Microsoft.NETCore.App/8.0.1/b.dll", "x")
          .file("app/vendor/composer/installed.json",
                R"({"packages":[{"name":"A/b","version":"v1.2.3","license":["MIT"]},{"name":"d/ev","version":"1"}],
                                 "dev-package-names":["d/ev"]})")
          .file("app/app.war", war)
          .text();
  const auto inventory = analyse(tar);
  CHECK(inventory.state == LayerState::complete);
  CHECK(names(inventory.packages) == Names{"@a/b 1.0.0", "foo-bar 1", "old 0.1", "rake 13.0", "A 1.0",
                                           "Microsoft.NETCore.App 8.0.1", "a/b 1.2.3", "org.x:app 3.1", "inner 1.2"});
  CHECK(inventory.packages.back().path == "app/app.war!WEB-INF/lib/inner-1.2.jar");
}

TEST_CASE("whiteouts, opaque folders and links are recorded for the join") {
  const auto inventory = analyse(TarText()
                                     .file("a/.wh.b", "")
                                     .file("c/.wh..wh..opq", "")
                                     .file("c/.wh..wh.plnk", "")
                                     .file(".wh.top", "")
                                     .link("lib", "usr/lib")
                                     .hard_link("x", "./y")
                                     .text());
  CHECK(inventory.whiteouts == Names{"a/b", "top"});
  CHECK(inventory.opaque == Names{"c"});
  CHECK(inventory.links == std::vector<LayerLink>{{"lib", "usr/lib", false}, {"x", "y", true}});
}

TEST_CASE("names that lead out of the image are left out and reported") {
  const auto inventory = analyse(
      TarText().file("../var/lib/dpkg/status", kStatus).file("/a/../../x", "x").hard_link("b", "../b").text());
  CHECK(inventory.state == LayerState::partial);
  CHECK(inventory.databases.empty());
  CHECK(has_problem(inventory, "3 entries have names that lead out of the image"));
}

TEST_CASE("each limit makes the layer partial and is named") {
  ScanLimits limits;
  SUBCASE("inflated bytes") {
    limits.inflated_bytes = 1 << 20;
    CHECK(has_problem(analyse(gzipped(TarText().file("zeros", std::string(4 << 20, '\0')).text()), limits), "inflated bytes"));
  }
  SUBCASE("the ratio of inflated to compressed bytes") {
    limits.inflation_ratio = 100;
    CHECK(has_problem(analyse(gzipped(TarText().file("zeros", std::string(80 << 20, '\0')).text()), limits), "inflation ratio"));
  }
  SUBCASE("entries") {
    limits.entries = 3;
    CHECK(has_problem(analyse(TarText().folder("a").folder("b").folder("c").folder("d").text(), limits), "tar entries"));
  }
  SUBCASE("a long name") {
    limits.path_bytes = 10;
    CHECK(has_problem(analyse(TarText().file("a/very/long/name", "x").text(), limits), "too long"));
  }
  SUBCASE("a database") {
    limits.database_bytes = 100;
    CHECK(has_problem(analyse(small_layer(), limits), "size of a file"));
  }
  SUBCASE("a small file") {
    limits.metadata_bytes = 100;
    const auto tar = TarText().file("etc/os-release", std::string(200, 'x')).file("var/lib/dpkg/status", kStatus).text();
    const auto inventory = analyse(tar, limits);
    CHECK(has_problem(inventory, "etc/os-release: limit reached: size of a file"));
    CHECK(inventory.databases.size() == 1);  // the rest of the layer is read all the same
  }
  SUBCASE("packages") {
    limits.packages = 1;
    const auto inventory = analyse(small_layer(), limits);
    CHECK(has_problem(inventory, "packages"));
    CHECK(inventory.databases[0].packages.size() == 1);
  }
  SUBCASE("links") {
    limits.links = 1;
    CHECK(has_problem(analyse(TarText().link("a", "b").link("c", "d").text(), limits), "links"));
  }
  SUBCASE("whiteouts") {
    limits.whiteouts = 1;
    CHECK(has_problem(analyse(TarText().file(".wh.a", "").file(".wh.b", "").text(), limits), "whiteouts"));
  }
  SUBCASE("an executable") {
    limits.executable_bytes = 5000;
    CHECK(has_problem(analyse(TarText()
                                  .file("x",
                                        "\x7f"
                                        "ELF" +
                                            std::string(6000, 'x'),
                                        0755)
                                  .text(),
                              limits),
                      "size of an executable"));
  }
  SUBCASE("jars in jars") {
    limits.archive_depth = 2;
    std::string jar = ZipText().member("x", "x").text();
    for (int i = 0; i < 3; ++i) jar = ZipText().member("a-" + std::to_string(i) + ".jar", jar).text();
    CHECK(has_problem(analyse(TarText().file("top-1.jar", jar).text(), limits), "archives in archives"));
  }
  SUBCASE("bytes inflated from a jar") {
    limits.archive_bytes = 1000;
    const auto jar = ZipText().member("in-1.jar", std::string(5000, 'x')).text();
    CHECK(has_problem(analyse(TarText().file("top-1.jar", jar).text(), limits), "limit reached"));
  }
  SUBCASE("members of a jar") {
    limits.archive_entries = 1;
    CHECK(has_problem(analyse(TarText().file("top-1.jar", ZipText().member("a", "a").member("b", "b").text()).text(), limits),
                      "members of an archive"));
  }
  SUBCASE("files of packages") {
    limits.owned_files = 1;
    CHECK(has_problem(analyse(TarText().file("var/lib/dpkg/info/a.list", "/x\n/y\n").text(), limits), "files of packages"));
  }
}

TEST_CASE("a sparse file of a terabyte is not read") {
  // The old GNU form: one block of data at the end, the rest is a hole.
  std::string head = TarText().head("bin/x", 'S', 512, 0755, "").text().substr(0, 512);
  std::memcpy(head.data() + 257, "ustar  \0", 8);
  std::snprintf(head.data() + 386, 13, "%011llo", 1ull << 35);
  std::snprintf(head.data() + 398, 13, "%011o", 512u);
  std::snprintf(head.data() + 483, 13, "%011llo", (1ull << 35) + 512);
  std::memset(head.data() + 148, ' ', 8);
  unsigned sum = 0;
  for (const char c : head) sum += static_cast<unsigned char>(c);
  std::snprintf(head.data() + 148, 8, "%06o", sum);
  const auto inventory = analyse(head + std::string(512, 'x') + TarText().file("var/lib/dpkg/status", kStatus).text());
  CHECK(has_problem(inventory, "bin/x: limit reached: size of an executable"));
  CHECK(inventory.databases.size() == 1);
}

TEST_CASE("an inventory is read back as it was written, and nothing that is cut off is") {
  const auto inventory = analyse(TarText()
                                     .file("var/lib/dpkg/status", kStatus)
                                     .file("etc/os-release", "ID=debian\n")
                                     .file("a/node_modules/b/package.json", R"({"name":"b","version":"1"})")
                                     .file("x/.wh.y", "")
                                     .link("l", "m")
                                     .file("var/lib/dpkg/info/bash.list", "/.\n/bin/bash\n")
                                     .text());
  const auto bytes = encode(inventory);
  const auto back = decode_layer_inventory(bytes, {});
  REQUIRE(back);
  CHECK(*back == inventory);
  for (std::size_t size = 0; size < bytes.size(); ++size) CHECK_FALSE(decode_layer_inventory(bytes.substr(0, size), {}));
  CHECK_FALSE(decode_layer_inventory(bytes + 'x', {}));
}
