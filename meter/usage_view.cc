#include "meter/usage_view.h"

#include <algorithm>
#include <map>

#include "base/file_system.h"
#include "meter/cells.h"
#include "meter/usage_writer.h"

namespace weir {

Result<UsageView> UsageView::open(const std::string& directory) {
  const UsageLayout layout{directory};
  UsageView view;
  auto ledger = Ledger::open({.directory = layout.ledger(), .read_only = true});
  if (!ledger) {
    if (ledger.error().failure == Failure::not_found)
      return Error{Failure::not_found, Side::local, false, "no usage was counted in " + directory};
    return std::move(ledger).error();
  }
  view.ledger_ = *std::move(ledger);
  // A block may come into use between the two looks; then once more.
  for (int turn = 0; turn < 4; ++turn) {
    if (view.look(directory)) break;
  }
  view.find_bounds();
  return view;
}

// The files are opened first: one that ends meanwhile is counted whole in the snapshot, which then says that it is not live.
// False: the snapshot knows a block that was not there yet.
bool UsageView::look(const std::string& directory) {
  const UsageLayout layout{directory};
  std::map<std::uint64_t, std::unique_ptr<CellBlock>> blocks;
  RealFileSystem disk;
  if (const auto files = disk.list(layout.cells())) {
    for (const auto& file : *files) {
      const auto epoch = UsageLayout::epoch(file.name);
      if (!epoch) continue;
      if (auto block = CellBlock::read(layout.cell(*epoch)); block && (*block)->epoch() == *epoch)
        blocks[*epoch] = *std::move(block);
    }
  }
  series_.clear();
  snapshot_.reset();
  snapshot_ = std::make_unique<Ledger::Snapshot>(*ledger_);
  series_ = snapshot_->series();
  pending_.clear();
  fresh_.clear();
  bool all = true;
  for (const auto epoch : snapshot_->epochs()) {
    const auto found = blocks.find(epoch);
    if (found == blocks.end()) {
      all = false;
      continue;
    }
    const auto folded = snapshot_->folded(epoch);
    found->second->each([&](std::uint32_t cell, HourNumber hour, const UsageKey& key, const Usage& now) {
      const auto before = folded.find(cell);
      const Usage had = before == folded.end() ? Usage{} : before->second;
      if (now.requests < had.requests || now.amount < had.amount || now == had) return;
      const auto [place, first] = fresh_.try_emplace(Series(key), static_cast<SeriesNumber>(series_.size()));
      if (first) series_.push_back(place->first.key());
      pending_.push_back({hour, place->second, now - had});
    });
  }
  return all;
}

void UsageView::rows(HourNumber from, HourNumber to, Grain coarsest, const Ledger::Snapshot::Visit& visit) const {
  snapshot_->rows(from, to, coarsest, visit);
  for (const auto& each : pending_) {
    if (each.hour >= from && each.hour < to) visit({Grain::hour, each.hour}, each.series, each.usage);
  }
}

void UsageView::find_bounds() {
  const auto first = snapshot_->begin();
  const auto last = snapshot_->end();
  begin_ = first.value_or(kNoEnd);
  end_ = last.value_or(0);
  for (const auto& each : pending_) {
    begin_ = std::min(begin_, each.hour);
    end_ = std::max(end_, each.hour + 1);
  }
  if (begin_ > end_) begin_ = end_ = 0;
}

}  // namespace weir
