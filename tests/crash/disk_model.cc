#include "tests/crash/disk_model.h"

#include <algorithm>
#include <stdexcept>

namespace weir::testing {

// Bytes put at an offset, or a new size.
struct DiskModel::Change {
  bool resizes = false;
  std::uint64_t offset = 0;  // or the size
  std::string bytes = {};
  bool safe = false;

  void apply(std::string& to) const {
    if (resizes) {
      to.resize(offset);
      return;
    }
    if (to.size() < offset + bytes.size()) to.resize(offset + bytes.size());
    to.replace(offset, bytes.size(), bytes);
  }
};

struct DiskModel::NameChange {
  std::string name;
  NodePtr node;  // null: removed

  void apply(Names& to) const {
    if (node) to[name] = node;
    else to.erase(name);
  }
};

// What is safe, what the program sees, and the changes that lead from one to the other.
struct DiskModel::Node {
  DiskEntry::Kind kind = DiskEntry::Kind::file;
  std::uint64_t identity = 0;

  Bytes synced = std::make_shared<const std::string>();  // at the last sync
  Bytes safe = synced;                                   // and with the writes since then that synced themselves
  Bytes bytes = synced;                                  // and with all others
  std::vector<Change> changes = {};                      // since the last sync

  Names safe_names = {}, names = {};
  std::vector<NameChange> name_changes = {};

  void change(Change change) {
    const auto changed = [&change](const Bytes& old) {
      auto copy = std::make_shared<std::string>(*old);
      change.apply(*copy);
      return copy;
    };
    const bool all_safe = bytes == safe;
    bytes = changed(bytes);
    if (change.safe) safe = all_safe ? bytes : changed(safe);
    if (bytes == safe) synced = safe;  // nothing is left that could be lost
    else changes.push_back(std::move(change));
  }

  void sync() {
    synced = safe = bytes;
    changes.clear();
    safe_names = names;
    name_changes.clear();
  }
};

class DiskModel::Choice {
 public:
  Choice(Survives survives, std::uint64_t seed) : survives_(survives), random_(seed) {
    // Some crashes lose little, some nearly all.
    constexpr double kShares[] = {0.1, 0.5, 0.9};
    share_ = kShares[random_() % 3];
  }

  Bytes bytes(const Node& node) {
    if (survives_ == Survives::nothing || node.changes.empty()) return node.safe;
    if (survives_ == Survives::everything) return node.bytes;
    auto& chosen = chosen_[node.identity];  // both names of a file show the same
    if (!chosen) chosen = some_bytes(node);
    return chosen;
  }

  Names names(const Node& node) {
    if (survives_ != Survives::some) return survives_ == Survives::nothing ? node.safe_names : node.names;
    auto names = node.safe_names;
    for (const auto& change : node.name_changes) {
      if (luck()) change.apply(names);
    }
    return names;
  }

 private:
  bool luck() { return std::bernoulli_distribution(share_)(random_); }

  // In the order in which they were made: what is safe lies above whatever older change came through.
  Bytes some_bytes(const Node& node) {
    auto bytes = std::make_shared<std::string>(*node.synced);
    for (const auto& change : node.changes) {
      if (change.safe || luck()) change.apply(*bytes);
    }
    return bytes;
  }

  const Survives survives_;
  std::mt19937_64 random_;
  double share_;
  std::map<std::uint64_t, Bytes> chosen_;
};

DiskModel::DiskModel() : root_(std::make_shared<Node>(Node{.kind = DiskEntry::Kind::directory})) {}

DiskModel::Node& DiskModel::numbered(std::uint64_t inode) const {
  const auto found = numbers_.find(inode);
  if (found == numbers_.end()) throw std::logic_error("inode " + std::to_string(inode) + " was never made");
  return *found->second;
}

std::pair<DiskModel::Node*, std::string> DiskModel::parent_of(const std::string& path) const {
  Node* directory = root_.get();
  for (std::size_t begin = 1;;) {
    const auto end = path.find('/', begin);
    if (end == std::string::npos) return {directory, path.substr(begin)};
    const auto found = directory->names.find(path.substr(begin, end - begin));
    if (found == directory->names.end()) throw std::logic_error("there is no folder for " + path);
    directory = found->second.get();
    begin = end + 1;
  }
}

DiskModel::NodePtr DiskModel::named(const std::string& path) const {
  const auto [directory, name] = parent_of(path);
  const auto found = directory->names.find(name);
  if (found == directory->names.end()) throw std::logic_error("there is no " + path);
  return found->second;
}

void DiskModel::set_name(const std::string& path, NodePtr node) {
  const auto [directory, name] = parent_of(path);
  directory->name_changes.push_back({name, std::move(node)});
  directory->name_changes.back().apply(directory->names);
}

void DiskModel::add(const Step& step, DiskEntry::Kind kind) {
  auto node = std::make_shared<Node>(Node{.kind = kind, .identity = next_identity_++});
  numbers_[step.inode] = node;
  set_name(step.path, std::move(node));
}

void DiskModel::write(const Step& step) {
  auto& node = numbered(step.inode);
  for (std::uint64_t at = 0; at < step.bytes.size();) {
    const auto offset = step.number + at;
    const auto size = std::min<std::uint64_t>(step.bytes.size() - at, kBlock - offset % kBlock);
    node.change({.offset = offset, .bytes = step.bytes.substr(at, size), .safe = step.synced});
    at += size;
  }
}

void DiskModel::play(const Step& step) {
  switch (step.kind) {
    case StepKind::start: numbers_[step.inode] = root_; return;
    case StepKind::create: add(step, DiskEntry::Kind::file); return;
    case StepKind::socket: add(step, DiskEntry::Kind::socket); return;
    case StepKind::directory: add(step, DiskEntry::Kind::directory); return;
    case StepKind::write: write(step); return;
    case StepKind::resize: numbered(step.inode).change({.resizes = true, .offset = step.number}); return;
    case StepKind::sync: numbered(step.inode).sync(); return;
    case StepKind::link: set_name(step.other, named(step.path)); return;
    case StepKind::rename: {
      auto node = named(step.path);
      const auto [directory, name] = parent_of(step.other);
      const auto there = directory->names.find(name);
      if (there != directory->names.end() && there->second == node) return;  // two names of one file: both stay
      set_name(step.other, std::move(node));
      set_name(step.path, nullptr);
      return;
    }
    case StepKind::unlink:
    case StepKind::remove_directory:
      (void)named(step.path);
      set_name(step.path, nullptr);
      return;
    case StepKind::note: return;
  }
}

void DiskModel::list(const Node& directory, const std::string& path, Choice& choice, DiskContents& into) const {
  for (const auto& [name, node] : choice.names(directory)) {
    const auto place = path + '/' + name;
    into[place] = {node->kind, node->identity, node->kind == DiskEntry::Kind::file ? choice.bytes(*node) : nullptr};
    if (node->kind == DiskEntry::Kind::directory) list(*node, place, choice, into);
  }
}

DiskContents DiskModel::contents(Survives survives, std::uint64_t seed) const {
  Choice choice(survives, seed);
  DiskContents found;
  list(*root_, "", choice, found);
  return found;
}

}  // namespace weir::testing
