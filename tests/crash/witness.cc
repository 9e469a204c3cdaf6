#include "tests/crash/witness.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <thread>

#include "tests/crash/state_folder.h"
#include "tests/support/http_client.h"

namespace weir::testing {

namespace {

constexpr Milliseconds kQuiet{150};
// How long after its last answer a program may have something to write.
constexpr Milliseconds kLingers{1000};

}  // namespace

std::string recorder_library() {
  const char* given = std::getenv("WEIR_CRASH_RECORDER");
  return std::filesystem::absolute(given && *given ? given : "build/release/tests/crash_recorder.so").string();
}

std::string fast_parent() { return ::access("/dev/shm", W_OK | X_OK) == 0 ? "/dev/shm" : ""; }

Witness::Witness(const TemporaryDirectory& scratch, std::string cache_lines)
    : store_(scratch.file("store")), log_(scratch.file("log")), cache_lines_(std::move(cache_lines)) {
  std::filesystem::create_directory(store_);
}

void Witness::prepare(std::map<std::string, std::string> environment) {
  const auto cache = "[cache]\ndirectory = " + store_ + "\ntag-ttl = 0\n" + cache_lines_;
  const auto section = "[upstream.up]\nurl = " + upstream.url() + "\ndefault = on\n";
  weir_ = std::make_unique<WeirProcess>(cache + section, WeirOptions{.environment = std::move(environment)});
}

std::map<std::string, std::string> Witness::recorded() const {
  return {{"LD_PRELOAD", recorder_library()}, {"WEIR_CRASH_FOLDER", store_}, {"WEIR_CRASH_LOG", log_}};
}

void Witness::start() {
  prepare(recorded());
  REQUIRE(weir_->start());
}

bool Witness::start_to_die_after(std::uint64_t steps) {
  auto environment = recorded();
  environment["WEIR_CRASH_KILL_AFTER"] = std::to_string(steps);
  prepare(std::move(environment));
  return weir_->start();
}

void Witness::start_unrecorded() {
  prepare({});
  REQUIRE(weir_->start());
}

void Witness::terminate() {
  CHECK(weir_->terminate() == 0);
  check_against_disk();
}

void Witness::kill() {
  settle();
  weir_->kill();
  check_against_disk();
}

void Witness::settle() const {
  for (std::uintmax_t size = 0, now = 1; size != now; now = std::filesystem::file_size(log_)) {
    size = std::filesystem::file_size(log_);
    std::this_thread::sleep_for(kQuiet);
  }
}

void Witness::check_against_disk() const {
  DiskModel model;
  for (const auto& step : read_recording(log_)) model.play(step);
  auto found = contents_of(store_);
  std::erase_if(found,
                [](const auto& file) { return file.first.ends_with("/lock.mdb") || file.first.starts_with("/meter/cells/"); });
  for (const auto& difference : differences(model.contents(Survives::everything), found)) FAIL_CHECK("unrecorded: ", difference);
}

void Witness::note(const std::string& text) { append_note(log_, text); }

void Witness::note_all(const std::string& verb, const std::vector<std::string>& things) {
  for (const auto& thing : things) note(verb + ' ' + thing);
}

void Witness::pull(const std::vector<BlobName>& blobs) {
  std::vector<std::string> things;
  for (const auto& [repository, digest] : blobs) things.insert(things.end(), {blob(digest), link(repository, digest)});
  note_all("begins", things);
  const auto before = fills();
  std::vector<Response> answers(blobs.size());
  {
    std::vector<std::jthread> clients;
    for (std::size_t each = 0; each < blobs.size(); ++each) {
      clients.emplace_back([&, each] { answers[each] = fetch(weir_->url(), blob_path(blobs[each].first, blobs[each].second)); });
    }
  }
  double filled = before;
  for (const auto& answer : answers) {
    REQUIRE_MESSAGE(answer.complete, answer.failure);
    if (answer.headers.value("X-Cache") != "hit") filled += 1;
  }
  REQUIRE(weir_->wait_for_metric("weir_fills_total", {{"result", "ok"}}, filled));
  note_all("holds", things);
}

std::vector<std::string> Witness::of_manifest(const std::string& repository, const std::string& tag_name, const Image& image) const {
  std::vector<std::string> things{blob(image.digest()), link(repository, image.digest()), link(repository, image.config_digest()),
                                  tag(repository, tag_name) + ' ' + image.digest()};
  for (const auto& layer : image.layers()) things.push_back(link(repository, layer.digest()));
  return things;
}

void Witness::pull_tag(const std::string& repository, const std::string& tag_name, const Image& image) {
  const auto things = of_manifest(repository, tag_name, image);
  note_all("begins", things);
  const auto answer = fetch(weir_->url(), manifest_path(repository, tag_name));
  REQUIRE(answer.digest == image.digest());
  note_all("holds", things);
}

void Witness::refresh_tag(const std::string& repository, const std::string& tag_name, const Image& image) {
  const auto things = of_manifest(repository, tag_name, image);
  note_all("begins", things);
  HttpClient admin("unix:" + store_ + "/admin.sock");
  const auto body = R"({"reference":"up/)" + repository + ':' + tag_name + "\"}";
  REQUIRE(admin.exchange("POST", "/admin/v1/cache/refresh", {}, body).status == 200);
  note_all("holds", things);
}

void Witness::pull_image(const std::string& repository, const std::string& tag_name, const Image& image) {
  pull_tag(repository, tag_name, image);
  pull(repository, image.config_digest());
  for (std::size_t layer = 0; layer < image.layers().size(); ++layer) pull(repository, image.layer_digest(layer));
}

bool Witness::dies_of(const std::string& repository, const std::string& tag_name, const Image& image) {
  const auto things = of_manifest(repository, tag_name, image);
  note_all("begins", things);
  if (fetch(weir_->url(), manifest_path(repository, tag_name)).digest == image.digest()) note_all("holds", things);
  for (std::size_t layer = 0; layer < image.layers().size(); ++layer) {
    note("begins " + blob(image.layer_digest(layer)));
    (void)fetch(weir_->url(), blob_path(repository, image.layer_digest(layer)));
  }
  return weir_->wait_for_exit(kLingers).has_value();
}

void Witness::purge(const std::string& order, const std::vector<std::string>& things) {
  note_all("goes", things);
  HttpClient admin("unix:" + store_ + "/admin.sock");
  const auto answer = admin.exchange("POST", "/admin/v1/cache/purge", {}, order);
  REQUIRE_MESSAGE(answer.status == 200, answer.body);
  note_all("gone", things);
}

}  // namespace weir::testing
