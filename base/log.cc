#include "base/log.h"

#include <pthread.h>
#include <unistd.h>

#include <cerrno>

#include "base/json.h"
#include "base/text.h"

namespace weir {
namespace {

constexpr std::size_t kMostWaiting = 4 << 20;
constexpr std::size_t kWakeAt = 32 << 10;
// Lines wait this long for company, so a busy server writes many at once.
constexpr auto kGather = Milliseconds(100);

const char* level_name(LogLevel level) {
  switch (level) {
    case LogLevel::debug: return "debug";
    case LogLevel::info: return "info";
    case LogLevel::warning: return "warning";
    case LogLevel::error: return "error";
  }
  return "?";
}

std::string json_line(std::int64_t time, LogLevel level, std::string_view event, std::initializer_list<LogField> fields) {
  std::string line;
  line.reserve(640);
  line.append("{\"time\":\"").append(rfc3339(time)).append("\",\"level\":\"").append(level_name(level)).append("\",\"event\":");
  append_json_string(line, event);
  for (const auto& field : fields) {
    line += ',';
    append_json_string(line, field.name);
    line += ':';
    if (field.is_number) line += std::to_string(field.number);
    else append_json_string(line, field.value);
  }
  line += "}\n";
  return line;
}

std::string text_line(std::int64_t time, LogLevel level, std::string_view event, std::initializer_list<LogField> fields) {
  std::string line = rfc3339(time) + ' ' + level_name(level) + ' ';
  line += event;
  for (const auto& field : fields) {
    line += ' ';
    line += field.name;
    line += '=';
    const bool bare = !field.value.empty() && field.value.find_first_of(" \"\\=\n\r\t") == std::string_view::npos;
    if (field.is_number) line += std::to_string(field.number);
    else if (bare) line += field.value;
    else append_json_string(line, field.value);
  }
  // Whatever the world put into a value, a line stays a line.
  for (char& c : line) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  }
  line += '\n';
  return line;
}

void write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const auto written = ::write(fd, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return;  // nobody to tell
    text.remove_prefix(static_cast<std::size_t>(written));
  }
}

}  // namespace

Log::Log(const Clock& clock, Options options) : clock_(clock), options_(options), writer_([this] { serve(); }) {
  ::pthread_setname_np(writer_.native_handle(), "weir-log");
}

Log::~Log() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_one();
  writer_.join();
}

void Log::write(LogLevel level, std::string_view event, std::initializer_list<LogField> fields) {
  if (!enabled(level)) return;
  const auto time = clock_.wall_milliseconds();
  append(options_.json ? json_line(time, level, event, fields) : text_line(time, level, event, fields));
}

void Log::append(std::string_view line) {
  bool wake;
  {
    std::lock_guard lock(mutex_);
    if (waiting_.size() + line.size() > kMostWaiting) {
      ++dropped_;
      return;
    }
    const auto before = waiting_.size();
    waiting_ += line;
    wake = before == 0 || (before < kWakeAt && waiting_.size() >= kWakeAt);
  }
  if (wake) changed_.notify_one();
}

void Log::serve() {
  std::unique_lock lock(mutex_);
  std::string batch;
  for (;;) {
    changed_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
    if (!stopping_) changed_.wait_for(lock, kGather, [this] { return stopping_ || waiting_.size() >= kWakeAt; });
    batch.clear();
    batch.swap(waiting_);
    const auto dropped = std::exchange(dropped_, 0);
    const bool last = stopping_;
    lock.unlock();
    write_all(options_.fd, batch);
    if (dropped > 0) write(LogLevel::warning, "log lines dropped", {{"count", dropped}});
    lock.lock();
    if (last && waiting_.empty()) return;
  }
}

}  // namespace weir
