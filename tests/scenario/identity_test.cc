// Who asks: tokens, how they are come by, and those that are none.
#include <ctime>
#include <fstream>
#include <iterator>

#include "tests/scenario/scene.h"
#include "tests/support/json_web_token.h"

namespace weir::testing {

namespace {

constexpr char kIssuer[] = "https://issuer.test";
constexpr char kAccount[] = "system:serviceaccount:team:default";
// Of the password `secret`, and of `changed`.
constexpr char kAlice[] = "alice:$2b$08$abcdefghijklmnopqrstuuKxCcvB7KZ7.BpDoK0bh6qM7Dl1/xiJa\n";
constexpr char kAliceChanged[] = "alice:$2b$05$abcdefghijklmnopqrstuuZHDdPPl57vGSi2Jpi.TeOSHlzyP0rb6\n";

std::string after_key(const std::string& text, const std::string& key) {
  const std::string mark = '"' + key + "\":\"";
  const auto at = text.find(mark);
  if (at == std::string::npos) return {};
  return text.substr(at + mark.size(), text.find('"', at + mark.size()) - at - mark.size());
}

std::string whole_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

Headers bearer(const std::string& token) { return {{"Authorization", "Bearer " + token}}; }
Headers basic(const std::string& credentials) {
  // base64, from its cousin.
  std::string text = base64url(credentials);
  for (char& c : text) c = c == '-' ? '+' : c == '_' ? '/' : c;
  while (text.size() % 4 != 0) text += '=';
  return {{"Authorization", "Basic " + text}};
}

// An issuer's tokens; its keys lie in {directory}/keys.json.
struct Issuer {
  SigningKey key = SigningKey::elliptic();

  std::string keys() const { return "{\"keys\":[" + key.jwk("k1") + "]}"; }
  std::string token(const std::string& audience = "weir", long life = 600, const std::string& issuer = kIssuer) const {
    const auto now = std::time(nullptr);
    return key.sign(R"({"alg":"ES256","kid":"k1"})", R"({"iss":")" + issuer + R"(","sub":")" + kAccount + R"(","aud":[")" +
                                                         audience + R"("],"iat":)" + std::to_string(now) +
                                                         ",\"exp\":" + std::to_string(now + life) + '}');
  }
};

std::string auth_section(const std::string& mode, const std::string& more = "") {
  return "[auth]\nmode = " + mode + "\nusers-file = {directory}/users\noidc-issuer = " + kIssuer +
         "\noidc-audience = weir\noidc-jwks = {directory}/keys.json\n" + more;
}

struct AuthScene : Issuer, Scene {
  explicit AuthScene(const std::string& mode, const std::string& more = "", const std::string& rules = "")
      : Scene({.sections = auth_section(mode, more) + (rules.empty() ? "" : "[policy]\nfile = {directory}/policy.rules\n"),
               .files = {{"keys.json", keys()}, {"users", kAlice}, {"policy.rules", rules}}}) {}

  // What a token request answers.
  Response ask(const std::string& query, const Headers& headers = {}) const { return get("/token?" + query, headers); }
  // A token for whoever holds these credentials; empty where none is given.
  std::string token_for(const Headers& headers, const std::string& scope = "repository:app:pull") const {
    const auto response = ask("service=weir&scope=" + scope, headers);
    return response.status == 200 ? after_key(response.body, "token") : std::string();
  }
  std::string own_key() const { return whole_file(weir.path("store/token-keys.pem")); }
  // The log is written by a thread of its own.
  bool logged(const std::string& text) const {
    return wait_until([&] { return weir.log().find(text) != std::string::npos; });
  }
  int status_with(const std::string& token, const std::string& path = "/v2/") const { return get(path, bearer(token)).status; }
  double counted(const std::string& result) const { return weir.metric("weir_auth_total", {{"result", result}}); }
};

}  // namespace

