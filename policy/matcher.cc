#include "policy/matcher.h"

#include <hs/hs.h>

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <thread>

#include "base/check.h"
#include "base/hash.h"
#include "base/text.h"
#include "policy/database_folder.h"
#include "policy/expression.h"

namespace weir {
namespace {

// Hyperscan tells literals apart by their last eight bytes, and walks through those that share them: 10,000 that end in
// `/app-rc` made a scan 50 times slower. So it is given eight bytes of a pattern that few others hold.
constexpr std::size_t kPiece = 8;
constexpr std::size_t kMostCounters = 1 << 22;
constexpr std::size_t kQuickLiterals = 500;  // are compiled in 20 ms
constexpr unsigned kExpressionFlags = HS_FLAG_SINGLEMATCH | HS_FLAG_ALLOWEMPTY | HS_FLAG_DOTALL;

// All of the text, as a glob is: Hyperscan finds matches anywhere.
std::string whole(std::string_view expression) { return "\\A(?:" + std::string(expression) + ")\\z"; }

template <typename Visit>
void each_piece(std::string_view literal, const Visit& visit) {
  for (std::size_t i = 0; i + kPiece < literal.size(); ++i) visit(literal.substr(i, kPiece));
  visit(literal.substr(literal.size() - std::min(literal.size(), kPiece)));
}

// About how many patterns hold a piece.
class PieceCounts {
 public:
  // Of patterns that are `bytes` long together: no more pieces than these, and room that few share a counter.
  explicit PieceCounts(std::size_t bytes) : counts_(std::bit_ceil(std::min(4 * bytes + 1, kMostCounters))) {}

  void add(std::string_view piece) { ++counts_[place(piece)]; }
  // A short piece is found in names that have nothing to do with it.
  std::uint32_t cost(std::string_view piece) const {
    return counts_[place(piece)] + (piece.size() < 3 ? 64 : piece.size() < kPiece ? 8 : 0);
  }

 private:
  std::size_t place(std::string_view piece) const { return std::hash<std::string_view>()(piece) & (counts_.size() - 1); }
  std::vector<std::uint32_t> counts_;  // as many as a power of two
};

struct CompileError {
  hs_compile_error_t* error = nullptr;
  ~CompileError() {
    if (error) ::hs_free_compile_error(error);
  }
  std::string text() const {
    std::string text = error && error->message ? error->message : "the expression cannot be compiled";
    while (text.ends_with('.') || text.ends_with('\n')) text.pop_back();
    return text;
  }
};

// What is compiled: distinct texts, all literals or all expressions.
struct Source {
  bool literals = false;
  std::vector<std::string> texts;
};

hs_error_t compile_source(const Source& source, hs_database_t** database, CompileError& error) {
  std::vector<const char*> texts;
  std::vector<unsigned> flags, ids;
  std::vector<std::size_t> lengths;
  for (const auto& text : source.texts) {
    texts.push_back(text.c_str());
    lengths.push_back(text.size());
    flags.push_back(source.literals ? HS_FLAG_SINGLEMATCH : kExpressionFlags);
    ids.push_back(static_cast<unsigned>(ids.size()));
  }
  const auto count = static_cast<unsigned>(texts.size());
  if (source.literals)
    return ::hs_compile_lit_multi(texts.data(), flags.data(), ids.data(), lengths.data(), count, HS_MODE_BLOCK, nullptr, database,
                                  &error.error);
  return ::hs_compile_multi(texts.data(), flags.data(), ids.data(), count, HS_MODE_BLOCK, nullptr, database, &error.error);
}

// `+` and the serialized database, or `-`, the number of the text to blame (or -1), a blank, and why.
std::string compile_to_text(const Source& source) {
  hs_database_t* database = nullptr;
  CompileError error;
  if (compile_source(source, &database, error) != HS_SUCCESS)
    return '-' + std::to_string(error.error ? error.error->expression : -1) + ' ' + error.text();
  const std::unique_ptr<hs_database_t, decltype(&::hs_free_database)> owned(database, ::hs_free_database);
  char* bytes = nullptr;
  std::size_t size = 0;
  if (::hs_serialize_database(database, &bytes, &size) != HS_SUCCESS) return "--1 there is no memory for it";
  const std::unique_ptr<char, decltype(&std::free)> text(bytes, std::free);
  return '+' + std::string(bytes, size);
}

Matcher::Refusal refusal(std::string_view said) {
  const auto blank = said.find(' ');
  const auto number = std::string(said.substr(0, blank));
  Matcher::Refusal refused{std::nullopt, std::string(said.substr(std::min(blank, said.size() - 1) + 1))};
  if (number != "-1" && !number.empty()) refused.pattern = std::stoul(number);
  return refused;
}

// Contents, library and processor: what a serialized database is good for.
std::string name_of(const Source& source) {
  Hasher hasher(HashAlgorithm::sha256);
  hs_platform_info_t platform{};
  MUST(::hs_populate_platform(&platform) == HS_SUCCESS);
  hasher.update(std::string(::hs_version()) + '\n' + std::to_string(platform.tune) + ' ' + std::to_string(platform.cpu_features) +
                (source.literals ? "\nliterals\n" : "\nexpressions " + std::to_string(kExpressionFlags) + '\n'));
  for (const auto& text : source.texts) hasher.update(std::to_string(text.size()) + ':' + text);
  return to_hex(hasher.finish());
}

hs_database_t* deserialize(std::string_view bytes) {
  hs_database_t* database = nullptr;
  return ::hs_deserialize_database(bytes.data(), bytes.size(), &database) == HS_SUCCESS ? database : nullptr;
}

}  // namespace

void Matcher::FreeDatabase::operator()(hs_database* database) const { ::hs_free_database(database); }

// A scratch for one scan. Threads meet in the same place only when there are many; then one of them makes its own.
class Matcher::Borrowed {
 public:
  explicit Borrowed(const Matcher& matcher)
      : place_(matcher.spare_[std::hash<std::thread::id>()(std::this_thread::get_id()) % matcher.spare_.size()]),
        scratch_(place_.exchange(nullptr)) {
    if (!scratch_) MUST(::hs_clone_scratch(matcher.scratch_, &scratch_) == HS_SUCCESS);
  }
  ~Borrowed() {
    if (auto* other = place_.exchange(scratch_)) ::hs_free_scratch(other);
  }
  Borrowed(const Borrowed&) = delete;
  hs_scratch* get() const noexcept { return scratch_; }

