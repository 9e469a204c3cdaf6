#include "meter/cells.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace weir {
namespace {

constexpr std::uint64_t kCellMagic = 0x31'6c'6c'65'63'72'69'77;  // "wircell1"
constexpr std::size_t kPage = 4096;
constexpr std::size_t kOverflows = kOutcomeNames.size() * kDirectionNames.size();

// Written by one thread, read by others.
struct GrowingFigure {
  std::atomic<std::uint64_t> value{0};
  void add(std::uint64_t amount) noexcept {
    value.store(value.load(std::memory_order_relaxed) + amount, std::memory_order_relaxed);
  }
  std::uint64_t get() const noexcept { return value.load(std::memory_order_relaxed); }
};

// FNV-1a, which finds what a torn page does to a key.
std::uint64_t cell_checksum(HourNumber hour, std::string_view series) {
  std::uint64_t sum = 0xcbf29ce484222325ull;
  const auto mix = [&sum](unsigned char byte) { sum = (sum ^ byte) * 0x100000001b3ull; };
  for (unsigned shift = 0; shift < 32; shift += 8) mix(static_cast<unsigned char>(hour >> shift));
  for (const char c : series) mix(static_cast<unsigned char>(c));
  return sum | 1;
}

}  // namespace

struct CellBlock::Header {
  std::uint64_t magic = 0;
  std::uint64_t epoch = 0;
  std::uint32_t slots = 0, text = 0;
  std::atomic<std::uint32_t> used{0};      // slots whose keys are whole
  std::atomic<std::uint32_t> hour{0};      // of the latest overflow
  std::atomic<std::uint32_t> text_used{0};
  GrowingFigure overflow_requests[kOverflows], overflow_amounts[kOverflows];
};

struct alignas(64) CellBlock::Slot {
  HourNumber hour = 0;
  std::uint32_t offset = 0, length = 0;  // of its key, in text()
  std::uint64_t checksum = 0;
  GrowingFigure requests, amount;
};

std::uint64_t CellBlock::Size::bytes() const { return kPage + std::uint64_t{slots} * sizeof(Slot) + text; }
CellBlock::Slot* CellBlock::slots() const noexcept { return reinterpret_cast<Slot*>(static_cast<char*>(memory_) + kPage); }
char* CellBlock::text() const noexcept { return static_cast<char*>(memory_) + kPage + std::size_t{size_.slots} * sizeof(Slot); }

// The memory is zero: every figure in it is one.
void CellBlock::begin(CellBlock& block, std::uint64_t epoch, Size size) {
  static_assert(sizeof(Header) <= kPage && std::atomic<std::uint64_t>::is_always_lock_free);
  block.epoch_ = epoch;
  block.size_ = size;
  Header& header = block.header();
  header.epoch = epoch;
  header.slots = size.slots;
  header.text = size.text;
  header.magic = kCellMagic;
}

Result<std::unique_ptr<CellBlock>> CellBlock::create(const std::string& path, std::uint64_t epoch, Size size) {
  const UniqueFd file(::open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!file.valid()) return system_error(errno, "make " + path);
  const auto bytes = size.bytes();
  const int code = ::posix_fallocate(file.get(), 0, static_cast<off_t>(bytes));
  void* memory = code == 0 ? ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file.get(), 0) : MAP_FAILED;
  if (memory == MAP_FAILED) {
    const auto error = system_error(code != 0 ? code : errno, "make room for " + path);
    ::unlink(path.c_str());
    return error;
  }
  auto block = std::unique_ptr<CellBlock>(new CellBlock(memory, bytes));
  begin(*block, epoch, size);
  return block;
}

std::unique_ptr<CellBlock> CellBlock::in_memory(Size size) {
  const auto bytes = size.bytes();
  void* memory = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  MUST(memory != MAP_FAILED);
  auto block = std::unique_ptr<CellBlock>(new CellBlock(memory, bytes));
  begin(*block, 0, size);
  return block;
}

Result<std::unique_ptr<CellBlock>> CellBlock::read(const std::string& path) {
  const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!file.valid()) return system_error(errno, "open " + path);
  struct stat status{};
  if (::fstat(file.get(), &status) != 0) return system_error(errno, "look at " + path);
  const Error corrupt{Failure::corrupt, Side::local, false, path + " is no block of counters"};
  const auto bytes = static_cast<std::size_t>(status.st_size);
  if (bytes < kPage) return corrupt;
  void* memory = ::mmap(nullptr, bytes, PROT_READ, MAP_SHARED, file.get(), 0);
  if (memory == MAP_FAILED) return system_error(errno, "map " + path);
  auto block = std::unique_ptr<CellBlock>(new CellBlock(memory, bytes));
  const Header& header = block->header();
  block->size_ = {header.slots, header.text};
  block->epoch_ = header.epoch;
  if (header.magic != kCellMagic || block->size_.bytes() != bytes) return corrupt;
  return block;
}

CellBlock::~CellBlock() { ::munmap(memory_, bytes_); }

CellBlock::Slot* CellBlock::insert(HourNumber hour, std::string_view series, UsageKey& key, Use use) {
  Header& own = header();
  const auto used = own.used.load(std::memory_order_relaxed);
  const auto slots_kept = use == Use::named ? size_.slots / 8 : 0, text_kept = use == Use::named ? size_.text / 8 : 0;
  if (used + slots_kept >= size_.slots || size_.text - text_used_ < series.size() + text_kept) {
    own.text_used.store(size_.text, std::memory_order_relaxed);
    return nullptr;
  }
  Slot& slot = slots()[used];
  slot.hour = hour;
  slot.offset = text_used_;
  slot.length = static_cast<std::uint32_t>(series.size());
  std::memcpy(text() + text_used_, series.data(), series.size());
  slot.checksum = cell_checksum(hour, series);
  MUST(decode_series({text() + text_used_, series.size()}, key));
  text_used_ += slot.length;
  own.text_used.store(text_used_, std::memory_order_relaxed);
  own.used.store(used + 1, std::memory_order_release);
  return &slot;
}

