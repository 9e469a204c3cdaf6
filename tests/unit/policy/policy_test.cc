#include "policy/policy.h"

#include <algorithm>
#include <random>

#include "tests/unit/policy/asking.h"

using namespace weir;
using namespace weir::testing;

namespace {

struct Case {
  const char* asked;
  const char* answer;
};

void check_all(const char* rules, bool default_allow, std::initializer_list<Case> cases) {
  const auto policy = policy_of(rules, default_allow);
  for (const auto& [asked, answer] : cases) CHECK_MESSAGE(show(Asked(asked).answer(*policy)) == answer, asked);
}

}  // namespace

TEST_CASE("without a rule that speaks of it the default decides, and never lets anybody write") {
  check_all("", true,
            {{"anonymous pull docker.io/library/alpine:3", "allow -"},
             {"anonymous list docker.io/library/alpine", "allow -"},
             {"anonymous push docker.io/library/alpine:3", "deny -"},
             {"anonymous delete docker.io/library/alpine:3", "deny -"}});
  check_all("", false,
            {{"anonymous pull docker.io/library/alpine:3", "deny -"},
             {"anonymous pull docker.io/library/alpine@?", "deny -"},
             {"anonymous list docker.io/library/alpine", "deny -"}});
}

TEST_CASE("an explicit deny wins over any allow, and an allow over the default") {
  const char* rules =
      "base allow * pull docker.io/library/**\n"
      "bad deny * pull docker.io/library/bad\n"
      "mallory deny mallory * **\n"
      "trusted allow trusted * **\n";
  check_all(rules, false,
            {{"a pull docker.io/library/alpine:3", "allow base"},
             {"a pull docker.io/library/bad:3", "deny bad"},
             {"a pull docker.io/library/bad@?", "deny bad"},
             {"trusted pull docker.io/library/bad:3", "deny bad"},
             {"trusted push docker.io/library/bad:3", "allow trusted"},
             {"trusted delete docker.io/library/bad:3", "allow trusted"},
             {"mallory pull docker.io/library/alpine:3", "deny mallory"},
             {"mallory list docker.io/library/alpine", "deny mallory"},
             {"a pull quay.io/x/y:3", "deny -"},
             {"trusted pull quay.io/x/y:3", "allow trusted"},
             {"a list docker.io/library/alpine", "deny -"},
             {"a push docker.io/library/alpine:3", "deny -"}});
  check_all(rules, true, {{"a pull quay.io/x/y:3", "allow -"}, {"a push quay.io/x/y:3", "deny -"}});
}

TEST_CASE("who is a name, a pattern, several, or a group") {
  check_all(
      "group ops alice node/ops-* robot/**\n"
      "group ops bob\n"
      "one deny eve pull a.io/one/**\n"
      "nodes deny node/ml-* pull a.io/nodes/**\n"
      "below deny node/** pull a.io/below/**\n"
      "grouped deny group:ops pull a.io/group/**\n"
      "several deny carol,node/x-*,group:ops pull a.io/several/**\n"
      "all deny * pull a.io/all/**\n",
      true,
      {{"eve pull a.io/one/x:1", "deny one"},
       {"eve2 pull a.io/one/x:1", "allow -"},
       {"Eve pull a.io/one/x:1", "allow -"},
       {"node/ml-1 pull a.io/nodes/x:1", "deny nodes"},
       {"node/ml- pull a.io/nodes/x:1", "deny nodes"},
       {"node/ml-1/x pull a.io/nodes/x:1", "allow -"},
       {"node/ops-1 pull a.io/nodes/x:1", "allow -"},
       {"node/a/b pull a.io/below/x:1", "deny below"},
       {"node pull a.io/below/x:1", "allow -"},
       {"alice pull a.io/group/x:1", "deny grouped"},
       {"bob pull a.io/group/x:1", "deny grouped"},
       {"node/ops-7 pull a.io/group/x:1", "deny grouped"},
       {"robot/a/b pull a.io/group/x:1", "deny grouped"},
       {"carol pull a.io/group/x:1", "allow -"},
       {"carol pull a.io/several/x:1", "deny several"},
       {"node/x-1 pull a.io/several/x:1", "deny several"},
       {"bob pull a.io/several/x:1", "deny several"},
       {"dave pull a.io/several/x:1", "allow -"},
       {"anonymous pull a.io/all/x:1", "deny all"},
       {"node/a/b/c pull a.io/all/x:1", "deny all"}});
}

