#pragma once
// Log: one event a line, JSON or text, written by a thread of its own so that no loop waits for whoever reads the log.
//
// Thread: any. Bounded: when 4 MiB wait unread, further lines are dropped and a later line says how many.
// Secrets never come here: whoever logs a URL or a header logs what is left after its secrets are gone.

#include <condition_variable>
#include <cstdint>
#include <initializer_list>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

#include "base/clock.h"

namespace weir {

enum class LogLevel { debug, info, warning, error };

struct LogField {
  LogField(std::string_view field_name, std::string_view text) : name(field_name), value(text) {}
  LogField(std::string_view field_name, const char* text) : name(field_name), value(text) {}
  LogField(std::string_view field_name, const std::string& text) : name(field_name), value(text) {}
  LogField(std::string_view field_name, std::int64_t figure) : name(field_name), number(figure), is_number(true) {}
  LogField(std::string_view field_name, std::uint64_t figure) : LogField(field_name, static_cast<std::int64_t>(figure)) {}
  LogField(std::string_view field_name, int figure) : LogField(field_name, static_cast<std::int64_t>(figure)) {}
  LogField(std::string_view field_name, unsigned figure) : LogField(field_name, static_cast<std::int64_t>(figure)) {}

  std::string_view name;
  std::string_view value;
  std::int64_t number = 0;
  bool is_number = false;
};

class Log {
 public:
  struct Options {
    bool json = true;
    LogLevel level = LogLevel::info;
    int fd = 2;  // not owned
  };
  Log(const Clock& clock, Options options);
  // Writes out what was logged before.
  ~Log();
  Log(const Log&) = delete;

  bool enabled(LogLevel level) const noexcept { return level >= options_.level; }
  void write(LogLevel level, std::string_view event, std::initializer_list<LogField> fields = {});
  void info(std::string_view event, std::initializer_list<LogField> fields = {}) { write(LogLevel::info, event, fields); }
  void warning(std::string_view event, std::initializer_list<LogField> fields = {}) { write(LogLevel::warning, event, fields); }
  void error(std::string_view event, std::initializer_list<LogField> fields = {}) { write(LogLevel::error, event, fields); }

 private:
  void append(std::string_view line);
  void serve();

  const Clock& clock_;
  const Options options_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::string waiting_;          // guarded by mutex_
  std::uint64_t dropped_ = 0;    // guarded by mutex_
  bool stopping_ = false;        // guarded by mutex_
  std::thread writer_;
};

}  // namespace weir
