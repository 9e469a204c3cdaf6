#include "scan/image_inventory.h"

#include <algorithm>
#include <map>
#include <set>

#include "base/text.h"
#include "scan/file_kinds.h"
#include "scan/tar.h"

namespace weir {
namespace {

constexpr unsigned kMostHops = 40;

bool contains(const std::vector<std::uint64_t>& sorted, std::uint64_t hash) { return std::ranges::binary_search(sorted, hash); }

std::string_view parent_of(std::string_view path) {
  const auto slash = path.rfind('/');
  return slash == std::string_view::npos ? std::string_view() : path.substr(0, slash);
}

// What is known of each visible path, with links resolved in the folders above it.
class Tree {
 public:
  // The path with the links in its folders followed; nothing: they go in a circle or are too many. With `last` the final part
  // is followed as well.
  std::optional<std::string> resolve(std::string_view path, bool last) const {
    std::vector<std::string> rest;  // the parts that are still to be walked, the next one last
    const auto push = [&rest](std::string_view more) {
      const auto parts = split(more, '/');
      for (auto part = parts.rbegin(); part != parts.rend(); ++part) {
        if (!part->empty() && *part != ".") rest.emplace_back(*part);
      }
    };
    push(path);
    std::string at;
    unsigned hops = 0;
    while (!rest.empty()) {
      const auto part = std::move(rest.back());
      rest.pop_back();
      if (part == "..") {
        at = std::string(parent_of(at));  // above the root is the root
        continue;
      }
      auto next = at.empty() ? part : at + '/' + part;
      const auto link = last || !rest.empty() ? links_.find(next) : links_.end();
      if (link == links_.end()) {
        at = std::move(next);
        continue;
      }
      if (++hops > kMostHops) return std::nullopt;
      if (link->second.starts_with('/')) at.clear();
      push(link->second);
    }
    return at;
  }

  void add_link(const std::string& path, const std::string& target) { links_[path] = target; }

  // Forgets what the layer hides or replaces. `gone` says it of a path.
  template <typename Gone>
  void hide(const Gone& gone) {
    std::erase_if(databases, [&gone](const auto& each) { return gone(each.first); });
    std::erase_if(system_files, [&gone](const auto& each) { return gone(each.first); });
    std::erase_if(languages, [&gone](const auto& each) { return gone(each.first); });
    std::erase_if(links_, [&gone](const auto& each) { return gone(each.first); });
  }

  std::map<std::string, std::vector<Package>> databases, languages;  // by path; the latter by the file that says it
  std::map<std::string, std::string> system_files;

 private:
  std::map<std::string, std::string> links_;  // symbolic ones
};

// A jar in a jar is where the outer one is.
std::string_view file_of(std::string_view path) { return path.substr(0, path.find('!')); }

// Whether the layer has another file in the place of `path` or of a folder above it, or a folder in its place.
bool is_replaced(const LayerInventory& layer, std::string_view path) {
  if (contains(layer.folders, path_hash(path))) return true;
  for (; !path.empty(); path = parent_of(path)) {
    if (contains(layer.files, path_hash(path))) return true;
  }
  return false;
}

using Identity = std::string;
Identity identity_of(const Package& package) {
  Identity identity(1, static_cast<char>(package.type));
  for (const auto* part : {&package.space, &package.name, &package.version, &package.release, &package.architecture})
    identity.append(*part).append(1, '\0');
  return identity + std::to_string(package.epoch.value_or(0));
}

// What lay there before: a package that goes on without a gap keeps the layer that brought it.
std::map<Identity, std::string> layers_of(const std::map<std::string, std::vector<Package>>& items) {
  std::map<Identity, std::string> found;
  for (const auto& [path, packages] : items) {
    for (const auto& package : packages) found.emplace(identity_of(package), package.layer);
  }
  return found;
}

class Join {
 public:
  void add(const std::string& digest, const LayerInventory& layer);
  ImageInventory finish();

  ImageInventory image;

 private:
  void hide_lower(const LayerInventory& layer);
  void place(std::map<std::string, std::vector<Package>>& items, const std::string& path, std::vector<Package> packages,
             const std::map<Identity, std::string>& before, const std::string& digest);
  void add_hard_links(const LayerInventory& layer);
  bool is_owned(const Package& package) const;

