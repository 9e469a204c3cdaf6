// The example that is shipped says about every key what the program says. Run from the root of the sources.
#include <map>
#include <sstream>

#include "base/file_system.h"
#include "base/text.h"
#include "conf/settings.h"
#include "tests/unit/base/certificates.h"
#include "tests/unit/conf/loading.h"

#include <doctest/doctest.h>

using namespace weir;

namespace {

constexpr const char* kExample = "conf/weir.conf";

struct Mention {
  std::string sentence;  // the comment above the key, in one line
  std::string value;
  bool commented = false;
};

std::string example_text() {
  const auto text = read_small_file(kExample, 1 << 20);
  return text ? *text : "";
}

// Every key by `section key`; the prose is what follows `# `, a key that is commented out what follows `#`.
std::map<std::string, Mention> mentions() {
  std::map<std::string, Mention> found;
  std::string section, prose;
  std::istringstream lines(example_text());
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("# ")) {
      prose += (prose.empty() ? "" : " ") + line.substr(2);
    } else if (line.starts_with('[')) {
      section = line.substr(1, line.size() - 2);
      prose.clear();
    } else if (const auto equals = line.find(" = "); equals != std::string::npos) {
      const bool commented = line.front() == '#';
      found[section + ' ' + line.substr(commented, equals - commented)] = {prose, line.substr(equals + 3), commented};
      prose.clear();
    } else {
      prose.clear();
    }
  }
  return found;
}

std::map<std::string, ConfigKey> table(Options& options, UpstreamOptions& upstream) {
  std::map<std::string, ConfigKey> keys;
  for (const auto& section : fixed_sections(options)) {
    for (const auto& key : section.keys) keys.emplace(section.name + ' ' + key.name, key);
    for (const auto& family : section.families) {
      const auto key = family.make(family.prefix + family.example);
      REQUIRE(key.has_value());
      keys.emplace(section.name + ' ' + key->name, *key);
    }
  }
  for (const auto& key : upstream_keys(upstream)) keys.emplace("upstream.docker.io " + key.name, key);
  return keys;
}

}  // namespace

TEST_CASE("the example loads and serves Docker Hub by default, quay, ghcr, kubernetes and ECR Public") {
  const auto outcome = load_config({kExample, {}, {}});
  REQUIRE(std::holds_alternative<LoadedConfig>(outcome));
  const auto& options = std::get<LoadedConfig>(outcome).options;
  CHECK(options.http.listen == std::vector<std::string>{"127.0.0.1:5000"});
  std::vector<std::string> names;
  for (const auto& upstream : options.upstreams) {
    names.push_back(upstream.name);
    CHECK(upstream.is_default == (upstream.name == "docker.io"));
  }
  CHECK(names == std::vector<std::string>{"docker.io", "quay.io", "ghcr.io", "registry.k8s.io", "public.ecr.aws"});
  CHECK(options.upstreams[0].urls == std::vector<std::string>{"https://registry-1.docker.io"});
  CHECK(options.upstreams[0].namespaces == std::vector<std::string>{"docker.io", "registry-1.docker.io", "index.docker.io"});
}

TEST_CASE("the example mentions every key, with its sentence of help and its real default") {
  Options options;
  UpstreamOptions upstream;
  const auto mentioned = mentions();
  for (const auto& [name, key] : table(options, upstream)) {
    INFO(name);
    REQUIRE(mentioned.contains(name));
    const auto& mention = mentioned.at(name);
    CHECK(mention.sentence == key.help);
    if (!key.value.show().empty() && mention.commented) CHECK(mention.value == key.value.show());
    // Without a default the value is an example, and the sentence says what counts.
    const bool says_default = mention.sentence.find("by default") != std::string::npos;
    if (key.value.show().empty() && mention.commented) CHECK(says_default);
  }
}

TEST_CASE("the example mentions no key that does not exist") {
  Options options;
  UpstreamOptions upstream;
  const auto known = table(options, upstream);
  for (const auto& [name, mention] : mentions()) {
    if (name.starts_with("upstream.") && !name.starts_with("upstream.docker.io")) continue;  // those the loader judges
    CHECK_MESSAGE(known.contains(name), name);
  }
}

