#include "scan/system_packages.h"

#include <sqlite3.h>

#include "scan/rpm_database.h"
#include "scan/rpm_header.h"
#include "tests/unit/base/scratch.h"

#include <doctest/doctest.h>

using namespace weir;
using namespace weir::testing;

namespace {

using Names = std::vector<std::string>;

std::span<const std::byte> bytes_of(const std::string& text) { return std::as_bytes(std::span(text)); }

void put_big(std::string& out, std::uint32_t number) {
  for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(number >> shift);
}
void put_little(std::string& out, std::uint32_t number) {
  for (int shift = 0; shift < 32; shift += 8) out += static_cast<char>(number >> shift);
}

// A header blob with these texts, an epoch and one file.
std::string header(std::string_view name, std::string_view version, std::optional<std::uint32_t> epoch = std::nullopt) {
  std::string index, data;
  std::uint32_t entries = 0;
  const auto entry = [&](std::uint32_t tag, std::uint32_t type, std::uint32_t count) {
    put_big(index, tag);
    put_big(index, type);
    put_big(index, static_cast<std::uint32_t>(data.size()));
    put_big(index, count);
    ++entries;
  };
  const auto text = [&](std::uint32_t tag, std::string_view value) {
    entry(tag, 6, 1);
    data += value;
    data += '\0';
  };
  text(1000, name);
  text(1001, version);
  text(1002, "1.el9");
  text(1022, "x86_64");
  text(1044, "source-pkg-9.9-1.el9.src.rpm");
  text(5096, "nodejs:12:802012:ab");
  data.resize((data.size() + 3) / 4 * 4, '\0');
  if (epoch) {
    entry(1003, 4, 1);
    put_big(data, *epoch);
  }
  entry(1116, 4, 1);
  put_big(data, 0);
  entry(1117, 8, 1);
  data += std::string("tool\0", 5);
  entry(1118, 8, 1);
  data += std::string("/usr/bin/\0", 10);
  std::string blob;
  put_big(blob, entries);
  put_big(blob, static_cast<std::uint32_t>(data.size()));
  return blob + index + data;
}

std::string ndb(const std::vector<std::string>& blobs) {
  std::string slots("RpmP\0\0\0\0\1\0\0\0\1\0\0\0", 16), data;
  slots += std::string(16, '\0');
  const std::string deleted("Slot\x09\0\0\0\x01\0\0\0\0\0\0\0", 16);  // as SLES leaves them
  slots += deleted;
  std::uint32_t number = 0;
  for (const auto& blob : blobs) {
    slots += "Slot";
    put_little(slots, ++number);
    put_little(slots, static_cast<std::uint32_t>((4096 + data.size()) / 16));
    put_little(slots, static_cast<std::uint32_t>((blob.size() + 31) / 16));
    data += "BlbS";
    put_little(data, number);
    put_little(data, 0);
    put_little(data, static_cast<std::uint32_t>(blob.size()));
    data += blob;
    data.resize((data.size() + 15) / 16 * 16, '\0');
  }
  while (slots.size() < 4096) slots += std::string("Slot\0\0\0\0\0\0\0\0\0\0\0\0", 16);
  return slots + data;
}

std::string sqlite(const Scratch& scratch, const char* schema, const std::vector<std::string>& blobs, bool write_ahead) {
  const auto path = scratch.file("rpmdb.sqlite");
  sqlite3* database = nullptr;
  REQUIRE(sqlite3_open(path.c_str(), &database) == SQLITE_OK);
  if (write_ahead) REQUIRE(sqlite3_exec(database, "PRAGMA journal_mode=WAL", nullptr, nullptr, nullptr) == SQLITE_OK);
  REQUIRE(sqlite3_exec(database, schema, nullptr, nullptr, nullptr) == SQLITE_OK);
  for (const auto& blob : blobs) {
    sqlite3_stmt* insert = nullptr;
    REQUIRE(sqlite3_prepare_v2(database, "INSERT INTO Packages(blob) VALUES (?)", -1, &insert, nullptr) == SQLITE_OK);
    sqlite3_bind_blob(insert, 1, blob.data(), static_cast<int>(blob.size()), SQLITE_TRANSIENT);
    REQUIRE(sqlite3_step(insert) == SQLITE_DONE);
    sqlite3_finalize(insert);
  }
  sqlite3_close(database);
  return read_file(path);
}
constexpr const char* kPackages = "CREATE TABLE Packages (hnum INTEGER PRIMARY KEY AUTOINCREMENT, blob BLOB NOT NULL)";

Names names(const std::string& database) {
  std::vector<std::string> problems;
  const auto packages = read_rpm_database(bytes_of(database), [](std::string_view) {}, problems);
  if (!packages) return {packages.error().what};
  Names found;
  for (const auto& package : *packages) found.push_back(package.name + '-' + package.version + '-' + package.release);
  return found;
}

}  // namespace

