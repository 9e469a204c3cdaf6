#include "cache/fill_table.h"

namespace weir {

FillTable::Entry FillTable::start_or_join(const Digest& digest, const Name& repository) {
  std::lock_guard lock(mutex_);
  // One that has failed is only not taken out yet; one over a stored blob brings nothing when that is forgotten.
  const auto found = fills_.find(digest);
  const bool comes = found != fills_.end() && !found->second->stored() && found->second->progress().state != Fill::State::failed;
  if (comes) return {found->second, false};
  // A fill leaves this table only after its index commit, so one of the two always knows it.
  if (store_.index().blob(digest)) return {};
  auto fill = std::make_shared<Fill>(store_, digest, repository);
  fills_.insert_or_assign(digest, fill);
  return {std::move(fill), true};
}

FillTable::Entry FillTable::recheck(const Digest& digest, const Name& repository, const OpenBlob& stored) {
  std::lock_guard lock(mutex_);
  auto& fill = fills_[digest];
  if (fill && fill->progress().state != Fill::State::failed) return {fill, false};
  fill = std::make_shared<Fill>(store_, digest, repository, stored);
  return {fill, true};
}

std::shared_ptr<Fill> FillTable::find(const Digest& digest) const {
  std::lock_guard lock(mutex_);
  const auto found = fills_.find(digest);
  return found == fills_.end() ? nullptr : found->second;
}

void FillTable::finish(const std::shared_ptr<Fill>& fill) {
  std::lock_guard lock(mutex_);
  if (const auto found = fills_.find(fill->digest()); found != fills_.end() && found->second == fill) fills_.erase(found);
}

std::size_t FillTable::size() const {
  std::lock_guard lock(mutex_);
  return fills_.size();
}

}  // namespace weir