TEST_CASE("where tokens are required everything but their endpoint answers 401, and says where to go") {
  AuthScene scene("required");
  auto blob = scene.put_blob(1000);
  const auto realm = "realm=\"" + scene.weir.url() + "/token\",service=\"weir\"";
  auto base = scene.get("/v2/");
  CHECK(base.status == 401);
  CHECK(base.headers.value("WWW-Authenticate") == "Bearer " + realm);
  CHECK(error_code(base) == "UNAUTHORIZED");
  auto content = scene.get(blob.path);
  CHECK(content.status == 401);
  CHECK(content.headers.value("WWW-Authenticate") == "Bearer " + realm + ",scope=\"repository:app:pull\"");
  // Who may have nothing is not told what there is.
  CHECK(scene.get("/v2/app/manifests/latest?ns=nowhere.test").status == 401);
  CHECK(scene.head("/v2/app/manifests/latest").status == 401);
  CHECK(scene.upstream.journal().count() == 0);
  CHECK(scene.ask("service=weir&scope=repository:app:pull").status == 401);
  CHECK(scene.get("/.well-known/jwks.json").status == 200);
  CHECK_SOON(scene.counted("anonymous"), 4);
}

TEST_CASE("the realm is what the configuration says, before what the request says") {
  AuthScene by_url("required", "[server]\npublic-url = https://weir.example.com:5443\n");
  CHECK(
      by_url.get("/v2/").headers.value("WWW-Authenticate").starts_with("Bearer realm=\"https://weir.example.com:5443/token\","));
  AuthScene by_realm("required", "realm = https://tokens.example.com/give\nservice = the \"site\"\n");
  CHECK(by_realm.get("/v2/").headers.value("WWW-Authenticate") ==
        "Bearer realm=\"https://tokens.example.com/give\",service=\"the \\\"site\\\"\"");
  // A Host that is none is not repeated.
  AuthScene scene("required");
  for (const char* host : {"a\"b", "evil.test/x", "a b"}) {
    const auto challenge = scene.get("/v2/", {{"Host", host}}).headers.value("WWW-Authenticate");
    CHECK_MESSAGE((challenge.empty() || challenge.starts_with("Bearer realm=\"/token\"")), challenge);
  }
}

TEST_CASE("a service account's token is exchanged for one to pull with, and that is refused for another repository") {
  AuthScene scene("required");
  auto blob = scene.put_blob(1000);
  auto other = scene.put_blob(1000, 2, "other");
  const auto service_account = scene.Issuer::token();
  // As a password, as Bearer, and as what renews.
  for (const auto& headers : {basic("anything:" + service_account), bearer(service_account)}) {
    const auto token = scene.token_for(headers);
    REQUIRE(!token.empty());
    CHECK(scene.get(blob.path, bearer(token)).digest == blob.digest);
    CHECK(scene.status_with(token) == 200);
    const auto refused = scene.get(other.path, bearer(token));
    CHECK(refused.status == 401);
    CHECK(refused.headers.value("WWW-Authenticate").ends_with(",scope=\"repository:other:pull\",error=\"insufficient_scope\""));
    const auto payload = payload_of(token);
    CHECK(after_key(payload, "sub") == kAccount);
    CHECK(payload.find(R"("access":[{"type":"repository","name":"app","actions":["pull"]}])") != std::string::npos);
  }
  HttpClient client(scene.weir.url());
  const auto posted = client.exchange(
      "POST", "/token", {{"Content-Type", "application/x-www-form-urlencoded"}},
      "grant_type=refresh_token&service=weir&client_id=x&scope=repository:app:pull,push&refresh_token=" + service_account);
  CHECK(posted.status == 200);
  CHECK(after_key(posted.body, "access_token") == after_key(posted.body, "token"));
  CHECK(posted.body.find("\"expires_in\":900") != std::string::npos);
  CHECK(posted.body.find("\"issued_at\":\"20") != std::string::npos);
  CHECK(after_key(posted.body, "scope") == "repository:app:pull");  // pushing was not granted
  CHECK(posted.headers.value("Cache-Control") == "no-store");
  // Itself it is no token of ours.
  CHECK(scene.status_with(service_account) == 401);
  CHECK(scene.get(blob.path, basic("anything:" + service_account)).status == 401);
  CHECK_SOON(scene.counted("oidc"), 3);
  CHECK(scene.logged(std::string("\"identity\":\"") + kAccount));
}

