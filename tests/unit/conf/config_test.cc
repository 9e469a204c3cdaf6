// What is loaded when everything is right: every key, the four layers, and where each value came from.
#include "conf/config.h"

#include "tests/unit/base/certificates.h"
#include "tests/unit/conf/loading.h"

#include <doctest/doctest.h>

using namespace weir;
using weir::testing::loaded;
using weir::testing::shown;

TEST_CASE("without a file every key has its default") {
  const auto outcome = load_config({});
  REQUIRE(std::holds_alternative<LoadedConfig>(outcome));
  const auto& config = std::get<LoadedConfig>(outcome);
  CHECK(config.options.http.listen == HttpOptions().listen);
  CHECK(config.options.cache.directory == CacheOptions().directory);
  CHECK(config.options.upstreams.empty());
  for (const auto& setting : config.shown) CHECK_MESSAGE(setting.from == "default", setting.key);
}

TEST_CASE("every key of the fixed sections reaches its option") {
  const auto options = loaded(
                           "[server]\nlisten = 127.0.0.1:0 [::1]:0\nthreads = 3\nmax-connections = 7\nidle-timeout = "
                           "1s\nheader-timeout = 2s\nprogress-timeout = 3s\n"
                           "drain-timeout = 4s\nports-file = ports\n[admin]\nlisten = off\nsocket = "
                           "admin.sock\n[cache]\ndirectory = store\ntag-ttl = 5s\n"
                           "negative-ttl = 6s\nstale-if-error = 0\nresume-partial = off\nsync = fast\n[log]\nformat = "
                           "text\nlevel = debug\naccess = off\n")
                           .options;
  CHECK(options.http.listen == std::vector<std::string>{"127.0.0.1:0", "[::1]:0"});
  CHECK(options.http.threads == 3);
  CHECK(options.http.max_connections == 7);
  CHECK(options.http.idle_timeout == Seconds(1));
  CHECK(options.http.header_timeout == Seconds(2));
  CHECK(options.http.progress_timeout == Seconds(3));
  CHECK(options.http.drain_timeout == Seconds(4));
  CHECK(options.http.ports_file == "ports");
  CHECK(options.admin.listen.empty());
  CHECK(options.admin.socket == "admin.sock");
  CHECK(options.cache.directory == "store");
  CHECK(options.freshness.tag_ttl == Seconds(5));
  CHECK(options.freshness.negative_ttl == Seconds(6));
  CHECK(options.freshness.stale_if_error == Seconds(0));
  CHECK_FALSE(options.cache.resume_partial);
  CHECK_FALSE(options.cache.durable);
  CHECK_FALSE(options.log.json);
  CHECK(options.log.level == LogLevel::debug);
  CHECK_FALSE(options.access_log);
}

TEST_CASE("what is said of TLS reaches its options, the pairs in the order of their words") {
  const auto one = weir::testing::make_certificate("one.test"), two = weir::testing::make_certificate("two.test");
  const weir::testing::ScratchFile certificate(one.certificate), key(one.key), both(two.certificate + two.key);
  const auto http = loaded("[server]\nlisten = off\nlisten-tls = 127.0.0.1:0 [::1]:0\ntls-certificate = " + certificate.path() +
                           "\ntls-certificate = " + both.path() + "\ntls-key = " + key.path() + ' ' + both.path() + '\n')
                        .options.http;
  CHECK(http.listen.empty());
  CHECK(http.listen_tls == std::vector<std::string>{"127.0.0.1:0", "[::1]:0"});
  CHECK(http.tls_certificates == std::vector<std::string>{certificate.path(), both.path()});
  CHECK(http.tls_keys == std::vector<std::string>{key.path(), both.path()});
  REQUIRE(http.certified_keys.size() == 2);
  CHECK(X509_check_host(http.certified_keys[1].certificate(), "two.test", 0, 0, nullptr) == 1);
}

TEST_CASE("every key of an upstream reaches its option") {
  const weir::testing::ScratchFile ca("-----BEGIN CERTIFICATE-----\n");
  const auto upstreams =
      loaded(
          "[upstream.up.test]\nurl = http://127.0.0.1:5001/\nnamespaces = up.test\nnamespaces = mirror.test other\ndefault = "
          "yes\nca-file = " +
          ca.path() +
          "\ntoken-realms = 127.0.0.1:5002\ntag-ttl = 0\nmax-concurrency = 4\nconnect-timeout = 1s\nfirst-byte-timeout = 2s\n"
          "stall-timeout = 3s\n[upstream.quay.io]\nurl = https://quay.io\n")
          .options.upstreams;
  REQUIRE(upstreams.size() == 2);
  const auto& up = upstreams[0];
  CHECK(up.name == "up.test");
  CHECK(up.urls == std::vector<std::string>{"http://127.0.0.1:5001"});
  CHECK(up.namespaces == std::vector<std::string>{"up.test", "mirror.test", "other"});
  CHECK(up.is_default);
  CHECK(up.ca_file == ca.path());
  CHECK(up.token_realms == std::vector<std::string>{"127.0.0.1:5002"});
  CHECK(up.tag_ttl == Milliseconds(0));
  CHECK(up.max_concurrency == 4);
  CHECK(up.connect_timeout == Seconds(1));
  CHECK(up.first_byte_timeout == Seconds(2));
  CHECK(up.stall_timeout == Seconds(3));
  CHECK(upstreams[1].namespaces == std::vector<std::string>{"quay.io"});
  CHECK_FALSE(upstreams[1].tag_ttl);
  CHECK_FALSE(upstreams[1].is_default);
}

