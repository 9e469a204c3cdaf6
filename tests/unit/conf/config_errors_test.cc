// Every mistake a configuration can hold: its words, its place, and all of them at once.
#include "conf/settings.h"

#include "tests/unit/base/certificates.h"
#include "tests/unit/conf/loading.h"

#include <doctest/doctest.h>

using namespace weir;
using weir::testing::errors_of;

TEST_CASE("an unknown section names the section that was meant") {
  CHECK(errors_of("[sevrer]\nlisten = nonsense\n") == "file:1: unknown section \"sevrer\"; did you mean \"server\"?\n");
  CHECK(errors_of("[upsteam.docker.io]\n") ==
        "file:1: unknown section \"upsteam.docker.io\"; did you mean \"upstream.docker.io\"?\n");
  CHECK(errors_of("[storage]\n") ==
        "file:1: unknown section \"storage\"; known: server, admin, cache, auth, policy, meter, price, log, upstream.NAME\n");
  CHECK(errors_of("[upstream]\n") == "file:1: an upstream is written [upstream.NAME], such as [upstream.docker.io]\n");
  CHECK(errors_of("[upstream.]\n") == "file:1: an upstream is written [upstream.NAME], such as [upstream.docker.io]\n");
}

TEST_CASE("an unknown key names the key that was meant") {
  CHECK(errors_of("[cache]\ntag-tll = 5m\n") == "file:2: unknown key \"tag-tll\" in [cache]; did you mean \"tag-ttl\"?\n");
  CHECK(errors_of("[upstream.x]\nurl = http://x\nuri = http://x\n") ==
        "file:3: unknown key \"uri\" in [upstream.x]; did you mean \"url\"?\n");
  CHECK(errors_of("[log]\nfile = x\n") == "file:2: unknown key \"file\" in [log]; known: format, level, access\n");
  CHECK(errors_of("[Cache]\n") == "file:1: unknown section \"Cache\"; did you mean \"cache\"?\n");
}

TEST_CASE("what is going to be offered says that it is not yet") {
  CHECK(errors_of("[registry.local]\nquota = 1GiB\n[sync]\n") ==
        "file:1: [registry.local] is not offered by this version\nfile:3: [sync] is not offered by this version\n");
  CHECK(errors_of("[upstream.x]\nurl = http://x\noffline = y\n") ==
        "file:3: [upstream.x] offline is not offered by this version\n");
}

TEST_CASE("no key is both offered and said not to be") {
  Options options;
  UpstreamOptions upstream;
  for (const auto& section : fixed_sections(options)) {
    CHECK_MESSAGE(!planned_section(section.name), section.name);
    for (const auto& key : section.keys) CHECK_MESSAGE(!planned_key(section.name, key.name), key.name);
  }
  for (const auto& key : upstream_keys(upstream)) CHECK_MESSAGE(!planned_key("upstream.x", key.name), key.name);
}

TEST_CASE("a bad value says what is expected, for every kind of value") {
  CHECK(errors_of("[server]\nthreads = many\n") == "file:2: [server] threads: \"many\" is not a whole number from 0 to 1024\n");
  CHECK(errors_of("[server]\nmax-connections = -1\n") ==
        "file:2: [server] max-connections: \"-1\" is not a whole number from 1 to 10000000\n");
  CHECK(errors_of("[server]\nmax-connections = 99999999999999999999\n") ==
        "file:2: [server] max-connections: \"99999999999999999999\" is not a whole number from 1 to 10000000\n");
  CHECK(errors_of("[server]\nidle-timeout = 0\n") == "file:2: [server] idle-timeout: \"0\" is too short; at least 1ms\n");
  CHECK(errors_of("[cache]\ntag-ttl = soon\n") ==
        "file:2: [cache] tag-ttl: \"soon\" is not a duration, such as 250ms, 30s, 5m, 2h or 7d\n");
  CHECK(errors_of("[cache]\nsync = sometimes\n") == "file:2: [cache] sync: \"sometimes\" is not one of durable, fast\n");
  CHECK(errors_of("[cache]\nresume-partial = maybe\n") == "file:2: [cache] resume-partial: \"maybe\" is not one of on, off\n");
  CHECK(errors_of("[log]\nlevel = loud\n") == "file:2: [log] level: \"loud\" is not one of debug, info, warning, error\n");
  CHECK(errors_of("[upstream.x]\nurl = http://x\nnamespaces = A\n") ==
        "file:3: [upstream.x] namespaces: \"A\" is not a namespace, such as docker.io or registry.local:5000, in lower case\n");
}

