// What the Security Token Service answers, as XML; and the XML that is none of ours to read.
#include "proxy/upstream/aws_sts.h"

#include "proxy/upstream/xml_answer.h"

#include <doctest/doctest.h>

using namespace weir;

namespace {

std::string answer_with(const std::string& credentials, const std::string& action = "AssumeRole") {
  return "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<" + action +
         "Response xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><" + action + "Result><Credentials>" + credentials +
         "</Credentials></" + action + "Result><ResponseMetadata><RequestId>1</RequestId>" + "</ResponseMetadata></" + action +
         "Response>";
}

const std::string kGood =
    "<AccessKeyId>ASIA1</AccessKeyId><SecretAccessKey> a/b+c </SecretAccessKey><SessionToken>t&#43;&#x3d;&amp;</SessionToken>"
    "<Expiration>2026-11-26T21:48:06.123Z</Expiration>";

std::string what_is_wrong(const std::string& xml) {
  const auto read = XmlAnswer::parse(xml);
  return read ? "nothing" : read.error().what;
}

}  // namespace

TEST_CASE("credentials are read from the answer to the action they were asked for") {
  const auto credentials = parse_sts_credentials(answer_with(kGood), "AssumeRole");
  REQUIRE(credentials);
  CHECK(credentials->key_id == "ASIA1");
  CHECK(credentials->secret == "a/b+c");
  CHECK(credentials->session_token == "t+=&");
  CHECK(credentials->expires_at == 1'795'729'686);
  CHECK_FALSE(parse_sts_credentials(answer_with(kGood), "AssumeRoleWithWebIdentity"));
  CHECK(parse_sts_credentials(answer_with(kGood, "AssumeRoleWithWebIdentity"), "AssumeRoleWithWebIdentity"));
}

TEST_CASE("an answer that lacks a part, or has one that does not fit into a header, gives nothing") {
  for (const std::string lost : {"AccessKeyId", "SecretAccessKey", "SessionToken", "Expiration"}) {
    auto less = kGood;
    for (std::size_t at; (at = less.find(lost)) != std::string::npos;) less.replace(at, lost.size(), "Other");
    CHECK_MESSAGE(!parse_sts_credentials(answer_with(less), "AssumeRole"), lost);
  }
  auto broken = kGood;
  broken.replace(broken.find("t&#43;"), 6, "t&#13;&#10;X: y");
  CHECK_FALSE(parse_sts_credentials(answer_with(broken), "AssumeRole"));
  CHECK_FALSE(parse_sts_credentials("", "AssumeRole"));
}

TEST_CASE("the code of an error is shown without what could be anything") {
  CHECK(parse_sts_error("<ErrorResponse><Error><Code>AccessDenied</Code></Error></ErrorResponse>") == "AccessDenied");
  CHECK(parse_sts_error("<ErrorResponse><Error><Code>a\nb c</Code></Error></ErrorResponse>") == "a?b?c");
  CHECK(parse_sts_error("no XML") == "without a code");
  CHECK(parse_sts_error("<ErrorResponse><Error><Code>" + std::string(500, 'a') + "</Code></Error></ErrorResponse>").size() == 64);
}

TEST_CASE("XML is read as elements and text, attributes passed over, the first of a name kept") {
  const auto read = XmlAnswer::parse(
      " <a x='1' y = \"2>\"><b>one</b><b>two</b><c/><d><e> \xc3\xa9 &lt;&gt;&quot;&apos; </e></d >text</a>\n");
  REQUIRE(read);
  CHECK(read->at("a/b") == "one");
  CHECK(read->at("a/c").empty());
  CHECK(read->at("a/d/e") == "\xc3\xa9 <>\"'");
  CHECK(read->at("a").empty());
  CHECK(read->at("a/x").empty());
  CHECK(XmlAnswer::parse("<a>&#233;&#x20AC;&#x1F600;</a>")->at("a") == "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80");
}

TEST_CASE("XML that declares, instructs, comments, refers or does not end is refused") {
  for (const std::string xml : {"",
                                "text",
                                "<a>",
                                "<a></b>",
                                "<a></a><b/>",
                                "<a><b></a></b>",
                                "</a>",
                                "<a",
                                "<a b></a>",
                                "<a b=c/>",
                                "<a b='<'/>",
                                "<a b='1'c='2'/>",
                                "<!DOCTYPE a [<!ENTITY b \"c\">]><a>&b;</a>",
                                "<a><!-- --></a>",
                                "<a><![CDATA[x]]></a>",
                                "<a><?php x?></a>",
                                "<?xml ",
                                "<a>&b;</a>",
                                "<a>&amp</a>",
                                "<a>&#0;</a>",
                                "<a>&#xD800;</a>",
                                "<a>&#x110000;</a>",
                                "<a>&#;</a>",
                                "<a>&#x;</a>",
                                "<a>&#1a;</a>",
                                "<1/>",
                                "< a/>"}) {
    CHECK_MESSAGE(what_is_wrong(xml) != "nothing", xml);
  }
  CHECK(what_is_wrong("<a>" + std::string(64 << 10, 'x') + "</a>") == "the XML is larger than 64 KiB");
  CHECK(what_is_wrong("<a><a><a><a><a><a><a><a><a></a></a></a></a></a></a></a></a></a>") == "the XML is nested too deeply");
}

TEST_CASE("a time is UTC and one that the calendar has") {
  CHECK(parse_aws_time("1970-01-01T00:00:01Z") == 1);
  CHECK(parse_aws_time("2024-02-29T12:00:00.000Z") == 1'709'208'000);
  CHECK(parse_aws_time("2016-12-31T23:59:60Z"));
  for (const char* bad :
       {"", "Z", "2026-11-26", "2026-11-26T21:48:06", "2026-11-26 21:48:06Z", "2026-11-26T21:48:06+01:00", "2026-13-01T00:00:00Z",
        "2026-02-30T00:00:00Z", "2026-00-10T00:00:00Z", "2026-01-01T24:00:00Z", "2026-01-01T00:60:00Z", "2026-01-01T00:00:61Z",
        "2026-01-01T00:00:00.Z", "2026-01-01T00:00:00.xZ", "202x-01-01T00:00:00Z"}) {
    CHECK_MESSAGE(!parse_aws_time(bad), bad);
  }
}