TEST_CASE("an issuer's token that is not good gets none of ours") {
  AuthScene scene("required");
  const Issuer stranger;
  CHECK(!scene.token_for(bearer(scene.Issuer::token())).empty());
  for (const auto& bad : {scene.Issuer::token("elsewhere"), scene.Issuer::token("weir", -61),
                          scene.Issuer::token("weir", 600, "https://evil.test"), stranger.token(), std::string("a.b.c")}) {
    CHECK(scene.ask("service=weir", bearer(bad)).status == 401);
    CHECK(scene.ask("service=weir", basic("x:" + bad)).status == 401);
  }
}

TEST_CASE("a user's password gets a token, a wrong one does not, and what renews ends with the password") {
  AuthScene scene("required");
  auto blob = scene.put_blob(1000);
  const auto login = scene.ask("account=alice&client_id=docker&offline_token=true&service=weir", basic("alice:secret"));
  REQUIRE(login.status == 200);
  const auto refresh = after_key(login.body, "refresh_token");
  REQUIRE(!refresh.empty());
  CHECK(scene.status_with(after_key(login.body, "token")) == 200);
  CHECK(scene.status_with(refresh) == 401);  // it is good for nothing but for a token
  for (const auto& wrong : {basic("alice:wrong"), basic("bob:secret"), basic(":"), Headers{{"Authorization", "Basic !"}}}) {
    const auto refused = scene.ask("service=weir", wrong);
    CHECK(refused.status == 401);
    CHECK(error_code(refused) == "UNAUTHORIZED");
  }
  const auto renew = [&] {
    HttpClient client(scene.weir.url());
    return client.exchange("POST", "/token", {}, "grant_type=refresh_token&scope=repository:app:pull&refresh_token=" + refresh);
  };
  const auto renewed = renew();
  REQUIRE(renewed.status == 200);
  CHECK(scene.get(blob.path, bearer(after_key(renewed.body, "token"))).digest == blob.digest);
  CHECK(after_key(payload_of(after_key(renewed.body, "token")), "sub") == "alice");
  scene.weir.directory().write("users", kAliceChanged);
  scene.weir.hang_up();
  CHECK(wait_until([&] { return renew().status == 401; }));
  CHECK(scene.ask("service=weir", basic("alice:changed")).status == 200);
  CHECK(scene.weir.log().find("secret") == std::string::npos);
}

TEST_CASE("where tokens are optional, who offers what is not known here is anonymous and is served (pain 13)") {
  AuthScene scene("optional", "anonymous = guest\n");
  auto blob = scene.put_blob(1000);
  CHECK(scene.get("/v2/").status == 401);  // so that clients look for a login
  const std::string foreign = "hub-user:hub-password-1234";
  for (const auto& headers : {Headers(), basic(foreign), bearer("dckr_pat_notours"), Headers{{"Authorization", "Nonsense x"}}}) {
    CHECK(scene.get(blob.path, headers).digest == blob.digest);
    const auto token = scene.token_for(headers);
    REQUIRE(!token.empty());
    CHECK(after_key(payload_of(token), "sub") == "guest");
    CHECK(scene.status_with(token) == 200);
    CHECK(scene.get(blob.path, bearer(token)).digest == blob.digest);
  }
  HttpClient client(scene.weir.url());
  CHECK(client.exchange("POST", "/token", {}, "grant_type=password&username=a&password=hub-password-1234").status == 200);
  // Never logged, stored or passed on.
  CHECK(scene.logged("\"method\":\"POST\""));
  CHECK(scene.weir.log().find("hub-password") == std::string::npos);
  CHECK(scene.weir.log().find(basic(foreign).value("Authorization").substr(6)) == std::string::npos);
  for (const auto& request : scene.upstream.journal().requests()) CHECK(!request.headers.has("Authorization"));
  CHECK(scene.logged("\"identity\":\"guest\""));
}

TEST_CASE("where nobody is asked, nothing that is offered is looked at, and there are no tokens") {
  AuthScene scene("open");
  auto blob = scene.put_blob(1000);
  CHECK(scene.get("/v2/", basic("alice:wrong")).status == 200);
  CHECK(scene.get(blob.path, bearer("nonsense")).digest == blob.digest);
  CHECK(scene.ask("service=weir").status == 404);
  CHECK(scene.get("/.well-known/jwks.json").status == 404);
  CHECK(file_size(scene.weir.path("store/token-keys.pem")) == 0);
}