TEST_CASE("the example with every line uncommented loads too") {
  const auto pair = weir::testing::make_certificate("weir.test");
  const weir::testing::ScratchFile certificate(pair.certificate), key(pair.key), password("secret\n");
  std::string text;
  std::istringstream lines(example_text());
  for (std::string line; std::getline(lines, line);) {
    const bool commented = line.starts_with('#') && !line.starts_with("# ") && line.find(" = ") != std::string::npos;
    // Some keys name files that must be there.
    if (line.starts_with("#ca-file")) line = "ca-file = " + certificate.path();
    else if (line.starts_with("#tls-certificate")) line = "tls-certificate = " + certificate.path();
    else if (line.starts_with("#client-ca")) line = "client-ca = " + certificate.path();
    else if (line.starts_with("#tls-key")) line = "tls-key = " + key.path();
    else if (line.starts_with("#oidc-ca-file")) line = "oidc-ca-file = " + certificate.path();
    else if (line.starts_with("#users-file")) line = "users-file = " + password.path();
    else if (line.starts_with("#password-file")) line = "password-file = " + password.path();
    else if (line.starts_with("#file = ")) line = "file = conf/prices.rules";
    else if (commented) line.erase(0, 1);
    text += line + '\n';
  }
  CHECK(weir::testing::errors_of(text).empty());
  const auto config = weir::testing::loaded(text);
  CHECK(config.options.freshness.stale_if_error == FreshnessOptions().stale_if_error);
  CHECK(config.options.http.max_connections == HttpOptions().max_connections);
}

TEST_CASE("a password is read from its file and never shown") {
  const weir::testing::ScratchFile password("hunter2\r\nsecond line\n");
  const auto config = weir::testing::loaded(
      "[upstream.x]\nurl = http://x\nauth = basic\nusername = site\npassword-file = " + password.path() + "\n");
  CHECK(config.options.upstreams.at(0).password == "hunter2");
  for (const auto& setting : config.shown) CHECK(setting.value.find("hunter2") == std::string::npos);
}

TEST_CASE("a password may come from systemd or from the environment, and is not shown either") {
  const weir::testing::ScratchFile credential("from systemd\n");
  const auto slash = credential.path().rfind('/');
  ::setenv("CREDENTIALS_DIRECTORY", credential.path().substr(0, slash).c_str(), 1);
  ::setenv("SITE_PASSWORD", "from the environment", 1);
  const auto password_of = [](const std::string& source) {
    const auto config = weir::testing::loaded("[upstream.x]\nurl = http://x\npassword-file = " + source + "\n");
    CHECK(weir::testing::shown(config, "upstream.x", "password-file") == source + " from file:3");
    return config.options.upstreams.at(0).password;
  };
  CHECK(password_of("credential:" + credential.path().substr(slash + 1)) == "from systemd");
  CHECK(password_of("env:SITE_PASSWORD") == "from the environment");
  ::unsetenv("CREDENTIALS_DIRECTORY");
  ::unsetenv("SITE_PASSWORD");
}

TEST_CASE("a password that is not there is a mistake with its place, whatever its source") {
  const auto errors = [](const std::string& source) {
    return weir::testing::errors_of("[upstream.x]\nurl = http://x\npassword-file = " + source + "\n");
  };
  CHECK(errors("env:NO_SUCH_PASSWORD") ==
        "file:3: [upstream.x] password-file: the environment has no variable \"NO_SUCH_PASSWORD\"\n");
  CHECK(errors("credential:x") ==
        "file:3: [upstream.x] password-file: the credential \"x\" is not there: only systemd hands credentials over, by "
        "LoadCredential=\n");
  ::setenv("CREDENTIALS_DIRECTORY", "/no/such/folder", 1);
  CHECK(errors("credential:x").find("/no/such/folder/x") != std::string::npos);
  for (const char* name : {"", "..", ".", "../x", "a/b"})
    CHECK(errors("credential:" + std::string(name)).find("is not the name of a systemd credential") != std::string::npos);
  ::unsetenv("CREDENTIALS_DIRECTORY");
  ::setenv("EMPTY_PASSWORD", "", 1);
  CHECK(errors("env:EMPTY_PASSWORD").find("has no password on its first line") != std::string::npos);
  ::unsetenv("EMPTY_PASSWORD");
}