TEST_CASE("actions are told apart") {
  check_all("reads allow * pull,list a.io/**\nwrites allow ci push a.io/**\nall allow root * a.io/**\n", false,
            {{"x pull a.io/b/c:1", "allow reads"},
             {"x list a.io/b/c", "allow reads"},
             {"x push a.io/b/c:1", "deny -"},
             {"ci push a.io/b/c:1", "allow writes"},
             {"ci delete a.io/b/c:1", "deny -"},
             {"root delete a.io/b/c:1", "allow all"},
             {"root list a.io/b/c", "allow all"}});
}

TEST_CASE("repositories are names, patterns, expressions, several, or a list") {
  check_all(
      "list base docker.io/library/* quay.io/prometheus/** ~ghcr\\.io/(a|b)/.*\n"
      "exact deny * pull docker.io/one/exact\n"
      "star deny * pull docker.io/two/*\n"
      "stars deny * pull docker.io/three/**\n"
      "middle deny * pull docker.io/*/four/**\n"
      "end deny * pull **/five\n"
      "regex deny * pull ~docker\\.io/six-[0-9]{1,3}/.*\n"
      "several deny * pull docker.io/seven/a,docker.io/seven/b-*\n"
      "listed deny * pull list:base\n"
      "host deny * pull reg*.example.com/**\n"
      "port deny * pull reg.local:5000/**\n",
      true,
      {{"x pull docker.io/one/exact:1", "deny exact"},
       {"x pull docker.io/one/exact2:1", "allow -"},
       {"x pull docker.io/one/exac:1", "allow -"},
       {"x pull docker.io/two/a:1", "deny star"},
       {"x pull docker.io/two/a/b:1", "allow -"},
       {"x pull docker.io/three/a/b:1", "deny stars"},
       {"x pull docker.io/three/a:1", "deny stars"},
       {"x pull docker.io/three:1", "allow -"},
       {"x pull docker.io/x/four/y/z:1", "deny middle"},
       {"x pull docker.io/x/y/four/z:1", "allow -"},
       {"x pull docker.io/a/b/five:1", "deny end"},
       {"x pull docker.io/five:1", "deny end"},
       {"x pull docker.io/a/five5:1", "allow -"},
       {"x pull docker.io/six-12/a:1", "deny regex"},
       {"x pull docker.io/six-1234/a:1", "allow -"},
       {"x pull mirror/docker.io/six-12/a:1", "allow -"},
       {"x pull dockerxio/six-12/a:1", "allow -"},
       {"x pull docker.io/seven/a:1", "deny several"},
       {"x pull docker.io/seven/b-1:1", "deny several"},
       {"x pull docker.io/seven/c:1", "allow -"},
       {"x pull docker.io/library/alpine:1", "deny listed"},
       {"x pull docker.io/library/alpine/x:1", "allow -"},
       {"x pull quay.io/prometheus/a/b:1", "deny listed"},
       {"x pull ghcr.io/a/z:1", "deny listed"},
       {"x pull ghcr.io/c/z:1", "allow -"},
       {"x pull reg7.example.com/a:1", "deny host"},
       {"x pull reg.local:5000/a", "deny port"},
       {"x pull reg.local:5001/a", "allow -"}});
}

TEST_CASE("a rule on tags judges a tag by its name") {
  check_all(
      "latest deny * pull a.io/** tag=latest,dev-*\n"
      "stable deny * pull b.io/** tag!=stable,v*\n"
      "both deny * pull c.io/** tag=v* tag!=v1.*\n",
      true,
      {{"x pull a.io/b/c:latest", "deny latest"},
       {"x pull a.io/b/c:dev-1", "deny latest"},
       {"x pull a.io/b/c:dev", "allow -"},
       {"x pull a.io/b/c:Latest", "allow -"},
       {"x list a.io/b/c", "allow -"},
       {"x pull b.io/b/c:stable", "allow -"},
       {"x pull b.io/b/c:v2", "allow -"},
       {"x pull b.io/b/c:edge", "deny stable"},
       {"x pull c.io/b/c:v2.0", "deny both"},
       {"x pull c.io/b/c:v1.0", "allow -"},
       {"x pull c.io/b/c:w", "allow -"}});
}