TEST_CASE("no token is good but one that is ours, for us, and of now") {
  AuthScene scene("required");
  auto blob = scene.put_blob(1000);
  const auto key = SigningKey::from_pem(scene.own_key());
  const auto good = scene.token_for(basic("alice:secret"));
  REQUIRE(!good.empty());
  const auto kid = kid_of(good);
  const std::string header = R"({"alg":"ES256","kid":")" + kid + "\"}";
  const auto now = std::time(nullptr);
  const auto payload = [&](const std::string& iss, const std::string& aud, long from, long until) {
    return R"({"iss":")" + iss + R"(","sub":"alice","aud":")" + aud + R"(","jti":"x","iat":)" + std::to_string(now + from) +
           ",\"nbf\":" + std::to_string(now + from) + ",\"exp\":" + std::to_string(now + until) +
           R"(,"access":[{"type":"repository","name":"app","actions":["pull"]}]})";
  };
  const auto right = payload("weir", "weir", 0, 600);
  CHECK(scene.get(blob.path, bearer(key.sign(header, right))).digest == blob.digest);
  const auto unsigned_part = base64url(R"({"alg":"none"})") + '.' + base64url(right) + '.';
  const std::pair<const char*, std::string> forged[] = {
      {"alg none, no signature", unsigned_part},
      {"alg none, a signature", unsigned_part + "AAAA"},
      {"alg none with our kid", base64url(R"({"alg":"none","kid":")" + kid + "\"}") + '.' + base64url(right) + '.'},
      {"HS256 with the public key", sign_with_secret(R"({"alg":"HS256","kid":")" + kid + "\"}", right, key.public_pem())},
      {"HS256's signature under ES256", sign_with_secret(header, right, key.public_pem())},
      {"RS256 under our kid", SigningKey::rsa().sign(R"({"alg":"RS256","kid":")" + kid + "\"}", right)},
      {"another audience", key.sign(header, payload("weir", "elsewhere", 0, 600))},
      {"another issuer", key.sign(header, payload("elsewhere", "weir", 0, 600))},
      {"another kid", key.sign(R"({"alg":"ES256","kid":"unknown"})", right)},
      {"no kid", key.sign(R"({"alg":"ES256"})", right)},
      {"another key", SigningKey::elliptic().sign(header, right)},
      {"expired", key.sign(header, payload("weir", "weir", -600, -1))},
      {"not yet valid", key.sign(header, payload("weir", "weir", 300, 600))},
      {"critical parameters", key.sign(R"({"alg":"ES256","crit":["x"],"x":1,"kid":")" + kid + "\"}", right)},
      {"a signature cut off", good.substr(0, good.size() - 4)},
      {"a payload exchanged", good.substr(0, good.find('.')) + '.' + base64url(right) + good.substr(good.rfind('.'))},
      {"twenty kilobytes", std::string(20'000, 'A')},
  };
  for (const auto& [what, token] : forged) {
    const auto refused = scene.get(blob.path, bearer(token));
    CHECK_MESSAGE(refused.status == 401, what);
    CHECK_MESSAGE(refused.headers.value("WWW-Authenticate").find("error=\"invalid_token\"") != std::string::npos, what);
  }
  // A megabyte is no head, and no form.
  const std::string megabyte(1 << 20, 'A');
  CHECK(scene.status_with(megabyte) == 431);
  CHECK(HttpClient(scene.weir.url()).exchange("POST", "/token", {}, "grant_type=refresh_token&refresh_token=" + megabyte).status ==
        413);
  CHECK(scene.get(blob.path, bearer(good)).digest == blob.digest);
  CHECK_SOON(scene.counted("invalid"), static_cast<double>(std::size(forged)));
}