 private:
  std::atomic<hs_scratch*>& place_;
  hs_scratch* scratch_;
};

Status Matcher::check_expression(std::string_view expression) {
  if (auto status = check_expression_size(expression); !status) return status;
  if (expression.find('\0') != std::string_view::npos) return Error{Failure::invalid, Side::local, false, "a zero byte"};
  // As it is, and as it is compiled: neither may lean on what is put around it.
  for (const auto& text : {std::string(expression), whole(expression)}) {
    hs_expr_info_t* info = nullptr;
    CompileError error;
    if (::hs_expression_info(text.c_str(), kExpressionFlags, &info, &error.error) != HS_SUCCESS)
      return Error{Failure::invalid, Side::local, false, error.text()};
    std::free(info);
  }
  return ok_status();
}

void Matcher::sort_patterns(const std::vector<std::string>& patterns) {
  std::size_t bytes = 0;
  for (const auto& pattern : patterns) bytes += pattern.size();
  MUST(bytes < UINT32_MAX);
  texts_.reserve(bytes);
  patterns_.reserve(patterns.size());
  PieceCounts shared(bytes);
  std::vector<std::uint32_t> globs, exact;
  for (std::uint32_t i = 0; i < patterns.size(); ++i) {
    const auto& pattern = patterns[i];
    patterns_.push_back(
        {static_cast<std::uint32_t>(texts_.size()), static_cast<std::uint16_t>(pattern.size()), GlobShape::of(pattern)});
    texts_ += pattern;
    if (pattern.starts_with('~')) {
      expressions_.push_back(i);
    } else if (patterns_[i].shape.exact()) {
      exact.push_back(i);
    } else {
      globs.push_back(i);
      for (const auto literal : literals_of(pattern)) each_piece(literal, [&](std::string_view piece) { shared.add(piece); });
    }
  }
  index_exact(exact);
  std::vector<std::pair<std::string_view, std::uint32_t>> chosen;
  for (const auto i : globs) {
    std::string_view best;
    std::uint32_t least = UINT32_MAX;
    for (const auto literal : literals_of(text_of(i))) {
      each_piece(literal, [&](std::string_view piece) {
        if (const auto cost = shared.cost(piece); cost < least) {
          best = piece;
          least = cost;
        }
      });
    }
    if (best.empty()) without_literal_.push_back(i);
    else chosen.emplace_back(best, i);
  }
  std::ranges::sort(chosen);
  for (const auto& [literal, pattern] : chosen) {
    if (literals_.empty() || literals_.back() != literal) {
      literals_.push_back(literal);
      starts_.push_back(static_cast<std::uint32_t>(by_literal_.size()));
    }
    by_literal_.push_back(pattern);
  }
  starts_.push_back(static_cast<std::uint32_t>(by_literal_.size()));
}

void Matcher::index_exact(const std::vector<std::uint32_t>& exact) {
  if (exact.empty()) return;
  exact_.resize(std::bit_ceil(2 * exact.size()));
  for (const auto pattern : exact) {
    const auto hash = std::hash<std::string_view>()(text_of(pattern));
    auto at = hash & (exact_.size() - 1);
    while (exact_[at].pattern != 0) at = (at + 1) & (exact_.size() - 1);
    exact_[at] = {static_cast<std::uint32_t>(hash >> 32), pattern + 1};
  }
}

void Matcher::find_exact(std::string_view text, std::vector<std::uint32_t>& found) const {
  if (exact_.empty()) return;
  const auto hash = std::hash<std::string_view>()(text);
  for (auto at = hash & (exact_.size() - 1); exact_[at].pattern != 0; at = (at + 1) & (exact_.size() - 1)) {
    if (exact_[at].hash == static_cast<std::uint32_t>(hash >> 32) && text_of(exact_[at].pattern - 1) == text)
      return found.push_back(exact_[at].pattern - 1);
  }
}

std::optional<Matcher::Refusal> Matcher::compile(const Options& options) {
  const auto make_database = [&](const Source& source, Database& into, unsigned& compiled) -> std::optional<Refusal> {
    if (source.texts.empty()) return std::nullopt;
    const DatabaseFolder kept(options.disk, options.folder);
    const auto name = name_of(source);
    if (const auto bytes = kept.read(name)) into.reset(deserialize(*bytes));
    if (into) return std::nullopt;
    compiled = 1;
    const bool quick = source.literals && source.texts.size() <= kQuickLiterals;
    const auto said = quick || !options.own_process ? Result(compile_to_text(source))
                                                    : run_bounded([&source] { return compile_to_text(source); }, options.bounds);
    if (!said) return Refusal{std::nullopt, "compiling the patterns: " + said.error().what};
    if (!said->starts_with('+')) return refusal(std::string_view(*said).substr(std::min<std::size_t>(1, said->size())));
    const auto bytes = std::string_view(*said).substr(1);
    into.reset(deserialize(bytes));
    if (!into) return Refusal{std::nullopt, "the compiled patterns cannot be loaded"};
    kept.write(name, bytes);
    return std::nullopt;
  };
  Source literals{true, {literals_.begin(), literals_.end()}}, expressions;
  for (const auto i : expressions_) expressions.texts.push_back(whole(text_of(i).substr(1)));
  // Each in a process of its own, so at the same time.
  unsigned compiled_expressions = 0;
  std::optional<Refusal> refused;
  std::thread beside([&] { refused = make_database(expressions, expression_database_, compiled_expressions); });
  auto refused_literals = make_database(literals, literal_database_, compiled_);
  beside.join();
  compiled_ += compiled_expressions;
  if (refused_literals) return Refusal{std::nullopt, std::move(refused_literals->what)};
  if (refused) {
    if (refused->pattern) *refused->pattern = expressions_[std::min(*refused->pattern, expressions_.size() - 1)];
    return refused;
  }
  for (const auto* database : {literal_database_.get(), expression_database_.get()}) {
    if (database && ::hs_alloc_scratch(database, &scratch_) != HS_SUCCESS)
      return Refusal{std::nullopt, "there is no memory to match with"};
  }
  return std::nullopt;
}

std::variant<std::unique_ptr<const Matcher>, Matcher::Refusal> Matcher::make(std::vector<std::string> patterns,
                                                                             const Options& options) {
  std::unique_ptr<Matcher> matcher(new Matcher);
  matcher->sort_patterns(patterns);
  if (matcher->expressions_.size() > kMostExpressions)
    return Refusal{matcher->expressions_[kMostExpressions], "there are more than " + std::to_string(kMostExpressions) +
                                                                " regular expressions; patterns with * and ** have no limit"};
  if (auto refused = matcher->compile(options)) return *std::move(refused);
  return std::unique_ptr<const Matcher>(std::move(matcher));
}

Matcher::~Matcher() {
  for (auto& place : spare_) {
    if (auto* scratch = place.load()) ::hs_free_scratch(scratch);
  }
  if (scratch_) ::hs_free_scratch(scratch_);
}

void Matcher::match(std::string_view text, std::vector<std::uint32_t>& found) const {
  find_exact(text, found);
  for (const auto i : without_literal_) {
    if (matches(i, text)) found.push_back(i);
  }
  if (!scratch_) return;
  struct Scan {
    const Matcher& matcher;
    std::string_view text;
    std::vector<std::uint32_t>& found;
  } scan{*this, text, found};
  const Borrowed scratch(*this);
  const auto size = static_cast<unsigned>(text.size());
  const auto on_literal = [](unsigned id, unsigned long long, unsigned long long, unsigned, void* context) {
    const auto& [matcher, name, out] = *static_cast<Scan*>(context);
    for (auto at = matcher.starts_[id]; at < matcher.starts_[id + 1]; ++at) {
      if (const auto pattern = matcher.by_literal_[at]; matcher.matches(pattern, name)) out.push_back(pattern);
    }
    return 0;
  };
  const auto on_expression = [](unsigned id, unsigned long long, unsigned long long, unsigned, void* context) {
    const auto& [matcher, name, out] = *static_cast<Scan*>(context);
    out.push_back(matcher.expressions_[id]);
    return 0;
  };
  // A scan fails only for a scratch or a database that is none.
  if (literal_database_)
    MUST(::hs_scan(literal_database_.get(), text.data(), size, 0, scratch.get(), on_literal, &scan) == HS_SUCCESS);
  if (expression_database_)
    MUST(::hs_scan(expression_database_.get(), text.data(), size, 0, scratch.get(), on_expression, &scan) == HS_SUCCESS);
}

}  // namespace weir