TEST_CASE("a digest is denied by a rule on tags only when every tag that leads to it is") {
  check_all("latest deny * pull a.io/** tag=latest\nstable deny * pull b.io/** tag!=stable\n", true,
            {{"x pull a.io/b/c@?", "depends latest"},
             {"x pull a.io/b/c@", "allow -"},
             {"x pull a.io/b/c@latest", "deny latest"},
             {"x pull a.io/b/c@latest,v1", "allow -"},
             {"x pull a.io/b/c@v1", "allow -"},
             {"x pull a.io/b/c@? final", "deny latest"},
             {"x pull b.io/b/c@", "deny stable"},
             {"x pull b.io/b/c@edge,nightly", "deny stable"},
             {"x pull b.io/b/c@edge,stable", "allow -"}});
  check_all("v allow * pull a.io/** tag=v*\n", false,
            {{"x pull a.io/b/c@?", "depends v"},
             {"x pull a.io/b/c@", "deny -"},
             {"x pull a.io/b/c@v1", "allow v"},
             {"x pull a.io/b/c@latest,v1", "allow v"},
             {"x pull a.io/b/c@latest", "deny -"},
             {"x pull a.io/b/c@? final", "deny v"},
             {"x pull z.io/b/c@?", "deny -"}});
  // A deny that needs no look is not put off, and neither is an allow that no deny could undo.
  check_all("all deny mallory pull **\nlatest deny * pull ** tag=latest\n", true, {{"mallory pull a.io/b@?", "deny all"}});
  check_all("any allow * pull **\nv allow * pull ** tag=v*\n", false, {{"x pull a.io/b@?", "allow any"}});
}

TEST_CASE("networks hold addresses of their own kind") {
  check_all("site allow * pull ** from=10.20.0.0/16,fd00:1::/32,192.0.2.7\n", false,
            {{"x pull a.io/b:1 from=10.20.3.4", "allow site"},
             {"x pull a.io/b:1 from=10.21.3.4", "deny -"},
             {"x pull a.io/b:1 from=fd00:1:2::3", "allow site"},
             {"x pull a.io/b:1 from=fd00:2::3", "deny -"},
             {"x pull a.io/b:1 from=192.0.2.7", "allow site"},
             {"x pull a.io/b:1 from=192.0.2.8", "deny -"},
             {"x pull a.io/b:1 from=::ffff:10.20.3.4", "allow site"},
             {"x pull a.io/b:1", "deny -"}});
  check_all("six deny * pull ** from=::/0\n", true,
            {{"x pull a.io/b:1 from=::1", "deny six"}, {"x pull a.io/b:1 from=127.0.0.1", "allow -"}});
  check_all(
      "four deny * pull ** from=0.0.0.0/0\n", true,
      {{"x pull a.io/b:1 from=::1", "allow -"}, {"x pull a.io/b:1 from=127.0.0.1", "deny four"}, {"x pull a.io/b:1", "allow -"}});
}

TEST_CASE("upstreams are named by their sections") {
  check_all("hub deny * pull ** upstream=docker.io,mirror-*\n", true,
            {{"x pull docker.io/b:1", "deny hub"},
             {"x pull a.io/b:1 upstream=mirror-2", "deny hub"},
             {"x pull a.io/b:1 upstream=quay.io", "allow -"},
             {"x list docker.io/b", "allow -"}});
}

