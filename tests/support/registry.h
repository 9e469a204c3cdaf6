// What a container registry holds, in memory: repositories with blobs, manifests and tags; and plain objects by path,
// as an object store has them.
//
// Any thread may call any function; what is changed is seen by the next request. Nothing is checked: a manifest may
// refer to blobs that are not there.
#pragma once

#include <cstddef>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "tests/support/content.h"
#include "tests/support/digest.h"

namespace weir::testing {

struct Manifest {
  std::string media_type = {};
  std::string bytes = {};

  // What the referrers API says of it; no need to give them when that is not used.
  std::string subject = {};  // digest
  std::string artifact_type = {};
  std::map<std::string, std::string> annotations = {};
};

class Registry {
 public:
  // Each returns the digest under which the bytes are found, in `repository` alone.
  std::string put_blob(const std::string& repository, const Content& content, Algorithm algorithm = Algorithm::sha256);
  std::string put_manifest(const std::string& repository, const Manifest& manifest, const std::string& tag = "",
                           Algorithm algorithm = Algorithm::sha256);

  // Bytes under a digest that is not theirs.
  void put_blob_as(const std::string& repository, const std::string& digest, const Content& content);

  void tag(const std::string& repository, const std::string& tag, const std::string& digest);
  void untag(const std::string& repository, const std::string& tag);
  void remove_blob(const std::string& repository, const std::string& digest);
  void remove_manifest(const std::string& repository, const std::string& digest);  // and its tags
  void remove_repository(const std::string& repository);

  // Served at `path`, before the API is asked about it, as an object store serves what a redirect points to.
  void put_object(const std::string& path, const Content& content, const std::string& media_type = "application/octet-stream");

  // On at first. Off: the referrers endpoint answers 404, as registries before distribution 1.1 do.
  void set_referrers_api(bool on);

  // For the server.
  struct Found {
    std::string digest;
    std::string media_type;
    Content content;
  };
  struct Referrer {
    std::string digest;
    Manifest manifest;
  };
  bool has_repository(const std::string& repository) const;
  std::optional<Found> blob(const std::string& repository, const std::string& digest) const;
  std::optional<Found> manifest(const std::string& repository, const std::string& reference) const;
  std::optional<Found> object(const std::string& path) const;
  std::vector<std::string> tags(const std::string& repository) const;  // in order
  std::vector<Referrer> referrers(const std::string& repository, const std::string& subject) const;
  bool referrers_api() const;

 private:
  struct Repository {
    std::map<std::string, Content> blobs;
    std::map<std::string, Manifest> manifests;
    std::map<std::string, std::string> tags;
  };

  mutable std::mutex mutex_;
  std::map<std::string, Repository> repositories_;  // guarded by mutex_, as all below
  std::map<std::string, Found> objects_;
  bool referrers_api_ = true;
};

}  // namespace weir::testing
