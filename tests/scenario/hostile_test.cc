// Clients that do not mean well, or do not work well; the others notice nothing.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <algorithm>
#include <atomic>
#include <mutex>
#include <thread>

#include "tests/scenario/scene.h"
#include "tests/support/endpoint.h"
#include "tests/support/file_descriptor.h"

namespace weir::testing {

namespace {

// Fewer of everything where each costs ten times as much.
int many(int count, int under_a_sanitizer) { return sanitized() ? under_a_sanitizer : count; }

// No good client waits longer for a whole answer. A healthy program is a hundred times as fast; a busy machine is not.
Milliseconds longest_answer() { return Milliseconds(many(10'000, 20'000)); }

// What no crowd may add to the program's memory, whatever it sends or leaves unread.
constexpr std::uint64_t kMostMemoryKiB = 48 * kKiB;

SceneOptions with(const std::string& server = "") {
  return {.sections = "[server]\n" + server + "[cache]\nsync = fast\n[log]\naccess = off\n"};
}

// Clients that mean well, beside the others: verified hits, and one cold pull after the other.
class GoodClients {
 public:
  explicit GoodClients(Scene& scene) : url_(scene.weir.url()) {
    for (std::uint64_t size : {std::uint64_t{100}, 300 * kKiB, 2 * kMiB}) warm_.push_back(scene.put_blob(size, size));
    for (const auto& blob : warm_) REQUIRE(scene.get(blob.path, {}, Body::hash).digest == blob.digest);
    for (std::uint64_t i = 0; i < kColdBlobs; ++i) cold_.push_back(scene.put_blob(20'000 + i, 5000 + i));
    for (int i = 0; i < kClients; ++i) threads_.emplace_back([this](const std::stop_token& stop) { ask_on(stop); });
    REQUIRE(served(3 * kClients));
  }

  // Waits until they have so many answers more.
  bool served(std::uint64_t count) const {
    return wait_until([this, enough = answers_ + count] { return answers_ >= enough; });
  }

  // Ends them, not before they were served for a while, and checks that each answer was whole, right and soon there.
  void check() {
    CHECK(served(40));
    threads_.clear();
    MESSAGE(answers_.load() << " good answers, the slowest in " << slowest_.count() << " ms");
    CHECK_MESSAGE(wrong_.empty(), wrong_);
    CHECK(colds_.load() > 3);
    CHECK(slowest_ < longest_answer());
  }

  static constexpr int kClients = 3;
  // With those that warmed the cache.
  double requests() const { return static_cast<double>(answers_ + warm_.size()); }

 private:
  static constexpr std::uint64_t kColdBlobs = 600;

  void ask_on(const std::stop_token& stop) {
    std::unique_ptr<HttpClient> client;
    for (std::size_t turn = 0; !stop.stop_requested(); ++turn) {
      const auto started = Clock::now();
      if (turn % 8 == 0) client = std::make_unique<HttpClient>(url_);
      const auto next = turn % 4 == 3 ? colds_.fetch_add(1) : kColdBlobs;
      const auto& blob = next < kColdBlobs ? cold_[next] : warm_[turn % warm_.size()];
      auto response = client->get(blob.path, {}, Body::hash);
      note(response, blob, std::chrono::duration_cast<Milliseconds>(Clock::now() - started));
      if (!client->connected()) turn = 7;
      std::this_thread::sleep_for(Milliseconds(2));
    }
  }

  void note(const Response& response, const Blob& blob, Milliseconds took) {
    std::lock_guard lock(mutex_);
    ++answers_;
    slowest_ = std::max(slowest_, took);
    if (response.status == 200 && response.complete && response.digest == blob.digest) return;
    wrong_ += std::to_string(response.status) + " " + response.failure + " for " + blob.path + "\n";
  }

  std::string url_;
  std::vector<Blob> warm_, cold_;
  std::atomic<std::uint64_t> answers_ = 0, colds_ = 0;
  std::mutex mutex_;
  Milliseconds slowest_{0};  // guarded by mutex_ while threads run, as all below
  std::string wrong_;
  std::vector<std::jthread> threads_;
};

void set_buffer(const FileDescriptor& socket, int bytes) {
  ::setsockopt(socket.get(), SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
}

// Connected from one of many addresses, so that ports do not run out.
FileDescriptor connect_as(const Scene& scene, int number, bool narrow = false) {
  const int yes = 1, small_segments = 100;
  FileDescriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (narrow) {
    set_buffer(socket, 1);  // the least there is
    ::setsockopt(socket.get(), IPPROTO_TCP, TCP_MAXSEG, &small_segments, sizeof small_segments);
  }
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 256 + static_cast<unsigned>(number % 50));
  ::setsockopt(socket.get(), IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &yes, sizeof yes);
  if (::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) return {};
  const timeval patience{kPatience.count() / 1000, 0};
  ::setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(Endpoint::parse(scene.weir.url()).port);
  if (::connect(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) return {};
  return socket;
}

void close_with_reset(FileDescriptor& socket) {
  const linger hard{1, 0};
  ::setsockopt(socket.get(), SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
  socket.reset();
}

// A client that says one byte at a time and never comes to an end.
struct Dripping {
  FileDescriptor socket;
  std::string text;  // then the letter a for ever
  std::size_t said = 0;
  std::string heard = {};
  bool over = false;

  void go_on() {
    if (over) return;
    const char next = said < text.size() ? text[said] : 'a';
    if (::send(socket.get(), &next, 1, MSG_NOSIGNAL | MSG_DONTWAIT) == 1) ++said;
    char piece[4096];
    ssize_t count = 0;
    while ((count = ::recv(socket.get(), piece, sizeof piece, MSG_DONTWAIT)) > 0) {
      heard.append(piece, static_cast<std::size_t>(count));
    }
    over = count == 0 || errno != EAGAIN;
  }
};

// Until all are over; how many are.
std::size_t drip(std::vector<Dripping>& clients, Milliseconds patience) {
  std::size_t over = 0;
  (void)wait_until(
      [&] {
        over = 0;
        for (auto& client : clients) {
          client.go_on();
          over += client.over ? 1 : 0;
        }
        std::this_thread::sleep_for(Milliseconds(10));
        return over == clients.size();
      },
      patience);
  return over;
}

std::size_t heard(const std::vector<Dripping>& clients, const std::string& start) {
  std::size_t count = 0;
  for (const auto& client : clients) count += client.heard.starts_with(start) ? 1 : 0;
  return count;
}

// Says `text` over and over as fast as it is taken, and drops what is answered; comes again when it is thrown out.
void flood(const Scene& scene, int number, const std::string& text, const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    auto socket = connect_as(scene, number);
    if (!socket) return;
    std::size_t said = 0;
    for (bool open = true; open && !stop.stop_requested();) {
      pollfd entry{socket.get(), POLLIN | POLLOUT, 0};
      if (::poll(&entry, 1, 100) <= 0) continue;
      if (entry.revents & POLLOUT) {
        const auto count = ::send(socket.get(), text.data() + said, text.size() - said, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (count > 0) said = (said + static_cast<std::size_t>(count)) % text.size();
        open = count > 0 || errno == EAGAIN;
      }
      if (entry.revents & POLLIN) {
        char dropped[65536];
        open = ::recv(socket.get(), dropped, sizeof dropped, MSG_DONTWAIT) > 0 && open;
      }
    }
    close_with_reset(socket);
  }
}

// Raises what this process may open as far as it goes; the program does the same for itself.
std::uint64_t descriptor_limit() {
  rlimit limit{};
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &limit) == 0);
  limit.rlim_cur = limit.rlim_max;
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &limit) == 0);
  return limit.rlim_cur;
}

std::string repeated(const std::string& text, std::size_t count) {
  std::string result;
  result.reserve(text.size() * count);
  for (std::size_t i = 0; i < count; ++i) result += text;
  return result;
}

const std::string kGet = "GET /v2/ HTTP/1.1\r\nHost: x\r\n";

}  // namespace

TEST_CASE("five hundred that never finish their head are told 408 and closed") {
  Scene scene(with("header-timeout = 1s\n"));
  GoodClients good(scene);
  const int count = many(500, 200);
  std::vector<Dripping> clients;
  for (int i = 0; i < count; ++i) clients.push_back({connect_as(scene, i), kGet + "X-Slow: "});
  CHECK(drip(clients, kPatience) == clients.size());
  CHECK(heard(clients, "HTTP/1.1 408 ") == clients.size());
  good.check();
  CHECK_SOON(scene.weir.metric("weir_bad_requests_total"), count);
  CHECK_SOON(scene.weir.metric("weir_requests_total"), good.requests());
  CHECK_SOON(scene.weir.metric("weir_connections_active"), 0);
}

TEST_CASE("ten thousand idle connections weigh little, and are forgotten when they close") {
  const auto wanted = static_cast<std::uint64_t>(many(10'000, 1'000));
  const auto limit = descriptor_limit();
  // Three quarters of them are the program's for clients, and some of these are the good ones.
  const auto usable = limit - limit / 4;
  const auto count = static_cast<int>(std::min(wanted, usable - std::min<std::uint64_t>(usable, 300)));
  if (count < 1000) {
    MESSAGE("skipped: " << limit << " descriptors are too few");
    return;
  }
  Scene scene(with());
  GoodClients good(scene);
  const auto before = scene.weir.rss_anon_kib();
  std::vector<FileDescriptor> idle;
  for (int i = 0; i < count; ++i) {
    idle.push_back(connect_as(scene, i));
    REQUIRE(idle.back());
    if (i % 2 == 0) continue;
    // Every other one has been of use once.
    const std::string request = kGet + "\r\n";
    char answer[1024];
    REQUIRE(::send(idle.back().get(), request.data(), request.size(), MSG_NOSIGNAL) > 0);
    REQUIRE(::recv(idle.back().get(), answer, sizeof answer, 0) > 0);
  }
  CHECK(scene.weir.wait_for_metric("weir_connections_active", {}, count));
  const auto grown = static_cast<double>(scene.weir.rss_anon_kib()) - static_cast<double>(before);
  MESSAGE(count << " connections, " << grown / count << " KiB each");
  if (!sanitized()) CHECK(grown < 4.0 * count);
  for (int i = 0; i < 100; ++i) CHECK(scene.get("/v2/").status == 200);
  idle.clear();
  CHECK(wait_until([&] { return scene.weir.metric("weir_connections_active") <= GoodClients::kClients; }));
  good.check();
  CHECK_SOON(scene.weir.metric("weir_connections_active"), 0);
  CHECK(scene.weir.metric("weir_bad_requests_total") == 0);
}

TEST_CASE("a head of a mebibyte is 431, in one line or in many, and most of it is never read") {
  Scene scene(with());
  GoodClients good(scene);
  scene.weir.forget_peak();
  const int rounds = many(20, 5);
  const auto long_line = kGet + "X-Long: " + std::string(kMiB, 'a') + "\r\n\r\n";
  const auto long_target = "GET /v2/" + std::string(kMiB, 'a') + " HTTP/1.1\r\nHost: x\r\n\r\n";
  const auto many_lines = kGet + repeated("A: b\r\n", kMiB / 6) + "\r\n";
  for (int i = 0; i < rounds; ++i) {
    for (const auto* text : {&long_line, &long_target, &many_lines}) {
      HttpClient client(scene.weir.url());
      (void)client.send(*text);
      CHECK(client.read_until_closed().starts_with("HTTP/1.1 431 "));
    }
  }
  CHECK_SOON(scene.weir.metric("weir_bad_requests_total"), 3 * rounds);

  // What a kernel keeps for both sides is some mebibytes; the rest does not leave the client.
  std::uint64_t said = 0;
  HttpClient endless(scene.weir.url());
  REQUIRE(endless.send(kGet + "X-Endless: "));
  while (said < 256 * kMiB && endless.send(std::string(kMiB, 'a'))) said += kMiB;
  CHECK(said < 32 * kMiB);
  CHECK(endless.read_until_closed().starts_with("HTTP/1.1 431 "));

  // As many lines as a head may have are a head.
  CHECK(HttpClient(scene.weir.url()).send(kGet + repeated("A: b\r\n", 5000) + "\r\n"));
  good.check();
  if (!sanitized()) CHECK(scene.weir.peak_rss_anon_kib() < kMostMemoryKiB);
}

TEST_CASE("two hundred that never read a large blob are cut, cold and stored, and hold nobody back") {
  Scene scene(with("progress-timeout = 2s\n"));
  auto blob = scene.put_blob(static_cast<std::uint64_t>(many(64, 16)) * kMiB);
  GoodClients good(scene);
  scene.weir.forget_peak();
  const auto gate = scene.upstream.hold(exactly(blob.path), kMiB);
  for (const bool cold : {true, false}) {
    CAPTURE(cold);
    std::vector<std::unique_ptr<HttpClient>> asleep;
    for (int i = 0; i < many(200, 50); ++i) {
      asleep.push_back(std::make_unique<HttpClient>(scene.weir.url(), ClientOptions{.receive_buffer = 4096}));
      REQUIRE(asleep.back()->send_request("GET", blob.path));
    }
    std::atomic<int> right = 0;
    {
      std::vector<std::jthread> readers;
      for (int i = 0; i < 4; ++i) {
        readers.emplace_back([&] { right += scene.get(blob.path, {}, Body::hash).digest == blob.digest ? 1 : 0; });
      }
      if (cold) REQUIRE(gate->wait_until_reached());
      gate->release();
    }
    CHECK(right == 4);
    // By their own sockets: the good clients are not all connected all the time, so that a count would not tell.
    CHECK(wait_until([&] { return std::ranges::all_of(asleep, [](const auto& client) { return client->peer_gone(); }); }));
    CHECK(wait_until([&] { return scene.weir.metric("weir_connections_active") <= GoodClients::kClients; }));
    for (auto& client : asleep) CHECK(!client->read_response(Body::count).complete);
  }
  CHECK(scene.gets(blob.path) == 1);
  good.check();
  CHECK_SOON(scene.weir.metric("weir_connections_active"), 0);
  const auto metrics = scene.weir.metrics();  // one look: a fill may end between two
  CHECK(metrics.value("weir_fills_total", {{"result", "ok"}}) == metrics.value("weir_fills_total", {}));
  if (!sanitized()) CHECK(scene.weir.peak_rss_anon_kib() < kMostMemoryKiB);
}

TEST_CASE("clients that read byte by byte are not cut while they do, and hold nobody back") {
  // A kernel tells its peer nothing of a byte that was read: a window opens by a segment and a part of the buffer at the
  // least. So that the program can see these clients move, both are small.
  Scene scene(with("progress-timeout = 2s\n"));
  GoodClients good(scene);
  const auto stored = scene.put_blob(768 * kKiB, 1), cold = scene.put_blob(768 * kKiB, 2);
  CHECK(scene.get(stored.path, {}, Body::hash).digest == stored.digest);
  struct Sipping {
    FileDescriptor socket;
    std::string heard = {};
    bool over = false;

    bool hear(std::size_t most) {
      char piece[65536];
      const auto count = ::recv(socket.get(), piece, std::min(most, sizeof piece), MSG_DONTWAIT);
      heard.append(piece, static_cast<std::size_t>(std::max<ssize_t>(count, 0)));
      over = count == 0 || (count < 0 && errno != EAGAIN);
      return count > 0;
    }
  };
  std::vector<Sipping> clients(20);
  for (int i = 0; auto& client : clients) {
    const auto request = "GET " + (i % 2 == 0 ? stored : cold).path + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    client.socket = connect_as(scene, i++, true);
    REQUIRE(::send(client.socket.get(), request.data(), request.size(), MSG_NOSIGNAL) > 0);
  }
  // Four bytes a millisecond by the clock: who was kept waiting for the processor makes up for it.
  const auto started = Clock::now();
  for (Milliseconds passed{0}; passed < Milliseconds(4500);) {
    passed = std::chrono::duration_cast<Milliseconds>(Clock::now() - started);
    for (auto& client : clients) {
      while (client.heard.size() < static_cast<std::size_t>(4 * passed.count()) && client.hear(1));
    }
    std::this_thread::sleep_for(Milliseconds(2));
  }
  CHECK(scene.weir.metric("weir_connections_active") >= static_cast<double>(clients.size()));
  // The rest as fast as it goes, all in turn: the last of them must not stand still until the first have ended.
  for (auto& client : clients) set_buffer(client.socket, 1 << 20);
  CHECK(wait_until([&] {
    for (auto& client : clients) (void)(client.over || client.hear(65536));
    return std::ranges::all_of(clients, &Sipping::over);
  }));
  for (int i = 0; auto& client : clients) {
    const auto& blob = i++ % 2 == 0 ? stored : cold;
    CHECK(digest_of(client.heard.substr(client.heard.find("\r\n\r\n") + 4)) == blob.digest);
  }
  CHECK(scene.gets(cold.path) == 1);
  good.check();
  CHECK_SOON(scene.weir.metric("weir_connections_active"), 0);
}

TEST_CASE("a thousand requests in one write are answered in their order, all of them") {
  Scene scene(with());
  auto blob = scene.put_blob(kMiB);
  CHECK(scene.get(blob.path, {}, Body::hash).digest == blob.digest);
  GoodClients good(scene);
  std::string text;
  for (int i = 0; i < 1000; ++i) {
    const auto range = std::to_string(i * 1000) + "-" + std::to_string(i * 1000 + 99);
    text += "GET " + blob.path + " HTTP/1.1\r\nHost: x\r\nRange: bytes=" + range + "\r\n\r\n";
  }
  for (int turn = 0; turn < 10; ++turn) {
    HttpClient client(scene.weir.url());
    REQUIRE(client.send(text));
    int right = 0;
    for (std::uint64_t i = 0; i < 1000; ++i) right += client.read_response().body == blob.content.slice(i * 1000, 100) ? 1 : 0;
    CHECK(right == 1000);
    CHECK(client.get("/v2/").status == 200);
  }
  good.check();
  CHECK_SOON(scene.weir.metric("weir_requests_total", {{"code", "206"}}), 10'000);
}

TEST_CASE("clients that ask without a pause leave turns to the others") {
  Scene scene(with());
  GoodClients good(scene);
  {
    std::vector<std::jthread> floods;
    const auto requests = repeated(kGet + "\r\n", 1000);
    for (int i = 0; i < 8; ++i) {
      floods.emplace_back([&, i](const std::stop_token& stop) { flood(scene, i, requests, stop); });
    }
    CHECK(good.served(static_cast<std::uint64_t>(many(100, 30))));
  }
  good.check();
  MESSAGE(scene.weir.metric("weir_requests_total") << " requests");
  CHECK_SOON(scene.weir.metric("weir_connections_active"), 0);
  CHECK(scene.weir.metric("weir_bad_requests_total") == 0);
}

TEST_CASE("empty lines without a request behind them are no way to be served on") {
  Scene scene(with("header-timeout = 1s\n"));
  GoodClients good(scene);
  {
    std::vector<std::jthread> floods;
    const auto lines = repeated("\r\n", 100'000);
    for (int i = 0; i < 8; ++i) {
      floods.emplace_back([&, i](const std::stop_token& stop) { flood(scene, i, lines, stop); });
    }
    CHECK(good.served(static_cast<std::uint64_t>(many(100, 30))));
    // One now and then is no better.
    HttpClient slow(scene.weir.url());
    const auto started = Clock::now();
    while (Clock::now() - started < kPatience && slow.send("\r\n") && !slow.closed_within(Milliseconds(200))) {
    }
    CHECK(Clock::now() - started < Milliseconds(10'000));
  }
  good.check();
  CHECK(scene.weir.metric("weir_bad_requests_total") > 0);
  CHECK_SOON(scene.weir.metric("weir_connections_active"), 0);
}

TEST_CASE("five thousand that come and go at once leave nothing behind") {
  Scene scene(with());
  GoodClients good(scene);
  const auto before = scene.weir.open_descriptors();
  const int count = many(5000, 1500);
  const auto request = kGet + "\r\n";
  for (int i = 0; i < count; ++i) {
    auto socket = connect_as(scene, i);
    REQUIRE(socket);
    const std::size_t said = i % 3 == 0 ? 0 : i % 3 == 1 ? 10 : request.size();
    if (said > 0) (void)::send(socket.get(), request.data(), said, MSG_NOSIGNAL);
    if (i % 2 == 0) close_with_reset(socket);
  }
  good.check();
  CHECK_SOON(scene.weir.metric("weir_connections_active"), 0);
  // A few connections to the upstream are kept.
  CHECK(wait_until([&] { return scene.weir.open_descriptors() <= before + 8; }));
  CHECK(scene.weir.metric("weir_connections_total", {{"result", "accepted"}}) > count);
}

TEST_CASE("a body that nobody wants and that never ends is not waited for") {
  Scene scene(with("header-timeout = 1s\n"));
  GoodClients good(scene);
  scene.weir.forget_peak();
  std::vector<Dripping> clients;
  const std::string bodies[] = {
      "Content-Length: 1073741824\r\n\r\n",
      "Content-Length: 1073741824\r\nExpect: 100-continue\r\n\r\n",
      "Content-Length: 100000\r\n\r\n",
      "Transfer-Encoding: chunked\r\n\r\n10000000\r\n",
      "Transfer-Encoding: chunked\r\n\r\n5;extension=",
      "Transfer-Encoding: chunked\r\n\r\n0\r\nX-Trailer: ",
  };
  for (int i = 0; i < many(60, 30); ++i) {
    const auto head = kGet + bodies[i % 6];
    clients.push_back({connect_as(scene, i), ""});
    REQUIRE(::send(clients.back().socket.get(), head.data(), head.size(), MSG_NOSIGNAL) > 0);
  }
  CHECK(drip(clients, Milliseconds(10'000)) == clients.size());
  CHECK(heard(clients, "HTTP/1.1 200 ") == clients.size());

  // As fast as it goes is no better.
  for (const auto& body : bodies) {
    std::uint64_t said = 0;
    HttpClient client(scene.weir.url());
    REQUIRE(client.send(kGet + body));
    while (said < 256 * kMiB && client.send(std::string(kMiB, 'a'))) said += kMiB;
    CHECK(said < 32 * kMiB);
  }
  good.check();
  CHECK_SOON(scene.weir.metric("weir_connections_active"), 0);
  if (!sanitized()) CHECK(scene.weir.peak_rss_anon_kib() < kMostMemoryKiB);
}

}  // namespace weir::testing