TEST_CASE("a token's scope is what was asked for, as far as the rules grant it") {
  AuthScene scene("required", "",
                  "team  allow alice pull,list  up/app\n"
                  "alone allow alice list       up/listed\n"
                  "v1    allow alice pull       up/tagged tag=v1\n"
                  "push  allow alice push       up/pushed\n"
                  "not   deny  *     *          up/forbidden\n"
                  "moon  deny  *     pull,list  up/** from=10.0.0.0/8\n"
                  "rest  deny  *     pull,list  up/other\n");
  const auto granted = [&](const std::string& scopes) {
    return after_key(scene.ask("service=weir&scope=" + scopes, basic("alice:secret")).body, "scope");
  };
  CHECK(granted("repository:app:pull,push") == "repository:app:pull");
  CHECK(granted("repository:listed:pull") == "repository:listed:pull");  // tags are listed with it
  CHECK(granted("repository:tagged:pull") == "repository:tagged:pull");  // for the tag that may
  CHECK(granted("repository:pushed:push,pull,delete") == "repository:pushed:pull,push");
  CHECK(granted("repository:forbidden:*") == "");
  CHECK(granted("repository:app:pull+repository:other:pull") == "repository:app:pull");
  // What was not granted is refused by its rule's name, and not as a token for something else.
  auto other = scene.put_blob(1000, 2, "other");
  const auto refused = scene.get(other.path, bearer(scene.token_for(basic("alice:secret"), "repository:other:pull")));
  CHECK(refused.status == 403);
  CHECK(refused.reason == "Denied by policy rule rest");
  CHECK(scene.upstream.journal().count() == 0);
}

TEST_CASE("who says nothing is asked to where that may help, and is refused where it cannot") {
  AuthScene scene("optional", "",
                  "secret  allow alice     pull,list up/secret\n"
                  "nobody  deny  anonymous *         up/secret\n"
                  "never   deny  *         *         up/never\n");
  const auto secret = scene.put_blob(1000, 1, "secret"), never = scene.put_blob(1000, 2, "never");
  const auto asked = scene.get(secret.path);
  CHECK(asked.status == 401);
  CHECK(asked.headers.value("WWW-Authenticate").ends_with(",scope=\"repository:secret:pull\""));
  CHECK(asked.body.find("denied by policy rule nobody") != std::string::npos);
  CHECK(scene.get(never.path).status == 403);
  CHECK(scene.upstream.journal().count() == 0);
  // What it is given then names nobody still, and no third answer comes of that.
  const auto guest = scene.get(secret.path, bearer(scene.token_for({}, "repository:secret:pull")));
  CHECK(guest.status == 403);
  CHECK(guest.reason == "Denied by policy rule nobody");
}

TEST_CASE("a cached private image is served to those alone whom the rules allow it, by tag, digest and blob") {
  AuthScene scene("optional", "",
                  "team  allow alice    pull up/private/**\n"
                  "ours  deny  anonymous,system:** * up/private/**\n");
  const auto image = make_image({.layers = {Content("layer of a private image")}});
  image.put(scene.upstream.registry(), "private/app", "v1");
  const std::string paths[] = {manifest_path("private/app", "v1"), manifest_path("private/app", image.digest()),
                               blob_path("private/app", image.layer_digest(0)), blob_path("private/app", image.config_digest())};
  const std::string scope = "repository:private/app:pull";
  const auto alice = scene.token_for(basic("alice:secret"), scope), service = scene.token_for(bearer(scene.Issuer::token()), scope);
  for (const auto& path : paths) CHECK_MESSAGE(scene.get(path, bearer(alice)).status == 200, path);
  const auto questions = scene.upstream.journal().count("", "private/app");
  for (const auto& path : paths) {
    CHECK_MESSAGE(scene.get(path, bearer(service)).status == 403, path);
    CHECK_MESSAGE(scene.get(path).status == 401, path);
    CHECK_MESSAGE(scene.get(path, bearer(alice)).status == 200, path);
    // Nor below the name of another repository.
    auto elsewhere = path;
    elsewhere.replace(elsewhere.find("private/app"), 11, "app");
    CHECK_MESSAGE(scene.get(elsewhere, bearer(service)).status >= 400, elsewhere);
  }
  CHECK(scene.upstream.journal().count("", "private/app") == questions);
}