TEST_CASE("what only the manifest tells is waited for, and in the end counts against whom it is not known for") {
  const char* denies =
      "type deny * pull a.io/** media-type=application/vnd.docker.*\n"
      "old deny * pull b.io/** first-seen<7d\n"
      "windows deny * pull c.io/** platform=windows/*\n"
      "small deny * pull d.io/** size<=1kB\n";
  check_all(denies, true,
            {{"x pull a.io/b:1", "depends type"},
             {"x pull a.io/b:1 type=application/vnd.docker.distribution", "deny type"},
             {"x pull a.io/b:1 type=application/vnd.docker.x", "deny type"},
             {"x pull a.io/b:1 type=application/vnd.oci.x", "allow -"},
             {"x pull a.io/b:1 final", "deny type"},
             {"x list a.io/b", "allow -"},
             {"x pull b.io/b:1", "depends old"},
             {"x pull b.io/b@?", "depends old"},
             {"x pull b.io/b:1 seen=604799", "deny old"},
             {"x pull b.io/b:1 seen=604800", "allow -"},
             {"x pull b.io/b:1 final", "deny old"},
             {"x pull c.io/b:1", "depends windows"},
             {"x pull c.io/b:1 platforms=windows/amd64", "deny windows"},
             {"x pull c.io/b:1 platforms=linux/amd64", "allow -"},
             {"x pull c.io/b:1 platforms=linux/amd64,windows/amd64", "allow -"},
             {"x pull c.io/b:1 platforms=windows/amd64,windows/arm64", "deny windows"},
             {"x pull c.io/b:1 platforms=", "allow -"},
             {"x pull c.io/b:1 final", "deny windows"},
             {"x pull d.io/b:1 size=1000", "deny small"},
             {"x pull d.io/b:1 size=1001", "allow -"}});
  const char* allows =
      "small allow * pull a.io/** size<=500MB\n"
      "mine allow * pull b.io/** platform=linux/amd64,linux/arm64\n"
      "seasoned allow * pull c.io/** media-type=application/vnd.oci.*\n";
  check_all(allows, false,
            {{"x pull a.io/b:1", "depends small"},
             {"x pull a.io/b:1 size=500000000", "allow small"},
             {"x pull a.io/b:1 size=500000001", "deny -"},
             {"x pull a.io/b:1 final", "deny small"},
             {"x list a.io/b", "deny -"},
             {"x pull b.io/b:1 platforms=linux/amd64", "allow mine"},
             {"x pull b.io/b:1 platforms=linux/arm64/v8", "allow mine"},
             {"x pull b.io/b:1 platforms=linux/arm/v7", "deny -"},
             {"x pull b.io/b:1 platforms=linux/s390x,linux/amd64", "allow mine"},
             {"x pull b.io/b:1 platforms=", "deny -"},
             {"x pull c.io/b:1 type=application/vnd.oci.image", "allow seasoned"},
             {"x pull c.io/b:1 type=text/vnd.oci.image.manifest", "deny -"},
             {"x pull d.io/b:1", "deny -"}});
}

TEST_CASE("by digest only holds for digests") {
  check_all("pinned allow * pull a.io/** by-digest-only\n", false,
            {{"x pull a.io/b@?", "allow pinned"},
             {"x pull a.io/b@latest", "allow pinned"},
             {"x pull a.io/b:latest", "deny -"},
             {"x list a.io/b", "deny -"}});
}

TEST_CASE("hours are of the week in UTC") {
  // 1970-01-05 00:00 was a Monday: day 4.
  check_all("work allow * pull a.io/** time=Mon-Fri,08:00-18:00\nnight allow * pull b.io/** time=Fri,22:00-06:00\n", false,
            {{"x pull a.io/b:1 at=374400", "allow work"},    // Monday 08:00
             {"x pull a.io/b:1 at=374399", "deny -"},        // 07:59:59
             {"x pull a.io/b:1 at=410399", "allow work"},    // 17:59:59
             {"x pull a.io/b:1 at=410400", "deny -"},        // 18:00
             {"x pull a.io/b:1 at=806400", "deny -"},        // Saturday 08:00
             {"x pull b.io/b:1 at=770400", "allow night"},   // Friday 22:00
             {"x pull b.io/b:1 at=799199", "allow night"},   // Saturday 05:59:59
             {"x pull b.io/b:1 at=799200", "deny -"},        // Saturday 06:00
             {"x pull b.io/b:1 at=712799", "deny -"}});      // Friday 05:59:59
}