TEST_CASE("the command line goes over the environment, the environment over the file, the file over the default") {
  const char* file = "[cache]\ntag-ttl = 1s\nnegative-ttl = 1s\nstale-if-error = 1s\n";
  const auto config = loaded(file, {{"cache.tag-ttl=3s"}, {"WEIR_CACHE_TAG_TTL=2s", "WEIR_CACHE_NEGATIVE_TTL=2s"}});
  CHECK(shown(config, "cache", "tag-ttl") == "3s from --set cache.tag-ttl");
  CHECK(shown(config, "cache", "negative-ttl") == "2s from WEIR_CACHE_NEGATIVE_TTL");
  CHECK(shown(config, "cache", "stale-if-error") == "1s from file:4");
  CHECK(shown(config, "cache", "sync") == "durable from default");
  CHECK(config.options.freshness.tag_ttl == Seconds(3));
  CHECK(config.options.freshness.negative_ttl == Seconds(2));
  CHECK(config.options.freshness.stale_if_error == Seconds(1));
}

TEST_CASE("the lines of a list add up in their layer, and a higher layer replaces them all") {
  const char* file = "[server]\nlisten = :1 :2\nlisten = :3\n";
  CHECK(shown(loaded(file), "server", "listen") == ":1 :2 :3 from file:2, file:3");
  CHECK(shown(loaded(file, {{}, {"WEIR_SERVER_LISTEN=:4 :5"}}), "server", "listen") == ":4 :5 from WEIR_SERVER_LISTEN");
  CHECK(shown(loaded(file, {{"server.listen=:6", "server.listen=:7"}, {"WEIR_SERVER_LISTEN=:4"}}), "server", "listen") ==
        ":6 :7 from --set server.listen, --set server.listen");
}

TEST_CASE("of several --set of a key that takes one value the last counts") {
  CHECK(loaded("", {{"cache.directory=a", "cache.directory=b"}, {}}).options.cache.directory == "b");
}

TEST_CASE("--set brings an upstream into being, whose name may have dots") {
  const auto config = loaded("", {{"upstream.docker.io.url=https://registry-1.docker.io", "upstream.docker.io.default=yes",
                                   " upstream.x.url = http://x "},
                                  {}});
  REQUIRE(config.options.upstreams.size() == 2);
  CHECK(config.options.upstreams[0].name == "docker.io");
  CHECK(config.options.upstreams[0].is_default);
  CHECK(config.options.upstreams[1].urls == std::vector<std::string>{"http://x"});
  CHECK(shown(config, "upstream.docker.io", "url") == "https://registry-1.docker.io from --set upstream.docker.io.url");
}

TEST_CASE("--set completes an upstream of the file, and a section that the file leaves out") {
  const auto config = loaded("[upstream.up.test]\n", {{"upstream.up.test.url=http://127.0.0.1:1", "log.level=error"}, {}});
  CHECK(config.options.upstreams.at(0).urls == std::vector<std::string>{"http://127.0.0.1:1"});
  CHECK(config.options.log.level == LogLevel::error);
}

TEST_CASE("only variables of the fixed sections are looked at") {
  const auto config = loaded("", {{},
                                  {"WEIR=/usr/bin/weir", "WEIR_HOME=x", "WEIR_SERVERS_LISTEN=x", "WEIR_UPSTREAM_X_URL=x",
                                   "WEIR_CACHE_PORT=tcp://10.0.0.1:5000", "WEIR_CACHE_PORT_5000_TCP_ADDR=10.0.0.1",
                                   "WEIR_CACHE_SERVICE_HOST=10.0.0.1", "WEIR_CACHE_SERVICE_PORT_HTTP=5000", "WEIR_LOG=x",
                                   "PATH=/bin", "MY_WEIR_LOG_LEVEL=x", "no equals", "WEIR_LOG_LEVEL"}});
  for (const auto& setting : config.shown) CHECK_MESSAGE(setting.from == "default", setting.key);
}

TEST_CASE("show names every key of every section, the ones not set with an empty value") {
  const auto config = loaded("[upstream.b]\nurl = http://b\n[cache]\n[upstream.a]\nurl = http://a\n");
  std::vector<std::string> sections;
  for (const auto& setting : config.shown) {
    if (sections.empty() || sections.back() != setting.section) sections.push_back(setting.section);
  }
  CHECK(sections == std::vector<std::string>{"server", "admin", "cache", "auth", "policy", "meter", "price", "log", "upstream.b",
                                             "upstream.a"});
  CHECK(shown(config, "upstream.a", "ca-file") == " from default");
  CHECK(shown(config, "upstream.a", "namespaces") == "a from default");
  CHECK(shown(config, "admin", "listen") == "127.0.0.1:5001 from default");
}

TEST_CASE("what is shown can be loaded again and shows the same") {
  const auto first = loaded(
      "[server]\nlisten = :1 [::1]:2\n[admin]\nlisten = off\n[upstream.x]\nurl = http://x/\ntag-ttl = 90s\n[log]\nlevel = "
      "warning\n");
  std::string text, section;
  for (const auto& setting : first.shown) {
    if (setting.section != section) text += "[" + (section = setting.section) + "]\n";
    if (!setting.value.empty()) text += setting.key + " = " + setting.value + "\n";
  }
  const auto second = loaded(text);
  REQUIRE(second.shown.size() == first.shown.size());
  for (std::size_t i = 0; i < first.shown.size(); ++i) CHECK(second.shown[i].value == first.shown[i].value);
}

TEST_CASE("a file with CRLF and comments loads as any other") {
  CHECK(loaded("\xef\xbb\xbf# x\r\n[cache]\r\n  # y\r\n  directory = a # b\r\n").options.cache.directory == "a # b");
}
