// The folder of the disk tier. Each program (model, version, chip, rounding) has a folder of its own in it:
//
//   DIR/<key of the program>/about                  which program that is, as text
//                            lock                   locked by the processes that use the folder
//                            <name>.page, .copy     entries (entry_file.h)
//                            <name>.page.PID.N.tmp  one that is being written
//
// A file gets its name when all of it is on the disk, so whatever has the right name is whole. Files have mode
// 0600, folders 0700. Processes of one program share entries: the same name means the same bytes. The files of
// programs that no process uses are evicted first, then the own ones, the longest unused first; those of
// other running programs stay.
//
// The time of a file is the time of its last use. Of files that were used in the same second, the blocks
// behind others are older, so a prefix loses its end first.
//
// When an entry is written or used, names are read anew if that is DiskOptions::scan_seconds ago.
//
// holds(), elsewhere() and stats() may be called from any thread, the others from one.
#pragma once
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <vector>
#include "engine/disk_options.h"
#include "engine/entry_file.h"

namespace autark::engine {

class EntryFolder {
 public:
  // Makes the folders, and evicts what is more than the options allow. `about`: a few lines for people. Code::io
  // if they cannot be written or belong to another user.
  static Result<std::unique_ptr<EntryFolder>> open(const DiskOptions& options, const Sha256& program,
                                                   const std::string& about);
  ~EntryFolder();
  EntryFolder(const EntryFolder&) = delete;
  EntryFolder& operator=(const EntryFolder&) = delete;

  bool holds(const EntryId& id) const;
  bool elsewhere(const EntryId& id) const;  // another program has an entry of this name
  // The bytes of an entry. A damaged one is removed.
  struct Loaded {
    std::vector<std::byte> file;
    EntryView entry;  // into `file`
  };
  std::optional<Loaded> read(const EntryId& id, int64_t bytes);
  // Evicts as much as is needed and stores the entry. False: there is no room, or the disk refused.
  bool write(const Entry& e);
  // The blocks of a prefix were used now, in order from the first one.
  void touch(std::span<const Sha256> path);
  void clear();             // removes the entries of this program
  DiskStats stats() const;  // without the queue

 private:
  struct Kept {
    int64_t bytes = 0, used = 0;  // used: nanoseconds since 1970
  };
  struct Foreign {  // an entry of another program
    int64_t used = 0, bytes = 0;
    std::string program, file;  // names
    auto operator<=>(const Foreign&) const = default;
  };
  EntryFolder(const DiskOptions& options, const Sha256& program) : options_(options), program_(program) {}
  std::optional<Error> make_folders(const std::string& about);
  std::optional<Error> lock_folder();
  void scan();
  void scan_foreign();
  void scan_sometimes();
  void add(const EntryId& id, int64_t bytes, int64_t used);
  void drop(const EntryId& id);
  bool make_room(int64_t bytes);
  bool exceeds_limits(int64_t bytes) const;
  int64_t evictable() const;
  bool drop_oldest();
  bool evict();
  bool evict_foreign();
  bool store(const std::string& name, const Entry& e);
  std::optional<std::vector<std::byte>> bytes_of(const EntryId& id, int64_t bytes);

  DiskOptions options_;
  Sha256 program_;
  std::filesystem::path own_path_;
  int folder_ = -1, lock_ = -1;  // descriptors
  uint64_t temporaries_ = 0;
  double scanned_at_ = 0;

  mutable std::mutex mutex_;  // for what follows
  std::map<EntryId, Kept> kept_;
  std::set<std::pair<int64_t, EntryId>> order_;  // by last use
  std::set<Foreign> foreign_;                    // the longest unused first
  std::set<EntryId> foreign_ids_;
  int64_t bytes_ = 0;  // of all programs
  DiskStats counted_;
};

// What a folder of the disk tier has of one program.
struct StoredProgram {
  std::string key, about;
  int64_t entries = 0, bytes = 0, used = 0;  // used: seconds since 1970 of the last use
  bool in_use = false;                       // by a running process
};
std::vector<StoredProgram> stored_programs(const std::filesystem::path& folder);
// Removes all entries of all programs and nothing else. Returns the bytes that became free.
int64_t remove_entries(const std::filesystem::path& folder);

}  // namespace autark::engine
