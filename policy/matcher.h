#pragma once
// Matcher: which of very many patterns a text matches, in one pass over it; the door to Hyperscan (or Vectorscan, the same API).
//
// A pattern is a text, a glob with `*` and `**`, or `~RE`, a regular expression for the whole of the text. What has no star is
// looked up. A glob is found by a few bytes of it that few others share: one literal database (hs_compile_lit_multi), then a
// comparison. Expressions have a database of their own and bounds: so many, so long, so heavy, and compiled in a process
// that is ended after a while. Matching is linear in the text for both.
//
// Compiled databases are kept in a folder under the hash of their contents, the library's version and the processor; what is
// damaged there is compiled again.

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/file_system.h"
#include "policy/bounded_work.h"
#include "policy/glob.h"

struct hs_database;
struct hs_scratch;

namespace weir {

// Thread: any; immutable once made.
class Matcher {
 public:
  static constexpr std::size_t kMostExpressions = 5000;

  struct Options {
    FileSystem* disk = nullptr;  // none: nothing is kept
    std::string folder;          // of compiled databases; it is made
    WorkBounds bounds;           // of compiling
    bool own_process = true;     // false: it is compiled in this one, without bounds
  };
  struct Refusal {
    std::optional<std::size_t> pattern;  // the one that is to blame, where there is one
    std::string what;
  };
  // The patterns are distinct, none is longer than Glob::kMostBytes and each expression has passed check_expression().
  static std::variant<std::unique_ptr<const Matcher>, Refusal> make(std::vector<std::string> patterns, const Options& options);
  ~Matcher();
  Matcher(const Matcher&) = delete;

  // Appends the index of each pattern that matches, each once, in no particular order.
  void match(std::string_view text, std::vector<std::uint32_t>& found) const;

  // Is `expression`, without its ~, one that is taken? Error: invalid, with what is wrong.
  static Status check_expression(std::string_view expression);

  // Databases that were compiled, and not found in the folder.
  unsigned compiled() const noexcept { return compiled_; }

 private:
  struct FreeDatabase {
    void operator()(hs_database* database) const;
  };
  using Database = std::unique_ptr<hs_database, FreeDatabase>;
  class Borrowed;
  Matcher() = default;
  void sort_patterns(const std::vector<std::string>& patterns);
  void index_exact(const std::vector<std::uint32_t>& exact);
  void find_exact(std::string_view text, std::vector<std::uint32_t>& found) const;
  std::optional<Refusal> compile(const Options& options);
  std::string_view text_of(std::uint32_t pattern) const {
    return std::string_view(texts_).substr(patterns_[pattern].begin, patterns_[pattern].size);
  }
  bool matches(std::uint32_t pattern, std::string_view text) const {
    return patterns_[pattern].shape.matches(text_of(pattern), text);
  }

  // Side by side and small: a decision touches few of very many.
  struct Pattern {
    std::uint32_t begin = 0;  // in texts_
    std::uint16_t size = 0;
    GlobShape shape;
  };
  std::string texts_;
  std::vector<Pattern> patterns_;
  // Those without a star: a table with open places, by hash.
  struct Place {
    std::uint32_t hash = 0, pattern = 0;  // pattern + 1; 0: open
  };
  std::vector<Place> exact_;
  std::vector<std::uint32_t> expressions_;
  std::vector<std::uint32_t> without_literal_;
  // Literal i belongs to the patterns [starts_[i], starts_[i + 1]) of by_literal_.
  std::vector<std::string_view> literals_;  // of texts_
  std::vector<std::uint32_t> starts_, by_literal_;
  Database literal_database_, expression_database_;
  unsigned compiled_ = 0;

  // Scanning needs a scratch of its own; those of a few threads lie ready.
  hs_scratch* scratch_ = nullptr;  // is copied
  mutable std::array<std::atomic<hs_scratch*>, 32> spare_{};
};

}  // namespace weir