TEST_CASE("conditions are all to hold") {
  check_all("one deny node/* pull a.io/** tag=v* from=10.0.0.0/8 upstream=a.io\n", true,
            {{"node/1 pull a.io/b:v1 from=10.1.1.1", "deny one"},
             {"node/1 pull a.io/b:w1 from=10.1.1.1", "allow -"},
             {"node/1 pull a.io/b:v1 from=11.1.1.1", "allow -"},
             {"node/1 pull a.io/b:v1 from=10.1.1.1 upstream=b.io", "allow -"},
             {"user pull a.io/b:v1 from=10.1.1.1", "allow -"},
             {"node/1 list a.io/b from=10.1.1.1", "allow -"}});
  // What is known not to hold spares the wait for the rest.
  check_all("q deny * pull ** first-seen<7d from=10.0.0.0/8\n", true,
            {{"x pull a.io/b:1 from=11.1.1.1", "allow -"}, {"x pull a.io/b:1 from=10.1.1.1", "depends q"}});
}

TEST_CASE("a limit takes away from what is allowed, and allows nothing itself") {
  const char* rules =
      "site limit * pull,list registry.local/** offline\n"
      "pinned limit * pull prod.io/** digests-only\n"
      "arch limit * pull arch.io/** platforms=linux/amd64,linux/arm64\n"
      "nodes limit node/* pull ci.io/** offline\n";
  check_all(rules, true,
            {{"x pull registry.local/a:1", "allow -, offline site"},
             {"x list registry.local/a", "allow -, offline site"},
             {"x pull registry.local/a@?", "allow -, offline site"},
             {"x pull prod.io/a:1", "deny pinned"},
             {"x pull prod.io/a@?", "allow -"},
             {"x list prod.io/a", "allow -"},
             {"x pull arch.io/a:1", "depends arch"},
             {"x pull arch.io/a:1 platforms=linux/amd64", "allow -"},
             {"x pull arch.io/a:1 platforms=linux/arm64/v8", "allow -"},
             {"x pull arch.io/a:1 platforms=windows/amd64", "deny arch"},
             {"x pull arch.io/a:1 platforms=windows/amd64,linux/arm64", "allow -"},
             {"x pull arch.io/a:1 platforms=", "allow -"},
             {"x pull arch.io/a:1 final", "deny arch"},
             {"node/1 pull ci.io/a:1", "allow -, offline nodes"},
             {"ci pull ci.io/a:1", "allow -"}});
  check_all(rules, false,
            {{"x pull registry.local/a:1", "deny -"}, {"x pull prod.io/a@?", "deny -"}, {"x pull arch.io/a:1", "deny -"}});
}

TEST_CASE("of several rules that decide the first name is told, wherever they stand") {
  const char* rules = "b deny * pull **\nc deny x pull **\na deny * pull a.io/**\n";
  check_all(rules, true, {{"x pull a.io/b:1", "deny a"}, {"x pull z.io/b:1", "deny b"}});
}

TEST_CASE("the rules that speak of a question can all be told, with what they wait for") {
  const auto policy = policy_of(
      "base allow * pull docker.io/**\n"
      "quarantine deny * pull docker.io/** first-seen<7d\n"
      "no-latest deny * pull ** tag=latest\n"
      "other deny * pull quay.io/**\n"
      "pushes deny * push **\n");
  const Asked asked("x pull docker.io/library/alpine:3");
  const auto matched = policy->explain(asked.question, asked.facts);
  REQUIRE(matched.size() == 2);
  CHECK(matched[0].rule->name == "base");
  CHECK_FALSE(matched[0].depends);
  CHECK(matched[1].rule->name == "quarantine");
  CHECK(matched[1].depends);
  CHECK(matched[1].needs == kNeedsFirstSeen);
  CHECK(policy->place(*matched[1].rule) == "policy.rules:2");
  CHECK(policy->has_quarantine());
  CHECK_FALSE(policy_of("a deny * pull ** size<=1\n")->has_quarantine());
}

TEST_CASE("before it is said what is asked for, rules on references leave it open") {
  const auto policy = policy_of(
      "tag    deny  * pull a/tag        tag=latest\n"
      "nottag deny  * pull a/nottag     tag!=v1\n"
      "digest deny  * pull a/digest     by-digest-only\n"
      "pinned limit * pull a/pinned     digests-only\n"
      "all    deny  * pull a/all\n"
      "air    limit * pull a/air        offline\n"
      "moon   deny  * pull a/moon       from=10.0.0.0/8\n"
      "small  deny  * pull a/small      size<=5\n");
  const std::pair<const char*, const char*> cases[] = {
      {"x pull a/tag?", "depends tag"},
      {"x pull a/nottag?", "depends nottag"},
      {"x pull a/digest?", "depends digest"},
      {"x pull a/pinned?", "depends pinned"},
      {"x pull a/all?", "deny all"},
      {"x pull a/air?", "allow -, offline air"},
      {"x pull a/moon? from=10.1.1.1", "deny moon"},
      {"x pull a/moon?", "allow -"},
      {"x pull a/small?", "depends small"},
      {"x push a/other?", "deny -"},
  };
  for (const auto& [question, answer] : cases) CHECK_MESSAGE(show(Asked(question).answer(*policy)) == answer, question);
}