TEST_CASE("keys rotate without a failed request, and a token ends with its key though it was remembered") {
  AuthScene scene("required");
  const auto old_token = scene.token_for(basic("alice:secret"));
  REQUIRE(scene.status_with(old_token) == 200);
  const auto rotate = [&] {
    const auto rotated = run_weir({"token", "rotate", "--set", "cache.directory=" + scene.weir.path("store")});
    CHECK_MESSAGE(rotated.exit_code == 0, rotated.error);
    const auto before = scene.get("/.well-known/jwks.json").body;
    scene.weir.hang_up();
    REQUIRE(wait_until([&] { return scene.get("/.well-known/jwks.json").body != before; }));
  };
  rotate();
  CHECK(scene.status_with(old_token) == 200);
  const auto new_token = scene.token_for(basic("alice:secret"));
  CHECK(kid_of(new_token) != kid_of(old_token));
  CHECK(scene.status_with(new_token) == 200);
  rotate();
  CHECK(scene.status_with(old_token) == 401);
  CHECK(scene.status_with(new_token) == 200);
  REQUIRE(scene.weir.restart());
  CHECK(scene.status_with(new_token) == 200);
}

TEST_CASE("a pull that outlasts its token goes to its end") {
  AuthScene scene("required");
  auto blob = scene.put_blob(2 * kMiB);
  const auto issued = run_weir({"token", "issue", "--subject", "node/7", "--scope", "repository:app:pull", "--ttl", "5s", "--set",
                                "cache.directory=" + scene.weir.path("store")});
  REQUIRE(issued.exit_code == 0);
  const auto token = issued.output.substr(0, issued.output.find('\n'));
  auto gate = scene.upstream.hold("/blobs/", kMiB);
  HttpClient client(scene.weir.url());
  REQUIRE(client.send_request("GET", blob.path, bearer(token)));
  REQUIRE(gate->wait_until_reached());
  CHECK(wait_until([&] { return scene.status_with(token) == 401; }));
  gate->release();
  const auto response = client.read_response(Body::hash);
  CHECK(response.status == 200);
  CHECK(response.digest == blob.digest);
  CHECK(scene.get(blob.path, bearer(token)).status == 401);
}

TEST_CASE("scopes with odd colons are refused, and what cannot be granted is left out") {
  AuthScene scene("required");
  const auto who = basic("alice:secret");
  for (const char* scope :
       {"repository", "repository:app", "repository:a:b:pull", "repository::pull", ":app:pull",
        "::", "repository:app:pull:", "repository:host:port/app:pull", "repository:app:5000:pull", "repository:app:PULL"}) {
    CHECK_MESSAGE(scene.ask(std::string("service=weir&scope=") + scope, who).status == 400, scope);
  }
  const auto some = scene.ask(
      "service=weir&scope=repository:app:push&scope=registry:catalog:*&scope=repository(plugin):app:pull&scope=repository:app:*"
      "&scope=unknown:x:pull",
      who);
  REQUIRE(some.status == 200);
  CHECK(after_key(some.body, "scope") == "repository:app:pull");
  CHECK(scene.ask("service=elsewhere", who).status == 400);
  CHECK(HttpClient(scene.weir.url()).exchange("POST", "/token", {}, "grant_type=authorization_code").status == 400);
  CHECK(HttpClient(scene.weir.url()).exchange("PUT", "/token", {}, "x").status == 405);
}

