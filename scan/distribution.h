#pragma once
// Distribution: which operating system an image holds, from its os-release and release files (os-release(5)). A plain value.
// Thread: any.

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace weir {

struct Distribution {
  std::string id;           // `debian`, `alpine`, `rhel`; empty: the image does not say
  std::string version;      // VERSION_ID: `12`, `3.18.4`, `9.2`; empty for rolling ones
  std::string pretty_name;  // PRETTY_NAME
  std::string cpe;          // CPE_NAME
  std::vector<std::string> like;          // ID_LIKE
  std::vector<std::string> repositories;  // of alpine: the branches of /etc/apk/repositories, `v3.18` or `edge`
  std::vector<std::string> content_sets;  // of Red Hat: the product streams of its build information
  bool operator==(const Distribution&) const = default;
};

// `read` gives the content of a file of the image by its path, links resolved; nothing: there is none. `buildinfo`: the contents
// of the content manifests of Red Hat's images.
Distribution find_distribution(const std::function<std::optional<std::string>(std::string_view path)>& read,
                               const std::vector<std::string>& buildinfo);

// One `KEY=value` line of os-release, with shell quoting undone; nothing: it is none.
std::optional<std::pair<std::string, std::string>> read_assignment(std::string_view line);

}  // namespace weir