TEST_CASE("a bad listen address is an error") {
  CHECK(errors_of("[server]\nlisten = 127.0.0.1:5000 localhost:5001\n") ==
        "file:2: [server] listen: \"localhost:5001\" is not an address to listen on, such as 127.0.0.1:5000, [::1]:5000 or "
        "*:5000\n");
  CHECK(errors_of("[admin]\nlisten = 5001\n").starts_with("file:2: [admin] listen: \"5001\" is not an address"));
  CHECK(errors_of("[admin]\nlisten = off\nlisten = :1\n") == "file:3: [admin] listen: off stands alone, beside no address\n");
}

TEST_CASE("a default of deny without rules, which would allow all, is an error") {
  CHECK(errors_of("[policy]\ndefault = deny\n") ==
        "file:2: [policy] has default = deny and no file, without which all is allowed\n");
}

TEST_CASE("an empty value is an error in every layer") {
  CHECK(errors_of("[cache]\ndirectory =\n", {{"cache.tag-ttl="}, {"WEIR_CACHE_SYNC="}}) ==
        "file:2: [cache] directory has no value; leave the key out to have its default\n"
        "WEIR_CACHE_SYNC: [cache] sync has no value; leave the key out to have its default\n"
        "--set cache.tag-ttl: [cache] tag-ttl has no value; leave the key out to have its default\n");
}

TEST_CASE("a comment behind a value is part of it, and the error says so") {
  CHECK(errors_of("[cache]\ntag-ttl = 5m # five\n") ==
        "file:2: [cache] tag-ttl: \"5m # five\" is not a duration, such as 250ms, 30s, 5m, 2h or 7d (a # comment needs a line of "
        "its own)\n");
}

TEST_CASE("a key that takes one value and has two names both lines") {
  CHECK(errors_of("[cache]\ntag-ttl = 5m\n\ntag-ttl = 6m\n") ==
        "file:4: [cache] tag-ttl takes one value but is given at lines 2 and 4\n");
}

TEST_CASE("a section that begins twice names both lines, and its keys are still judged") {
  CHECK(errors_of("[cache]\n[log]\n[cache]\ntag-ttl = x\n") ==
        "file:3: [cache] begins twice, at lines 1 and 3\nfile:4: [cache] tag-ttl: \"x\" is not a duration, such as 250ms, 30s, "
        "5m, 2h or 7d\n");
  CHECK(errors_of("[upstream.x]\nurl = http://x\n[upstream.x]\n") == "file:3: [upstream.x] begins twice, at lines 1 and 3\n");
}

TEST_CASE("an upstream without a url is an error, with a bad one only that") {
  CHECK(errors_of("[log]\n[upstream.x]\ndefault = yes\n") == "file:2: [upstream.x] has no url\n");
  CHECK(errors_of("[upstream.x]\nurl = ftp://x\n") ==
        "file:2: [upstream.x] url: \"ftp://x\" does not start with http:// or https://\n");
  CHECK(errors_of("", {{"upstream.x.default=on"}, {}}) == "--set upstream.x.default: [upstream.x] has no url\n");
}

TEST_CASE("a url with a password is refused without repeating it") {
  const auto errors = errors_of("[upstream.x]\nurl = https://me:hunter2@x\n", {{"upstream.y.url=http://y?token=hunter2"}, {}});
  CHECK(errors ==
        "file:2: [upstream.x] url: a url holds no user and no password\n"
        "--set upstream.y.url: [upstream.y] url: a url has no query (?) and no fragment (#)\n");
}

TEST_CASE("the name of an upstream is a host or a word in lower case") {
  CHECK(errors_of("[upstream.Docker.IO]\nurl = https://x\n") ==
        "file:1: \"Docker.IO\" cannot name an upstream: a host or a word in lower case, such as docker.io\n");
}