TEST_CASE("whether another identity might be allowed what this one is not") {
  const auto policy = policy_of(
      "team  allow alice     pull a/team\n"
      "never deny  *         pull a/team/secret\n"
      "both  allow alice     pull a/team/secret\n"
      "guest deny  anonymous pull a/guest\n"
      "late  deny  *         pull a/tag      tag=latest\n"
      "tags  allow *         pull a/tag\n",
      false);
  const std::pair<const char*, bool> cases[] = {
      {"anonymous pull a/team:v1", true}, {"anonymous pull a/team@?", true},       {"anonymous push a/team:v1", false},
      {"anonymous pull a/guest", false},  {"anonymous pull a/team/secret", false}, {"anonymous pull a/none", false},
      {"anonymous pull a/tag:v1", true},  {"anonymous pull a/tag:latest", false},
  };
  for (const auto& [question, might] : cases) CHECK_MESSAGE(policy->another_might(Asked(question).question) == might, question);
  CHECK(policy_of("guest deny anonymous pull a/guest\n")->another_might(Asked("anonymous pull a/guest:v1").question));
}

TEST_CASE("the order of the rules changes no decision") {
  std::mt19937 random(7);
  const auto pick = [&](std::initializer_list<const char*> of) { return std::string(of.begin()[random() % of.size()]); };
  const auto repository = [&] { return pick({"a.io", "b.io"}) + '/' + pick({"x", "y"}) + pick({"", "/z", "/w"}); };
  for (int round = 0; round < testing::rounds(40); ++round) {
    std::vector<std::string> lines{"group g alice node/*\n", "list l a.io/x/** b.io/*\n"};
    const auto count = 1 + random() % 40;
    for (std::size_t i = 0; i < count; ++i) {
      const auto effect = pick({"allow", "deny", "deny", "limit"});
      std::string line = "r" + std::to_string(random() % 1000) + '-' + std::to_string(i) + ' ' + effect + ' ' +
                         pick({"*", "alice", "bob", "node/*", "group:g", "alice,bob"}) + ' ' +
                         pick({"pull", "*", "pull,list", "push"}) + ' ' +
                         pick({"**", "a.io/**", "a.io/x", "*/x/*", "~[ab]\\.io/y.*", "list:l", "b.io/x,b.io/y"});
      if (effect == "limit") line += pick({" offline", " digests-only", " platforms=linux/*"});
      if (random() % 2)
        line += pick({" tag=v*", " tag!=v1", " from=10.0.0.0/8", " first-seen<1d", " size<=10", " by-digest-only",
                      " platform=linux/amd64"});
      lines.push_back(line + '\n');
    }
    const auto together = [&] {
      std::string text;
      for (const auto& line : lines) text += line;
      return text;
    };
    const bool default_allow = random() % 2;
    const auto before = policy_of(together(), default_allow);
    std::shuffle(lines.begin(), lines.end(), random);
    const auto after = policy_of(together(), default_allow);
    for (int i = 0; i < 100; ++i) {
      const Asked asked(pick({"alice", "bob", "node/1", "anonymous"}) + ' ' + pick({"pull", "list", "push"}) + ' ' +
                        repository() + pick({"", ":v1", ":w", "@?", "@v1,w", "@"}) + pick({"", " from=10.1.1.1"}) +
                        pick({"", " seen=5", " seen=99999999"}) + pick({"", " size=5", " size=50"}) +
                        pick({"", " platforms=linux/amd64", " platforms=windows/x,linux/arm"}) + pick({"", " final"}));
      CHECK(show(asked.answer(*before)) == show(asked.answer(*after)));
    }
  }
}