TEST_CASE("an rpm header gives name, epoch, source, module and files") {
  std::vector<std::string> problems;
  Names files;
  const auto packages = read_rpm_database(
      bytes_of(ndb({header("perl", "5.26", 4), header("bash", "5.1")})),
      [&files](std::string_view path) { files.emplace_back(path); }, problems);
  REQUIRE(packages);
  REQUIRE(packages->size() == 2);
  const auto& perl = packages->at(0);
  CHECK(perl.epoch == 4);
  CHECK(perl.source == "source-pkg");
  CHECK(perl.source_version == "9.9-1.el9");
  CHECK(perl.module == "nodejs:12");
  CHECK_FALSE(packages->at(1).epoch);
  CHECK(files == Names{"usr/bin/tool", "usr/bin/tool"});
}

TEST_CASE("rpm databases are read in all three formats") {
  const Scratch scratch;
  const std::vector<std::string> blobs{header("a", "1"), header("b", "2")};
  const Names expected{"a-1-1.el9", "b-2-1.el9"};
  CHECK(names(ndb(blobs)) == expected);
  CHECK(names(sqlite(scratch, kPackages, blobs, false)) == expected);
}

TEST_CASE("an sqlite database in write-ahead mode is read without the files beside it") {
  const Scratch scratch;
  CHECK(names(sqlite(scratch, kPackages, {header("a", "1")}, true)) == Names{"a-1-1.el9"});
}

TEST_CASE("an sqlite database whose Packages is a view is refused") {
  const Scratch scratch;
  const auto database = sqlite(scratch, "CREATE TABLE t(blob); CREATE VIEW Packages AS SELECT blob FROM t", {}, false);
  CHECK(names(database) == Names{"rpm database: Packages is no table"});
}

TEST_CASE("a Berkeley DB whose pages go in a circle, or lead outside, is refused") {
  std::string database(4 * 512, '\0');
  const auto put = [&database](std::size_t at, std::uint32_t number, unsigned width) {
    for (unsigned i = 0; i < width; ++i) database[at + i] = static_cast<char>(number >> (8 * i));
  };
  put(12, 0x00061561, 4);
  put(20, 512, 4);
  put(25, 8, 1);
  put(32, 3, 4);
  // Page 1: a key and an off-page value; pages 2 and 3: a chain that returns to its start.
  put(512 + 20, 2, 2);
  put(512 + 25, 13, 1);
  put(512 + 26, 500, 2);
  put(512 + 28, 480, 2);
  put(512 + 480, 3, 1);
  put(512 + 484, 2, 4);
  put(512 + 488, 1500, 4);
  for (const std::uint32_t page : {2u, 3u}) {
    put(page * 512 + 16, page == 2 ? 3 : 2, 4);
    put(page * 512 + 22, 0, 2);
    put(page * 512 + 25, 7, 1);
  }
  CHECK(names(database) == Names{"rpm database: the pages of a value go in a circle"});
  put(512 + 484, 77, 4);
  CHECK(names(database) == Names{"rpm database: a value leads to a page that is not its own"});
}

TEST_CASE("damaged rpm databases are refused, whatever byte is wrong") {
  const Scratch scratch;
  for (const auto& good : {ndb({header("a", "1")}), sqlite(scratch, kPackages, {header("a", "1")}, false)}) {
    for (std::size_t at = 0; at < good.size(); at += 7) {
      auto bad = good;
      bad[at] = static_cast<char>(bad[at] ^ 0xff);
      (void)names(bad);  // no crash, and no sanitizer's finding
    }
    for (std::size_t size = 0; size < good.size(); size += 97) (void)names(good.substr(0, size));
  }
}

TEST_CASE("apk's database gives origin, licence and files") {
  Names files;
  const auto packages = read_apk_installed(
      "C:Q1x\nP:libssl3\nV:3.1.4-r5\nA:x86_64\nL:Apache-2.0\no:openssl\nF:lib\nR:libssl.so.3\nR:x\nF:\nR:top\n\n"
      "P:busybox\nV:1.36\n",
      [&files](std::string_view path) { files.emplace_back(path); });
  REQUIRE(packages.size() == 2);
  CHECK(packages[0].source == "openssl");
  CHECK(packages[0].licence == "Apache-2.0");
  CHECK(packages[1].source.empty());
  CHECK(files == Names{"lib/libssl.so.3", "lib/x", "top"});
}

TEST_CASE("only installed packages of dpkg count") {
  const auto packages = read_dpkg_status(
      "Package: a\nStatus: install ok installed\nVersion: 1\n\nPackage: b\nStatus: install ok half-installed\nVersion: 1\n\n"
      "Package: c\nStatus: deinstall ok config-files\nVersion: 1\n\nPackage: d\nStatus: hold ok installed\nVersion: 1\nSource: e "
      "(2)\n\nPackage: f\nVersion: 3\n\nPackage: g\n");
  Names found;
  for (const auto& package : packages) found.push_back(package.name);
  CHECK(found == Names{"a", "d", "f"});
  CHECK(packages[1].source == "e");
  CHECK(packages[1].source_version == "2");
}

TEST_CASE("the manifest of a distroless image of rpms is read") {
  const auto packages = read_rpm_manifest(
      "bash\t5.1.8-1.cm2\t1653816591\t1653753130\tMicrosoft Corporation\t(none)\t3163\tx86_64\t0\tbash-5.1.8-1.cm2.src.rpm\n");
  REQUIRE(packages.size() == 1);
  CHECK(packages[0].version == "5.1.8");
  CHECK(packages[0].release == "1.cm2");
  CHECK(packages[0].source == "bash");
}