TEST_CASE("two default upstreams are an error at the second, which names the first") {
  CHECK(errors_of("[upstream.a]\nurl = http://a\ndefault = yes\n[upstream.b]\ndefault = yes\nurl = http://b\n") ==
        "file:5: [upstream.b] cannot be the default: [upstream.a] is already (file:3)\n");
  CHECK(errors_of("[upstream.a]\nurl = http://a\ndefault = yes\n", {{"upstream.b.url=http://b", "upstream.b.default=yes"}, {}}) ==
        "--set upstream.b.default: [upstream.b] cannot be the default: [upstream.a] is already (file:3)\n");
  CHECK(errors_of("[upstream.a]\nurl = http://a\ndefault = yes\n[upstream.b]\nurl = http://b\n",
                  {{"upstream.a.default=no", "upstream.b.default=yes"}, {}})
            .empty());
}

TEST_CASE("a namespace belongs to one upstream, also when it is only its name") {
  CHECK(errors_of("[upstream.a]\nurl = http://a\nnamespaces = a b\n[upstream.c]\nurl = http://c\nnamespaces = c b\n") ==
        "file:6: namespace \"b\" of [upstream.c] belongs to [upstream.a] already (file:3)\n");
  CHECK(errors_of("[upstream.a]\nurl = http://a\nnamespaces = b\n[upstream.b]\nurl = http://b\n") ==
        "file:4: namespace \"b\" of [upstream.b] belongs to [upstream.a] already (file:3)\n");
  CHECK(errors_of("[upstream.a]\nurl = http://a\nnamespaces = a a\n") ==
        "file:3: [upstream.a] namespaces: \"a\" is listed twice\n");
}

TEST_CASE("a certificate file that cannot be read is an error") {
  const auto errors = errors_of("[upstream.x]\nurl = https://x\nca-file = /no/such/ca.pem\n");
  CHECK(errors.starts_with("file:3: [upstream.x] ca-file: "));
  CHECK(errors.find("/no/such/ca.pem") != std::string::npos);
}

TEST_CASE("a certificate of ours and its key stand together") {
  const weir::testing::ScratchFile certificate("-----BEGIN CERTIFICATE-----\n"), key("-----BEGIN EC PRIVATE KEY-----\n");
  const std::string section = "[upstream.x]\nurl = https://x\n";
  const auto with_certificate = section + "tls-certificate = " + certificate.path() + '\n';
  CHECK(errors_of(with_certificate) == "file:3: [upstream.x] has a tls-certificate and no tls-key\n");
  CHECK(errors_of(section + "tls-key = " + key.path() + '\n') == "file:3: [upstream.x] has a tls-key and no tls-certificate\n");
  CHECK(errors_of(with_certificate + "tls-key = " + key.path() + '\n').empty());
  CHECK(errors_of(with_certificate + "tls-key = " + certificate.path() + '\n').find("holds no PEM private key") !=
        std::string::npos);
}

TEST_CASE("TLS needs a certificate, and each certificate its key, at the line that is wrong") {
  const auto one = weir::testing::make_certificate("one.test"), two = weir::testing::make_certificate("two.test");
  const weir::testing::ScratchFile c1(one.certificate), k1(one.key), c2(two.certificate), k2(two.key);
  const std::string server = "[server]\nlisten-tls = :1\n";
  const auto certificate = [](const auto& file) { return "tls-certificate = " + file.path() + '\n'; };
  const auto key = [](const auto& file) { return "tls-key = " + file.path() + '\n'; };
  CHECK(errors_of(server) == "file:2: [server] has listen-tls and no tls-certificate\n");
  CHECK(errors_of(server + certificate(c1)) ==
        "file:3: [server] has 1 in tls-certificate and 0 in tls-key; they make pairs, in their order\n");
  CHECK(errors_of("[server]\n" + key(k1)) ==
        "file:2: [server] has 0 in tls-certificate and 1 in tls-key; they make pairs, in their order\n");
  CHECK(errors_of(server + certificate(c1) + certificate(c2) + key(k1) + key(k2)).empty());
  CHECK(errors_of(server + certificate(c1) + certificate(c2) + key(k1)).starts_with("file:4: [server] has 2 in tls-certificate"));
  // One that does not fit is found beside the numbers, and told at its own line.
  CHECK(errors_of(server + certificate(c1) + certificate(c2) + key(k2) + key(k2) + key(k1)) ==
        "file:5: [server] the key in " + k2.path() + " is not that of the certificate in " + c1.path() +
            "\nfile:7: [server] has 2 in tls-certificate and 3 in tls-key; they make pairs, in their order\n");
  CHECK(errors_of(server + certificate(c1) + key(k2) + "threads = many\n") ==
        "file:4: [server] the key in " + k2.path() + " is not that of the certificate in " + c1.path() +
            "\nfile:5: [server] threads: \"many\" is not a whole number from 0 to 1024\n");
  // A line that could not be read is not also missed.
  const auto unread = errors_of(server + certificate(c1) + "tls-key = /no/such.key\n");
  CHECK(unread.starts_with("file:4: [server] tls-key: "));
  CHECK(unread.find('\n') == unread.size() - 1);
  CHECK(errors_of(server + certificate(k1) + key(k1)).find("holds no PEM certificate") != std::string::npos);
}

