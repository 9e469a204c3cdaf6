#include "commands/cache_commands.h"

#include <cstdio>
#include <map>

#include "base/json.h"
#include "base/text.h"
#include "cache/purge.h"
#include "commands/command_tools.h"

namespace weir {
namespace {

std::string purge_sentence(std::uint64_t tags, std::uint64_t links, std::uint64_t blobs, std::uint64_t bytes) {
  return "removed " + std::to_string(tags) + " tags, " + std::to_string(links) + " links, " + std::to_string(blobs) +
         " blobs of " + std::to_string(bytes) + " bytes";
}

}  // namespace

int cache_list(const Options& options, const std::string& prefix, bool json) {
  const SystemClock clock;
  auto index = open_for_reading(clock, options);
  if (!index) return complain(index.error());
  JsonWriter rows;
  rows.object().key("rows").array();
  if (!json) std::printf("%-55s %-20s %-71s %12s %s\n", "REPOSITORY", "TAG", "DIGEST", "BYTES", "CHECKED");
  const auto now = clock.wall_seconds();
  (*index)->each_tag(prefix, [&](std::string_view repository, std::string_view tag, const TagRecord& record) {
    const auto blob = (*index)->blob(record.digest);
    const auto age = show_duration(Seconds(std::max<WallSeconds>(0, now - record.checked_at)));
    if (json) {
      rows.object().member("repository", repository).member("tag", tag).member("digest", record.digest.text());
      rows.member("held", blob.has_value()).member("bytes", blob ? blob->size : 0).member("checked_at", record.checked_at).end();
    } else {
      std::printf("%-55.*s %-20.*s %-71s %12s %s ago\n", static_cast<int>(repository.size()), repository.data(),
                  static_cast<int>(tag.size()), tag.data(), record.digest.text().c_str(),
                  blob ? std::to_string(blob->size).c_str() : "not held", age.c_str());
    }
  });
  if (json) print(rows.end().end().take() + "\n");
  return 0;
}

namespace {

int stat_one(const Index& index, const WrittenReference& written, bool json) {
  const std::string prefix = written.repository + '\0';
  std::optional<Digest> digest;
  if (written.reference && written.reference->digest()) digest = *written.reference->digest();
  std::optional<WallSeconds> checked_at;
  index.each_tag(prefix, [&](std::string_view, std::string_view tag, const TagRecord& record) {
    if (!written.reference || !written.reference->tag() || written.reference->tag()->text() != tag) return;
    digest = record.digest;
    checked_at = record.checked_at;
  });
  std::uint64_t links = 0, held = 0, bytes = 0;
  std::optional<Link> link;
  index.each_link(prefix, [&](std::string_view, const Digest& linked, const Link& found) {
    ++links;
    if (digest && linked == *digest) link = found;
    if (const auto blob = index.blob(linked)) {
      ++held;
      bytes += blob->size;
    }
  });
  if (links == 0 || (written.reference && !link)) {
    return complain(Error{Failure::not_found, Side::client, false,
                          "nothing is known of " + written.repository + (written.reference ? " " + written.reference->text() : "")});
  }
  JsonWriter out;
  out.object().member("repository", written.repository);
  if (digest) {
    const auto blob = index.blob(*digest);
    out.member("digest", digest->text()).member("media_type", link->media_type).member("held", blob.has_value());
    if (blob)
      out.member("bytes", blob->size)
          .member("stored_at", rfc3339(blob->stored_at * 1000))
          .member("last_used", rfc3339(blob->last_used * 1000))
          .member("verified_at", rfc3339(blob->verified_at * 1000))
          .member("last_copy", blob->last_copy);
    if (checked_at) out.member("checked_at", rfc3339(*checked_at * 1000));
    out.key("repositories").array();
    for (const auto& repository : index.repositories_of(*digest)) out.value(repository);
    out.end();
  } else {
    out.member("linked", links).member("held", held).member("bytes", bytes);
  }
  const auto text = out.end().take();
  if (json) {
    print(text + "\n");
    return 0;
  }
  const auto document = Json::parse(text);
  for (const auto& key : document->keys()) {
    const auto value = document->at(key);
    std::string shown = value->string().value_or("");
    if (const auto number = value->integer()) shown = std::to_string(*number);
    if (const auto truth = value->boolean()) shown = *truth ? "yes" : "no";
    for (const auto& item : value->items()) shown += (shown.empty() ? "" : " ") + item.string().value_or("");
    std::printf("%-13s %s\n", key.c_str(), shown.c_str());
  }
  return 0;
}

}  // namespace

int cache_stat(const Options& options, const std::string& reference, bool json) {
  const SystemClock clock;
  auto index = open_for_reading(clock, options);
  if (!index) return complain(index.error());
  if (!reference.empty()) {
    auto written = canonical(clock, options, reference);
    if (!written) return complain(written.error());
    return stat_one(**index, *written, json);
  }
  const auto totals = (*index)->totals();
  std::uint64_t partials = 0, partial_bytes = 0;
  RealFileSystem disk;
  if (const auto entries = disk.list(Layout(options.cache.directory).partials())) {
    for (const auto& entry : *entries) {
      ++partials;
      partial_bytes += entry.size;
    }
  }
  if (json) {
    JsonWriter out;
    out.object().member("directory", options.cache.directory).member("blobs", totals.blobs).member("bytes", totals.blob_bytes);
    out.member("room", totals.room).member("index_bytes", (*index)->file_bytes()).member("last_copy_bytes", totals.last_copies);
    out.member("links", totals.links)
        .member("tags", totals.tags)
        .member("partials", partials)
        .member("partial_bytes", partial_bytes)
        .end();
    print(out.take() + "\n");
  } else {
    std::printf(
        "directory      %s\nblobs          %llu\nbytes          %llu\nlinks          %llu\ntags           %llu\npartials       "
        "%llu\npartial bytes  %llu\n",
        options.cache.directory.c_str(), static_cast<unsigned long long>(totals.blobs),
        static_cast<unsigned long long>(totals.blob_bytes), static_cast<unsigned long long>(totals.links),
        static_cast<unsigned long long>(totals.tags), static_cast<unsigned long long>(partials),
        static_cast<unsigned long long>(partial_bytes));
  }
  return 0;
}

int cache_purge(const Options& given, const std::string& reference, bool json) {
  const SystemClock clock;
  const auto digest = Digest::parse(reference);
  std::optional<WrittenReference> written;
  if (!digest) {
    auto named = canonical(clock, given, reference);
    if (!named) return complain(named.error());
    written = *std::move(named);
  }
  JsonWriter request;
  request.object();
  if (digest) {
    request.member("digest", digest->text());
  } else {
    std::string name = written->repository;
    if (written->reference) name += (written->reference->digest() ? "@" : ":") + written->reference->text();
    request.member("reference", name);
  }
  auto answer = ask_server(given, "/admin/v1/cache/purge", request.end().take());
  if (!answer) return complain(answer.error());
  if (*answer) {
    return show_answer(**answer, json, [](const Json& document) {
      const auto figure = [&document](const char* name) {
        return static_cast<std::uint64_t>(document.integer_at(name).value_or(0));
      };
      return purge_sentence(figure("tags"), figure("links"), figure("blobs"), figure("bytes"));
    });
  }
  const auto owned = act_as_owner(given);
  if (!owned) return complain(owned.error());
  const Options& options = *owned;
  RealFileSystem disk(options.cache.directory);
  DiskPool pool(1);
  auto store = BlobStore::open(clock, disk, pool, options.cache);
  if (!store) return complain(store.error());
  auto result = digest ? purge_digest(**store, *digest) : purge(**store, written->repository, written->reference);
  if (!result) return complain(result.error());
  if (json) {
    JsonWriter out;
    out.object()
        .member("tags", result->tags)
        .member("links", result->links)
        .member("blobs", result->blobs)
        .member("bytes", result->bytes)
        .end();
    print(out.take() + "\n");
  } else {
    print(purge_sentence(result->tags, result->links, result->blobs, result->bytes) + "\n");
  }
  return 0;
}

int cache_refresh(const Options& given, const std::string& reference, bool json) {
  const SystemClock clock;
  auto written = canonical(clock, given, reference);
  if (!written) return complain(written.error());
  if (!written->reference || !written->reference->tag()) {
    return complain(Error{Failure::invalid, Side::client, false, "a tag is refreshed: NAMESPACE/PATH:TAG"});
  }
  const auto tag = *written->reference->tag();
  JsonWriter request;
  request.object().member("reference", written->repository + ':' + tag.text()).end();
  auto answer = ask_server(given, "/admin/v1/cache/refresh", request.take());
  if (!answer) return complain(answer.error());
  if (*answer) {
    return show_answer(**answer, json, [](const Json& document) {
      const bool changed = document.at("changed") && document.at("changed")->boolean().value_or(false);
      return document.string_at("digest").value_or("") + (changed ? " (changed)" : " (unchanged)");
    });
  }
  // No server to ask an upstream with: the next pull of the tag will ask.
  const auto owned = act_as_owner(given);
  if (!owned) return complain(owned.error());
  const Options& options = *owned;
  RealFileSystem disk(options.cache.directory);
  DiskPool pool(1);
  auto store = BlobStore::open(clock, disk, pool, options.cache);
  if (!store) return complain(store.error());
  const auto slash = written->repository.find('/');
  auto path = RepositoryPath::parse(slash == std::string::npos ? std::string_view()
                                                               : std::string_view(written->repository).substr(slash + 1));
  if (!path) return complain(path.error());
  const Name name(std::string_view(written->repository).substr(0, slash), *path);
  const auto record = (*store)->index().tag(name, tag);
  if (!record)
    return complain(Error{Failure::not_found, Side::client, false, "nothing is known of " + name.text() + ":" + tag.text()});
  const auto noted = (*store)->index().commit_and_wait(
      [&](IndexWriter& writer) { return writer.put_tag(name, tag, TagRecord{record->digest, 0}); });
  if (!noted) return complain(noted.error());
  print(json ? "{\"digest\":\"" + record->digest.text() + "\",\"asked\":false}\n"
             : "no server runs; the next pull of the tag will ask the upstream\n");
  return 0;
}

}  // namespace weir