void CellBlock::add(Slot& slot, const Usage& usage) noexcept {
  slot.requests.add(usage.requests);
  slot.amount.add(usage.amount);
}

void CellBlock::add_overflow(HourNumber hour, Outcome outcome, Direction direction, const Usage& usage) noexcept {
  const auto at = static_cast<std::size_t>(outcome) * kDirectionNames.size() + static_cast<std::size_t>(direction);
  header().hour.store(hour, std::memory_order_relaxed);
  header().overflow_requests[at].add(usage.requests);
  header().overflow_amounts[at].add(usage.amount);
}

bool CellBlock::filling() const noexcept {
  return header().used.load(std::memory_order_relaxed) >= size_.slots / 2 ||
         header().text_used.load(std::memory_order_relaxed) >= size_.text / 2;
}

void CellBlock::each(const Visit& visit) const {
  const auto used = std::min(header().used.load(std::memory_order_acquire), size_.slots);
  for (std::uint32_t i = 0; i < used; ++i) {
    const Slot& slot = slots()[i];
    if (slot.offset > size_.text || size_.text - slot.offset < slot.length) continue;
    const std::string_view series(text() + slot.offset, slot.length);
    UsageKey key;
    if (slot.checksum != cell_checksum(slot.hour, series) || !decode_series(series, key)) continue;
    visit(i, slot.hour, key, {slot.requests.get(), slot.amount.get()});
  }
  for (std::uint32_t i = 0; i < kOverflows; ++i) {
    const Usage usage{header().overflow_requests[i].get(), header().overflow_amounts[i].get()};
    if (usage.none()) continue;
    const UsageKey key{kOther,
                       kOther,
                       kOther,
                       kOther,
                       static_cast<Outcome>(i / kDirectionNames.size()),
                       static_cast<Direction>(i % kDirectionNames.size())};
    visit(size_.slots + i, header().hour.load(std::memory_order_relaxed), key, usage);
  }
}

// ---- UsageRecorder --------------------------------------------------------------------------------

std::size_t UsageRecorder::Hash::operator()(const UsageKey& key) const noexcept {
  const std::hash<std::string_view> hash;
  auto mixed = hash(key.repository) * 3 + static_cast<std::size_t>(key.outcome) * 4 + static_cast<std::size_t>(key.direction);
  mixed = (mixed << 7 | mixed >> 57) ^ hash(key.identity);
  return (mixed << 7 | mixed >> 57) ^ hash(key.upstream);
}

UsageRecorder::UsageRecorder(const Clock& clock, CellBlock* first, std::shared_ptr<const Teams> teams)
    : clock_(clock), current_(first), teams_(std::move(teams)) {}

void UsageRecorder::add(const UsageKey& given, const Usage& usage) {
  if (const auto hour = hour_of(clock_.wall_seconds()); hour != hour_) {
    hour_ = hour;
    forget_slots();
  }
  UsageKey key = given;
  key.identity = key.identity.substr(0, kMostIdentityBytes);
  key.repository = key.repository.substr(0, kMostRepositoryBytes);
  key.upstream = key.upstream.substr(0, kMostUpstreamBytes);
  key.team = {};
  const auto found = slots_.find(key);
  auto* slot = found != slots_.end() ? found->second : insert(key);
  if (!slot) slot = nameless(key);
  if (slot) CellBlock::add(*slot, usage);
  else current_->add_overflow(hour_, key.outcome, key.direction, usage);
  if (key.direction == Direction::received && charge_) {
    key.team = teams_->of(key.identity);
    charge_(hour_, key, usage);
  }
}

void UsageRecorder::forget_slots() {
  slots_.clear();
  nameless_.clear();
}

// There are as many of these as teams and upstreams are configured, whatever names clients make up.
CellBlock::Slot* UsageRecorder::nameless(const UsageKey& given) {
  const UsageKey key{kOther, teams_->of(given.identity), kOther, given.upstream, given.outcome, given.direction};
  if (const auto found = nameless_.find(key); found != nameless_.end()) return found->second;
  encode_series(key, scratch_);
  UsageKey kept;
  auto* slot = current_->insert(hour_, scratch_, kept, CellBlock::Use::nameless);
  if (slot) nameless_.emplace(kept, slot);
  return slot;
}

CellBlock::Slot* UsageRecorder::insert(const UsageKey& given) {
  if (auto* next = offered_.exchange(nullptr, std::memory_order_acq_rel)) {
    current_->leave();
    current_ = next;
    forget_slots();
  }
  UsageKey key = given;
  key.team = teams_->of(key.identity);
  encode_series(key, scratch_);
  UsageKey kept;
  auto* slot = current_->insert(hour_, scratch_, kept);
  if (!slot) return nullptr;
  kept.team = {};
  slots_.emplace(kept, slot);
  return slot;
}

void UsageRecorder::set_teams(std::shared_ptr<const Teams> teams) {
  teams_ = std::move(teams);
  forget_slots();
}

bool UsageRecorder::offer(CellBlock* next) {
  CellBlock* none = nullptr;
  return offered_.compare_exchange_strong(none, next, std::memory_order_acq_rel);
}

}  // namespace weir