TEST_CASE("clients are served somewhere") {
  CHECK(errors_of("[server]\nlisten = off\n") == "file:2: [server] has listen = off and no listen-tls\n");
}

TEST_CASE("an upstream may have several urls") {
  CHECK(errors_of("[upstream.x]\nurl = https://x http://y\nurl = http://z\n").empty());
  CHECK(errors_of("[upstream.x]\nurl = https://x https://x\n").find("is listed twice") != std::string::npos);
}

TEST_CASE("a file that cannot be read is an error, and the other layers are judged all the same") {
  const auto outcome = load_config({"/no/such/weir.conf", {"cache.sync=x"}, {}});
  REQUIRE(std::holds_alternative<std::vector<ConfigError>>(outcome));
  const auto& errors = std::get<std::vector<ConfigError>>(outcome);
  REQUIRE(errors.size() == 2);
  CHECK(errors[0].where == "/no/such/weir.conf");
  CHECK(errors[0].what.find("No such file") != std::string::npos);
  CHECK(errors[1].where == "--set cache.sync");
  CHECK(std::holds_alternative<std::vector<ConfigError>>(load_config({"/tmp", {}, {}})));
}

TEST_CASE("a file may hold one MiB and not a byte more") {
  CHECK(errors_of(std::string(1 << 20, '\n')).empty());
  CHECK(errors_of(std::string((1 << 20) + 1, '\n')) == "file: file is larger than 1048576 bytes\n");
}

TEST_CASE("a NUL byte or a line too long is an error at its line, and the lines after it are read") {
  CHECK(errors_of(std::string_view("[cache]\ntag-ttl\0 = 5m\nsync = x\n", 31)) ==
        "file:2: a NUL byte\nfile:3: [cache] sync: \"x\" is not one of durable, fast\n");
  CHECK(errors_of("[cache]\ndirectory = " + std::string(9000, 'x') + "\nsync = fast\n") ==
        "file:2: a line is at most 8192 bytes long\n");
}

TEST_CASE("an unknown variable of a known section is an error") {
  CHECK(errors_of("", {{}, {"WEIR_CACHE_TAG_TLL=5m"}}) ==
        "WEIR_CACHE_TAG_TLL: unknown key \"tag-tll\" in [cache]; did you mean \"tag-ttl\"?\n");
  CHECK(errors_of("", {{}, {"WEIR_CACHE_=5m"}}).starts_with("WEIR_CACHE_: unknown key \"\" in [cache]"));
  CHECK(errors_of("", {{}, {"WEIR_CACHE_TAG-TTL=5m", "WEIR_CACHE_tag_ttl=5m"}}) ==
        "WEIR_CACHE_TAG-TTL: a variable is written in capitals, with _ for -: WEIR_CACHE_TAG_TTL\n"
        "WEIR_CACHE_tag_ttl: a variable is written in capitals, with _ for -: WEIR_CACHE_TAG_TTL\n");
  CHECK(errors_of("", {{}, {"WEIR_LOG_LEVEL=loud"}}) ==
        "WEIR_LOG_LEVEL: [log] level: \"loud\" is not one of debug, info, warning, error\n");
}

TEST_CASE("a --set that is not section.key=value is an error") {
  for (const char* bad : {"", "cache", "cache.tag-ttl", "tag-ttl=5m", ".x=y", "cache.=y", "=x"}) {
    const auto errors = errors_of("", {{bad}, {}});
    CHECK_MESSAGE(errors.ends_with("is not written section.key=value\n"), bad);
    CHECK_MESSAGE(errors.starts_with("--set: "), bad);
  }
}