TEST_CASE("a repository that only ns or Host names is asked for in full, and a token for its namesake is not good for it") {
  ScriptedUpstream second;
  AuthScene scene("required", "[upstream.second]\nurl = " + second.url() + "\n");
  auto blob = scene.put_blob(1000);
  const auto digest = second.registry().put_blob("app", blob.content);
  const auto namesake = scene.token_for(basic("alice:secret"), "repository:app:pull");
  CHECK(scene.get(blob.path, bearer(namesake)).status == 200);
  CHECK(scene.get(blob.path + "?ns=up", bearer(namesake)).status == 200);
  for (const auto& [path, headers] :
       {std::pair(blob.path + "?ns=second", bearer(namesake)), std::pair("/v2/second/app/blobs/" + digest, bearer(namesake)),
        std::pair(blob.path, Headers{{"Authorization", "Bearer " + namesake}, {"Host", "second"}})}) {
    const auto refused = scene.get(path, headers);
    CHECK(refused.status == 401);
    CHECK(refused.headers.value("WWW-Authenticate").find("scope=\"repository:second/app:pull\"") != std::string::npos);
  }
  CHECK(second.journal().count() == 0);
  const auto in_full = scene.token_for(basic("alice:secret"), "repository:second/app:pull");
  CHECK(scene.get(blob.path + "?ns=second", bearer(in_full)).digest == digest);
  CHECK(scene.get("/v2/second/app/blobs/" + digest, bearer(in_full)).digest == digest);
  // Where Host decided what was asked for, the token says so in full.
  auto by_host = basic("alice:secret");
  by_host.add("Host", "second");
  const auto token = after_key(scene.ask("service=weir&scope=repository:app:pull", by_host).body, "token");
  CHECK(payload_of(token).find("\"name\":\"second/app\"") != std::string::npos);
  CHECK(scene.get(blob.path, bearer(token)).status == 401);
}

TEST_CASE("an issuer's keys come from its URL once, again for a key that is new, and stay good while it is down") {
  ScriptedUpstream keys;
  const auto first = SigningKey::rsa();
  const auto jwks = [](const std::string& list) { return answer(200, "{\"keys\":[" + list + "]}"); };
  keys.add_rule({.path = "^/keys$", .action = jwks(first.jwk("k1"))});
  Scene scene({.sections = std::string("[auth]\nmode = required\noidc-issuer = ") + kIssuer +
                           "\noidc-audience = weir\noidc-jwks = " + keys.url() + "/keys\n"});
  CHECK(keys.journal().count() == 0);  // nobody is asked at the start
  const auto token = [](const SigningKey& key, const std::string& header) {
    const auto now = std::time(nullptr);
    return key.sign(header, std::string(R"({"iss":")") + kIssuer + R"(","sub":"ci","aud":"weir","exp":)" +
                                std::to_string(now + 600) + '}');
  };
  const auto asks = [&](const std::string& credential) { return scene.get("/token?service=weir", bearer(credential)).status; };
  const auto good = token(first, R"({"alg":"RS256","kid":"k1"})");
  CHECK(asks(good) == 200);
  CHECK(asks(good) == 200);
  CHECK(keys.journal().count() == 1);
  // Unknown keys do not make us ask all the time.
  for (int i = 0; i < 20; ++i) CHECK(asks(token(SigningKey::elliptic(), R"({"alg":"ES256","kid":"k2"})")) == 401);
  CHECK(keys.journal().count() <= 2);
  keys.clear_rules();
  keys.add_rule({.path = "^/keys$", .action = answer(503, "down")});
  CHECK(asks(good) == 200);
  // Nor does a reload lose them.
  scene.weir.hang_up();
  REQUIRE(wait_until([&] { return scene.weir.log().find("configuration reloaded") != std::string::npos; }));
  CHECK(asks(good) == 200);
}

TEST_CASE("a wrong users file or key file never starts, and never takes the place of a right one") {
  Scene wrong({.sections = "[auth]\nmode = required\nusers-file = {directory}/users\n",
               .files = {{"users", "alice:plaintext-password\n"}, {"rules", "a alow * pull **\n"}},
               .start = false});
  CHECK_FALSE(wrong.weir.start());
  CHECK(wrong.weir.log().find("plaintext-password") == std::string::npos);
  const auto checked = run_weir({"config", "check", "--set", "auth.users-file=" + wrong.weir.path("users"), "--set",
                                 "policy.file=" + wrong.weir.path("rules")});
  CHECK(checked.exit_code == 2);
  CHECK((checked.output + checked.error).find("rules:1:3: ") != std::string::npos);
  CHECK(checked.error.find(wrong.weir.path("users") + ":1: ") != std::string::npos);
  AuthScene scene("required");
  scene.weir.directory().write("users", "alice:plaintext-password\n");
  scene.weir.hang_up();
  CHECK(scene.weir.wait_for_metric("weir_config_reload_failed", {}, 1));
  CHECK(!scene.token_for(basic("alice:secret")).empty());
}

}  // namespace weir::testing
