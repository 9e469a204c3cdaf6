#pragma once
// Unsettled: digests whose file may be there although no record says so: those on their way in, and those on their way out.
// Each is noted in the index before its file gets its name, and after its record went until its file is gone; so what a
// crash leaves is found by looking at these few, never by a walk.
//
// Thread: any; what removes files waits for the disk.

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <span>

#include "base/file_system.h"
#include "cache/index.h"
#include "cache/layout.h"

namespace weir {

class Unsettled {
 public:
  Unsettled(FileSystem& disk, const Layout& layout, Index& index, bool durable)
      : disk_(disk), layout_(layout), index_(index), durable_(durable) {}

  // A digest on its way in, until this is destroyed.
  class Coming {
   public:
    ~Coming();
    Coming(const Coming&) = delete;
    // Returns when the index knows, so that the file may have its name.
    Task<Status> noted(Loop& loop);
    // From now on the file with the digest's name is the comer's. Call before the rename; waits for a removal under way.
    void publish();

   private:
    friend class Unsettled;
    Coming(Unsettled& owner, Digest digest) : owner_(owner), digest_(std::move(digest)) {}
    struct Note;
    Unsettled& owner_;
    const Digest digest_;
    std::shared_ptr<Note> note_;
    bool published_ = false;
  };
  std::unique_ptr<Coming> coming(const Digest& digest);

  // Their records are gone: removes their files, but of those that come back at this moment, and forgets what was removed.
  // Error: the first of the disk's; what it concerns stays noted.
  Status remove_files(std::span<const Digest> digests);
  // The same in two steps, for who removes many: the files go at once, and the folders are synced and the notes forgotten
  // together. Until then a crash finds the notes.
  Status take_files(std::span<const Digest> digests);
  Status finish_removals();
  std::size_t unfinished_removals();
  // Its record is gone and its bytes are wrong: the file moves to `target`. False: another comes in its place, and it stays.
  Result<bool> move_file(const Digest& digest, const std::string& target);
  // Whatever was left, by a crash or an error.
  Status settle();

 private:
  struct Comers {
    unsigned all = 0, publishing = 0;
    bool going = false;  // its old file is being removed
    bool idle() const { return all == 0 && !going; }
  };
  struct Gone {
    Digest digest;
    std::uint64_t note = 0;
  };
  Result<bool> take_file(const Digest& digest, const std::string* target);
  void forget(std::vector<Gone> gone);
  bool is_coming(const Digest& digest);

  FileSystem& disk_;
  const Layout& layout_;
  Index& index_;
  const bool durable_;
  std::mutex mutex_;
  std::condition_variable gone_;     // something that was going is gone
  std::map<Digest, Comers> comers_;  // guarded by mutex_
  std::vector<Gone> removed_;        // guarded by mutex_: whose folders are not synced yet
};

}  // namespace weir