TEST_CASE("a --set of something unknown is an error and brings nothing into being") {
  CHECK(errors_of("", {{"cahce.tag-ttl=5m"}, {}}) == "--set cahce.tag-ttl: unknown section \"cahce\"; did you mean \"cache\"?\n");
  CHECK(errors_of("", {{"cache.tag-tll=5m"}, {}}) ==
        "--set cache.tag-tll: unknown key \"tag-tll\" in [cache]; did you mean \"tag-ttl\"?\n");
  CHECK(errors_of("", {{"upstream.docker.io.urll=http://x"}, {}}) ==
        "--set upstream.docker.io.urll: unknown key \"urll\" in [upstream.docker.io]; did you mean \"url\"?\n");
  CHECK(errors_of("", {{"upstream.url=http://x"}, {}}) ==
        "--set upstream.url: an upstream is written [upstream.NAME], such as [upstream.docker.io]\n");
  CHECK(errors_of("", {{"cache.sync=x"}, {}}) == "--set cache.sync: [cache] sync: \"x\" is not one of durable, fast\n");
}

TEST_CASE("a bad value is an error also where a higher layer has a good one") {
  CHECK(errors_of("[cache]\nsync = x\n", {{"cache.sync=fast"}, {}}) ==
        "file:2: [cache] sync: \"x\" is not one of durable, fast\n");
}

TEST_CASE("all mistakes come at once, in the order of the lines, then the environment, then the command line") {
  const auto errors = errors_of(
      "stray = 1\n"
      "[upstream.a]\n"
      "namespaces = n\n"
      "[cache]\n"
      "tag-tll = 5m\n"
      "sync = x\n"
      "nonsense\n"
      "[upstream.b]\n"
      "url = http://b\n"
      "namespaces = n\n"
      "[srever]\n",
      {{"log.level=loud"}, {"WEIR_SERVER_THREADS=-1"}});
  CHECK(errors ==
        "file:1: \"stray\" stands before the first [section]\n"
        "file:2: [upstream.a] has no url\n"
        "file:5: unknown key \"tag-tll\" in [cache]; did you mean \"tag-ttl\"?\n"
        "file:6: [cache] sync: \"x\" is not one of durable, fast\n"
        "file:7: \"nonsense\" is neither [section], key = value nor # comment\n"
        "file:10: namespace \"n\" of [upstream.b] belongs to [upstream.a] already (file:3)\n"
        "file:11: unknown section \"srever\"; did you mean \"server\"?\n"
        "WEIR_SERVER_THREADS: [server] threads: \"-1\" is not a whole number from 0 to 1024\n"
        "--set log.level: [log] level: \"loud\" is not one of debug, info, warning, error\n");
}

TEST_CASE("an issuer is configured whole or not at all") {
  const weir::testing::ScratchFile keys("{}");
  const std::string issuer = "oidc-issuer = https://issuer.test/\n", audience = "oidc-audience = weir\n",
                    jwks = "oidc-jwks = " + keys.path() + '\n';
  CHECK(errors_of("[auth]\n" + issuer + audience + jwks).empty());
  CHECK(errors_of("[auth]\n" + issuer) ==
        "file:2: [auth] has an oidc-issuer and no oidc-audience\nfile:2: [auth] has an oidc-issuer and no oidc-jwks\n");
  CHECK(errors_of("[auth]\n" + audience + "oidc-claim = email\n") == "file:2: [auth] has oidc-audience and no oidc-issuer\n");
  CHECK(errors_of("[auth]\n" + issuer + audience + "oidc-jwks = ftp://x\n").starts_with("file:4: [auth] oidc-jwks: "));
  CHECK(errors_of("[auth]\n" + issuer + audience + "oidc-jwks = /nowhere/keys.json\n").starts_with("file:4: [auth] oidc-jwks: "));
}

TEST_CASE("optional tokens need somebody who has none, and names are one word") {
  CHECK(errors_of("[auth]\nmode = optional\nanonymous = off\n") ==
        "file:3: [auth] has anonymous = off and mode = optional, which serves who is nobody\n");
  CHECK(errors_of("[auth]\nmode = required\nanonymous = off\n").empty());
  CHECK(errors_of("[auth]\nanonymous = two words\n") == "file:2: [auth] anonymous: \"two words\" is not a name in one word\n");
  CHECK(errors_of("[auth]\nmode = sometimes\n") == "file:2: [auth] mode: \"sometimes\" is not one of open, optional, required\n");
  CHECK(errors_of("[auth]\ntoken-ttl = 59s\n") == "file:2: [auth] token-ttl: \"59s\" is too short; at least 1m\n");
  CHECK(errors_of("[auth]\nusers-file = /nowhere/users\n").starts_with("file:2: [auth] users-file: "));
}

