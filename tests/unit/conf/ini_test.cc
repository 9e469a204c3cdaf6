#include "conf/ini.h"

#include <doctest/doctest.h>

using namespace weir;

namespace {

// `3 [section]`, `4 key=value`, `5 !mistake`, joined by newlines.
std::string scanned(std::string_view text) {
  std::string all;
  for (const auto& line : scan_ini(text)) {
    all += std::to_string(line.number) + ' ';
    switch (line.kind) {
      case IniLine::Kind::section: all += '[' + line.name + ']'; break;
      case IniLine::Kind::setting: all += line.name + '=' + line.value; break;
      case IniLine::Kind::mistake: all += '!' + line.value; break;
    }
    all += '\n';
  }
  return all;
}

}  // namespace

TEST_CASE("sections and keys come out with their line numbers, blanks around them dropped") {
  CHECK(scanned("[a]\n\n key = two words \nother=x\n  [ b.c ]  \n") == "1 [a]\n3 key=two words\n4 other=x\n5 [b.c]\n");
}

TEST_CASE("a comment starts a line, after blanks, and nowhere else") {
  CHECK(scanned("# one\n \t# two\n[a]\nkey = x # y\ncolour = #fff\n") == "3 [a]\n4 key=x # y\n5 colour=#fff\n");
}

TEST_CASE("an empty section counts") { CHECK(scanned("[a]\n[b]") == "1 [a]\n2 [b]\n"); }

TEST_CASE("the last line needs no line feed, and CRLF is a line's end") {
  CHECK(scanned("[a]\r\nkey = x\r\n\r\nlast = y") == "1 [a]\n2 key=x\n4 last=y\n");
}

TEST_CASE("a mark of UTF-8 at the start of the file is skipped") { CHECK(scanned("\xef\xbb\xbf[a]\n") == "1 [a]\n"); }

TEST_CASE("the first = parts key and value, and an empty value is a value") {
  CHECK(scanned("[a]\nurl = https://x/?a=b\nempty =\n") == "1 [a]\n2 url=https://x/?a=b\n3 empty=\n");
}

TEST_CASE("an empty file says nothing") {
  CHECK(scanned("").empty());
  CHECK(scanned("\n\n").empty());
}

TEST_CASE("a line that is neither section, key nor comment is a mistake") {
  CHECK(scanned("[a]\nlisten 5000\n; other comments\n") ==
        "1 [a]\n2 !\"listen 5000\" is neither [section], key = value nor # comment\n"
        "3 !\"; other comments\" is neither [section], key = value nor # comment\n");
  CHECK(scanned("[a]\n= x\n") == "1 [a]\n2 !no key stands before the =\n");
}

TEST_CASE("a key before the first section is a mistake") {
  CHECK(scanned("key = x\n[a]\n") == "1 !\"key\" stands before the first [section]\n2 [a]\n");
}

TEST_CASE("a section line that cannot be read hides its keys but not their mistakes") {
  CHECK(scanned("[a\nkey = x\nnonsense\n[b]\nkey = y\n") ==
        "1 !a section is written [NAME], alone on its line\n3 !\"nonsense\" is neither [section], key = value nor # comment\n4 "
        "[b]\n5 key=y\n");
  CHECK(scanned("[]\n") == "1 !a section needs a name between its brackets\n");
  CHECK(scanned("[") == "1 !a section is written [NAME], alone on its line\n");
  CHECK(scanned("[a] # comment\n") == "1 !a section is written [NAME], alone on its line\n");
  CHECK(scanned("[a b]\n") == "1 !\"a b\" cannot be the name of a section\n");
  CHECK(scanned("[a][b]\n") == "1 !\"a][b\" cannot be the name of a section\n");
}

TEST_CASE("NUL and other control characters are mistakes, tabs are blanks") {
  CHECK(scanned(std::string_view("[a]\nkey = x\0y\n", 14)) == "1 [a]\n2 !a NUL byte\n");
  CHECK(scanned("[a]\nkey = x\ry\n") == "1 [a]\n2 !a control character\n");
  CHECK(scanned("[a]\n\tkey\t=\tx\t\n") == "1 [a]\n2 key=x\n");
}

TEST_CASE("a line may be 8192 bytes long and not one more") {
  const std::string longest = "key=" + std::string(kMostIniLine - 4, 'x');
  CHECK(scan_ini("[a]\n" + longest).at(1).kind == IniLine::Kind::setting);
  CHECK(scanned("[a]\n" + longest + "x\nkey = y\n") == "1 [a]\n2 !a line is at most 8192 bytes long\n3 key=y\n");
}