  Tree tree_;
  std::vector<std::uint64_t> owned_;
};

void Join::hide_lower(const LayerInventory& layer) {
  std::set<std::string> whiteouts, opaque;
  for (const auto& path : layer.whiteouts) {
    if (const auto resolved = tree_.resolve(path, false)) whiteouts.insert(*resolved);
  }
  for (const auto& path : layer.opaque) {
    if (const auto resolved = tree_.resolve(path, true)) opaque.insert(*resolved);
  }
  tree_.hide([&](std::string_view path) {
    if (is_replaced(layer, path)) return true;
    for (auto each = path; !each.empty(); each = parent_of(each)) {
      if (whiteouts.contains(std::string(each))) return true;
      if (opaque.contains(std::string(parent_of(each)))) return true;
    }
    return false;
  });
}

void Join::place(std::map<std::string, std::vector<Package>>& items, const std::string& path, std::vector<Package> packages,
                 const std::map<Identity, std::string>& before, const std::string& digest) {
  const auto resolved = tree_.resolve(path, false);
  if (!resolved) {
    image.complete = false;
    image.problems.push_back(digest + ": the folders of " + path + " are links that go in a circle");
    return;
  }
  for (auto& package : packages) {
    const auto known = before.find(identity_of(package));
    package.layer = known == before.end() ? digest : known->second;
  }
  items[*resolved] = std::move(packages);
}

// A hard link takes what was found in its target.
void Join::add_hard_links(const LayerInventory& layer) {
  for (const auto& link : layer.links) {
    if (!link.hard || file_kind(link.path) == FileKind::other) continue;
    const auto from = tree_.resolve(link.target, false), to = tree_.resolve(link.path, false);
    if (!from || !to || *from == *to) continue;
    if (const auto file = tree_.system_files.find(*from); file != tree_.system_files.end())
      tree_.system_files[*to] = file->second;
    for (auto* items : {&tree_.databases, &tree_.languages}) {
      const auto found = items->find(*from);
      if (found == items->end()) continue;
      auto packages = found->second;
      for (auto& package : packages) package.path = *to;
      (*items)[*to] = std::move(packages);
    }
  }
}

void Join::add(const std::string& digest, const LayerInventory& layer) {
  const auto databases_before = layers_of(tree_.databases), languages_before = layers_of(tree_.languages);
  hide_lower(layer);
  for (const auto& link : layer.links) {
    if (link.hard) continue;
    if (const auto resolved = tree_.resolve(link.path, false)) tree_.add_link(*resolved, link.target);
  }
  for (const auto& file : layer.system_files) {
    if (const auto resolved = tree_.resolve(file.path, false)) tree_.system_files[*resolved] = file.content;
  }
  for (const auto& database : layer.databases) place(tree_.databases, database.path, database.packages, databases_before, digest);
  std::map<std::string, std::vector<Package>> by_file;
  for (const auto& package : layer.packages) by_file[std::string(file_of(package.path))].push_back(package);
  for (auto& [path, packages] : by_file) place(tree_.languages, path, std::move(packages), languages_before, digest);
  add_hard_links(layer);
  owned_.insert(owned_.end(), layer.owned.begin(), layer.owned.end());
}

bool Join::is_owned(const Package& package) const {
  const auto path = file_of(package.path);
  if (contains(owned_, path_hash(path))) return true;
  // Packages from before the merge of /usr name their files without it.
  return path.starts_with("usr/") && contains(owned_, path_hash(path.substr(4)));
}

ImageInventory Join::finish() {
  std::ranges::sort(owned_);
  const auto read = [this](std::string_view path) -> std::optional<std::string> {
    const auto resolved = tree_.resolve(path, true);
    const auto file = resolved ? tree_.system_files.find(*resolved) : tree_.system_files.end();
    if (file == tree_.system_files.end()) return std::nullopt;
    return file->second;
  };
  std::vector<std::string> manifests;
  for (const auto& [path, content] : tree_.system_files) {
    if (path.find("content_manifests/") != std::string::npos) manifests.push_back(content);
  }
  image.distribution = find_distribution(read, manifests);
  // rpm, dpkg and apk may each be there in two places that are one; a package counts once.
  std::set<Identity> seen;
  for (auto& [path, packages] : tree_.databases) {
    for (auto& package : packages) {
      if (seen.insert(identity_of(package)).second) image.packages.push_back(std::move(package));
    }
  }
  image.system_packages = image.packages.size();
  for (auto& [path, packages] : tree_.languages) {
    for (auto& package : packages) {
      if (!is_owned(package)) image.packages.push_back(std::move(package));
    }
  }
  return std::move(image);
}

}  // namespace

ImageInventory join_layers(const std::vector<ImageLayer>& layers) {
  Join join;
  for (const auto& layer : layers) {
    if (!layer.inventory) {
      join.image.complete = false;
      join.image.missing.push_back(layer.digest);
      continue;
    }
    if (layer.inventory->state != LayerState::complete) {
      join.image.complete = false;
      for (const auto& problem : layer.inventory->problems) join.image.problems.push_back(layer.digest + ": " + problem);
    }
    join.add(layer.digest, *layer.inventory);
  }
  return join.finish();
}

}  // namespace weir