TEST_CASE("auth = ecr needs to know its region, by the name of the host or by the key") {
  CHECK(errors_of("[upstream.x]\nurl = https://registry.example.com\nauth = ecr\n") ==
        "file:2: [upstream.x] has auth = ecr and no region, which \"https://registry.example.com\" does not say either\n");
  CHECK(errors_of("[upstream.x]\nurl = https://registry.example.com\nauth = ecr\nregion = eu-west-1\n").empty());
  CHECK(errors_of("[upstream.x]\nurl = https://123456789012.dkr.ecr.eu-west-1.amazonaws.com:443/x\nauth = ecr\n").empty());
  CHECK(errors_of("[upstream.x]\nurl = https://public.ecr.aws\nauth = ecr\n").empty());
  CHECK(errors_of("[upstream.x]\nurl = https://x\nauth = ecr\nregion = Europe\n") ==
        "file:4: [upstream.x] region: \"Europe\" is not a region, such as eu-west-1\n");
}

TEST_CASE("one token serves all URLs of an upstream, so they are in one region") {
  const std::string a = "https://123456789012.dkr.ecr.eu-west-1.amazonaws.com",
                    b = "https://123456789012.dkr.ecr.eu-west-2.amazonaws.com";
  const std::string wrong = "file:2: [upstream.x] has URLs in several regions, and one token for all\n";
  CHECK(errors_of("[upstream.x]\nurl = " + a + " " + b + "\nauth = ecr\n") == wrong);
  CHECK(errors_of("[upstream.x]\nurl = " + a + " https://public.ecr.aws\nauth = ecr\n") == wrong);
  CHECK(errors_of("[upstream.x]\nurl = " + a + " " + a + ":444\nauth = ecr\n").empty());
}

TEST_CASE("client authorities need certificates of the server's own, and identities by certificate need authorities") {
  const auto pair = weir::testing::make_certificate("weir.test");
  const weir::testing::ScratchFile certificate(pair.certificate), key(pair.key);
  const std::string shown = "[server]\ntls-certificate = " + certificate.path() + "\ntls-key = " + key.path() + "\n";
  CHECK(errors_of("[server]\nclient-ca = " + certificate.path() + "\n") ==
        "file:2: [server] has client-ca and no tls-certificate\n");
  CHECK(errors_of(shown + "client-ca = " + certificate.path() + "\n[auth]\ntrust-client-certificates = URI\n").empty());
  CHECK(errors_of(shown + "[auth]\ntrust-client-certificates = CN\n") ==
        "file:5: [auth] has trust-client-certificates, and [server] no client-ca\n");
  CHECK(errors_of(shown + "[auth]\ntrust-client-certificates = off\n").empty());
  CHECK(errors_of("[server]\nclient-ca = /nowhere/ca.pem\n").starts_with("file:2: [server] client-ca: open /nowhere/ca.pem"));
  CHECK(errors_of("[auth]\ntrust-client-certificates = cn\n") ==
        "file:2: [auth] trust-client-certificates: \"cn\" is not one of off, CN, URI, DNS\n");
}

TEST_CASE("trusted proxies are networks, each once") {
  CHECK(errors_of("[server]\ntrusted-proxies = 10.0.0.0/8 fd00::/8\ntrusted-proxies = unix\nproxy-protocol = on\n").empty());
  CHECK(errors_of("[server]\ntrusted-proxies = 10.1.2.3/8\n") ==
        "file:2: [server] trusted-proxies: \"10.1.2.3/8\" has bits behind its prefix; did you mean \"10.0.0.0/8\"?\n");
  CHECK(errors_of("[server]\ntrusted-proxies = unix unix\n") == "file:2: [server] trusted-proxies: \"unix\" is listed twice\n");
}

TEST_CASE("callers who show what an upstream knows cannot show a token of ours") {
  const std::string client = "[upstream.x]\nurl = https://x\nvisibility = client\n";
  CHECK(errors_of(client).empty());
  CHECK(errors_of(client + "[auth]\nmode = required\n") ==
        "file:3: [upstream.x] has visibility = client, whose callers show what the upstream knows; that needs [auth] mode = "
        "open\n");
}
