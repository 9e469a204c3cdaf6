#include "meter/usage_writer.h"

#include <unistd.h>

#include <algorithm>
#include <set>

#include "base/file_system.h"
#include "base/text.h"

namespace weir {
namespace {

// Cells in one transaction, and rows that are trimmed in one: some milliseconds each.
constexpr std::size_t kMostCellsAtOnce = 5000;
constexpr std::size_t kMostTrimmedAtOnce = 5000;
// Of a block; whatever a damaged file says.
constexpr std::uint32_t kMostCells = 1 << 20;
constexpr HourNumber kDaysKeptFor = 10;  // times as long as hours

}  // namespace

std::optional<std::uint64_t> UsageLayout::epoch(std::string_view file_name) { return parse_number(file_name); }

UsageWriter::UsageWriter(const Clock& clock, Log* log, const Options& options)
    : clock_(clock), log_(log), options_(options), layout_{options.directory} {}

Result<std::unique_ptr<UsageWriter>> UsageWriter::open(const Clock& clock, Log* log, const Options& options) {
  auto writer = std::unique_ptr<UsageWriter>(new UsageWriter(clock, log, options));
  RealFileSystem disk;
  for (const auto& folder : {options.directory, writer->layout_.ledger(), writer->layout_.cells()}) {
    if (auto made = disk.make_directories(folder); !made) return std::move(made).error();
  }
  auto ledger = Ledger::open(
      {.directory = writer->layout_.ledger(), .durable = options.durable, .max_series = options.meter.max_series});
  if (!ledger) return std::move(ledger).error();
  writer->ledger_ = *std::move(ledger);
  if (auto taken = writer->take_over(); !taken) return std::move(taken).error();
  auto teams = std::make_shared<const Teams>(options.meter.teams);
  for (unsigned i = 0; i < options.loops; ++i) {
    auto block = writer->make_block();
    writer->recorders_.push_back(std::make_unique<UsageRecorder>(clock, block->cells.get(), teams));
    block->owner = writer->recorders_.back().get();
    writer->blocks_.push_back(std::move(block));
  }
  return writer;
}

// The files of live epochs are counted and go; all others just go.
Status UsageWriter::take_over() {
  RealFileSystem disk;
  const auto files = disk.list(layout_.cells());
  if (!files) return files.error();
  std::set<std::uint64_t> live;
  {
    const Ledger::Snapshot snapshot(*ledger_);
    for (const auto epoch : snapshot.epochs()) live.insert(epoch);
  }
  for (const auto& file : *files) {
    const auto epoch = UsageLayout::epoch(file.name);
    if (!epoch || !live.contains(*epoch)) continue;
    auto cells = CellBlock::read(layout_.cell(*epoch));
    if (!cells && cells.error().failure != Failure::corrupt) return std::move(cells).error();
    if (!cells || (*cells)->epoch() != *epoch) continue;  // the machine died before the kernel had written its first page
    Block block{*std::move(cells), {}, nullptr, false};
    {
      const Ledger::Snapshot snapshot(*ledger_);
      for (const auto& [cell, usage] : snapshot.folded(*epoch)) {
        if (cell > kMostCells) continue;
        if (cell >= block.folded.size()) block.folded.resize(cell + 1);
        block.folded[cell] = usage;
      }
    }
    if (auto folded = fold_block(block, true); !folded) return folded;
    live.erase(*epoch);
  }
  if (!live.empty()) {
    Ledger::Fold fold(*ledger_);
    for (const auto epoch : live) {
      if (auto ended = fold.end_epoch(epoch); !ended) return ended;
    }
    if (auto committed = fold.commit(); !committed) return committed;
  }
  for (const auto& file : *files) {
    if (auto removed = disk.remove(layout_.cells() + '/' + file.name); !removed) return removed;
  }
  return ok_status();
}

// In memory where neither the ledger nor the disk has room for a new one.
std::unique_ptr<UsageWriter::Block> UsageWriter::make_block() {
  auto block = std::make_unique<Block>();
  Ledger::Fold fold(*ledger_);
  const auto epoch = fold.begin_epoch();
  if (epoch) {
    auto cells = CellBlock::create(layout_.cell(*epoch), *epoch, options_.block);
    if (cells && fold.commit()) block->cells = *std::move(cells);
    else ::unlink(layout_.cell(*epoch).c_str());
    if (block->cells) files_.fetch_add(1);
  }
  if (!block->cells) block->cells = CellBlock::in_memory(options_.block);
  return block;
}

// What has grown, in transactions of so many cells. `last`: nothing will grow any more, and the epoch ends with its last cell.
Status UsageWriter::fold_block(Block& block, bool last) {
  struct Grown {
    std::uint32_t cell;
    HourNumber hour;
    UsageKey key;
    Usage now;
  };
  std::vector<Grown> grown;
  block.cells->each([&](std::uint32_t cell, HourNumber hour, const UsageKey& key, const Usage& now) {
    const Usage before = cell < block.folded.size() ? block.folded[cell] : Usage{};
    // One that is behind what the ledger has: the machine lost its power.
    if (now.requests < before.requests || now.amount < before.amount || now == before) return;
    grown.push_back({cell, hour, key, now});
  });
  const auto epoch = block.cells->epoch();
  for (std::size_t from = 0; from < grown.size() || last; from += kMostCellsAtOnce) {
    const auto until = std::min(grown.size(), from + kMostCellsAtOnce);
    const bool end = until == grown.size();
    Ledger::Fold fold(*ledger_);
    for (auto i = from; i < until; ++i) {
      const auto& [cell, hour, key, now] = grown[i];
      const Usage before = cell < block.folded.size() ? block.folded[cell] : Usage{};
      if (auto added = fold.add(hour, key, now - before); !added) return added;
      if (epoch == 0) continue;
      if (auto noted = fold.note_folded(epoch, cell, now); !noted) return noted;
    }
    if (last && end && epoch > 0) {
      if (auto ended = fold.end_epoch(epoch); !ended) return ended;
    }
    if (auto committed = fold.commit(); !committed) return committed;
    for (auto i = from; i < until; ++i) {
      const auto cell = grown[i].cell;
      if (cell >= block.folded.size()) block.folded.resize(cell + 1);
      block.folded[cell] = grown[i].now;
    }
    if (end) break;
  }
  return ok_status();
}

Status UsageWriter::fold_locked() {
  for (auto block = blocks_.begin(); block != blocks_.end();) {
    // Asked for before the cells are read: then these have all there ever will be.
    const bool left = (*block)->cells->left();
    if (auto folded = fold_block(**block, left); !folded) return folded;
    if (!left) {
      ++block;
      continue;
    }
    const auto epoch = (*block)->cells->epoch();
    if (epoch > 0) {
      ::unlink(layout_.cell(epoch).c_str());
      files_.fetch_sub(1);
    }
    block = blocks_.erase(block);
  }
  return ok_status();
}

// A block in memory is to be one of the disk's again, as soon as that takes one.
void UsageWriter::refill() {
  std::vector<std::unique_ptr<Block>> fresh;
  for (auto& block : blocks_) {
    if (!block->owner || block->refilled || block->owner->has_offer()) continue;
    const bool in_memory = block->cells->epoch() == 0;
    if (!in_memory && !block->cells->filling()) continue;
    auto next = make_block();
    if (in_memory && next->cells->epoch() == 0 && !block->cells->filling()) continue;
    next->owner = block->owner;
    block->refilled = block->owner->offer(next->cells.get());
    if (block->refilled) fresh.push_back(std::move(next));
  }
  for (auto& block : fresh) blocks_.push_back(std::move(block));
}

void UsageWriter::trim() {
  const auto now = hour_of(clock_.wall_seconds());
  if (now == trimmed_) return;
  const auto kept = static_cast<HourNumber>(std::chrono::ceil<std::chrono::hours>(options_.meter.retention).count());
  const auto hours_from = now > kept ? now - kept : 0;
  const auto days_from = now > kept * kDaysKeptFor ? day_of(now - kept * kDaysKeptFor) : 0;
  Ledger::Fold fold(*ledger_);
  const auto removed = fold.trim(hours_from, days_from, kMostTrimmedAtOnce);
  if (!removed || (*removed > 0 && !fold.commit())) return;
  if (*removed < kMostTrimmedAtOnce) trimmed_ = now;
}

Status UsageWriter::fold() {
  std::lock_guard lock(folding_);
  auto status = fold_locked();
  if (!status && !std::exchange(failing_, true) && log_)
    log_->error("usage cannot be written to the ledger; it is counted on in memory", {{"error", status.error().what}});
  if (status && std::exchange(failing_, false) && log_) log_->info("usage is written to the ledger again");
  refill();  // also when the ledger takes nothing: then what is new is counted in memory
  if (status) trim();
  if (folded_) folded_();
  return status;
}

bool UsageWriter::stored_noted(HourNumber hour) {
  std::lock_guard lock(folding_);
  return Ledger::Fold(*ledger_).sampled() >= hour;
}

Status UsageWriter::note_stored(HourNumber hour, const std::vector<Stored>& stored) {
  std::lock_guard lock(folding_);
  Ledger::Fold fold(*ledger_);
  if (fold.sampled() >= hour) return ok_status();
  for (const auto& each : stored) {
    const UsageKey key{"", "", each.repository, each.upstream, Outcome::bypass, Direction::stored};
    if (auto added = fold.add(hour, key, {0, each.bytes}); !added) return added;
  }
  if (auto noted = fold.note_sampled(hour); !noted) return noted;
  return fold.commit();
}

void UsageWriter::start(std::function<void()> folded) {
  folded_ = std::move(folded);
  thread_ = std::thread([this] { serve(); });
}

void UsageWriter::serve() {
  std::unique_lock lock(mutex_);
  while (!changed_.wait_for(lock, options_.meter.flush_interval, [this] { return stopping_; })) {
    lock.unlock();
    const auto folded = fold();
    (void)folded;  // it was said, and is tried again
    lock.lock();
  }
}

UsageWriter::~UsageWriter() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
  // The blocks end in good order, so that the next start finds none.
  for (auto& block : blocks_) block->cells->leave();
  if (!ledger_) return;
  const auto folded = fold();
  (void)folded;  // what is not in the ledger yet is in the files
}

}  // namespace weir
