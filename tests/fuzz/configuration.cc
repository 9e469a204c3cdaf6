// Configurations: the file, then after a line `---` a `--set` a line, then after another `---` the environment.

#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <set>

#include "base/text.h"
#include "conf/config.h"
#include "tests/fuzz/fuzz.h"

using namespace weir;
using namespace weir::fuzzing;

namespace {

// One file for all runs of this process.
const std::string& scratch_file() {
  static const std::string path = [] {
    const char* parent = std::getenv("TMPDIR");
    std::string name = std::string(parent && *parent ? parent : "/tmp") + "/weir-fuzz-conf-" + std::to_string(::getpid());
    std::atexit([] { ::unlink(scratch_file().c_str()); });
    return name;
  }();
  return path;
}

// Up to the line `---`, which is taken off as well.
std::string_view take_part(std::string_view& text) {
  const auto end = text.find("\n---\n");
  const auto part = text.substr(0, end == std::string_view::npos ? end : end + 1);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 5);
  return part;
}

std::vector<std::string> lines(std::string_view text) {
  std::vector<std::string> all;
  while (!text.empty()) all.emplace_back(take_line(text));
  return all;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  auto text = as_text(data, size);
  const auto file = take_part(text);
  const auto sets = take_part(text);
  std::ofstream(scratch_file(), std::ios::binary | std::ios::trunc).write(file.data(), static_cast<std::streamsize>(file.size()));

  const auto outcome = load_config({scratch_file(), lines(sets), lines(text)});
  if (const auto* errors = std::get_if<std::vector<ConfigError>>(&outcome)) {
    expect(!errors->empty(), "what is refused has a reason");
    for (const auto& error : *errors) expect(!error.where.empty() && !error.what.empty(), "each with its place and a word");
    return 0;
  }
  const auto& config = std::get<LoadedConfig>(outcome);
  unsigned defaults = 0;
  std::set<std::string> namespaces;
  for (const auto& upstream : config.options.upstreams) {
    expect(!upstream.urls.empty(), "an upstream has a url");
    for (const auto& url : upstream.urls) expect(url.starts_with("http://") || url.starts_with("https://"), "and each is one");
    expect(!upstream.namespaces.empty(), "an upstream has a namespace");
    for (const auto& name : upstream.namespaces) expect(namespaces.insert(name).second, "a namespace is one upstream's");
    defaults += upstream.is_default;
  }
  expect(defaults <= 1, "there is at most one default");
  expect(!config.shown.empty(), "what was loaded can be shown");
  for (const auto& setting : config.shown) {
    expect(!setting.section.empty() && !setting.key.empty() && !setting.from.empty(), "with where it came from");
    expect(setting.value.find('\n') == std::string::npos, "on one line");
  }
  return 0;
}
