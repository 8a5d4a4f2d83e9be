// The disk tier of kept state and its thread. Entries wait in a queue of bounded size to be written; what does
// not fit is not taken, and stays in memory only until a later request uses it. After the disk has refused an
// entry, none is taken for some seconds. Reads go before writes. All functions may be called from any thread; all
// but wait_until_clear() return at once.
#pragma once
#include <condition_variable>
#include <deque>
#include <functional>
#include <thread>
#include "engine/entry_folder.h"

namespace autark::engine {

class DiskTier {
 public:
  // `wake` is called on the tier's thread whenever a read is done.
  DiskTier(std::unique_ptr<EntryFolder> folder, int64_t queue_bytes_max, std::function<void()> wake);
  // Writes what is queued, for at most a second.
  ~DiskTier();

  bool holds(const EntryId& id) const { return folder_->holds(id); }          // can be read
  bool elsewhere(const EntryId& id) const { return folder_->elsewhere(id); }  // of another program
  bool has(const EntryId& id) const;                                          // is there or queued
  int64_t room() const;  // bytes of new entries that the queue takes now
  void skip();           // counts an entry for which there was no room
  // New entries of a prefix, and the names of all of its blocks: they were used now. REQUIRES: room() for them.
  void write(std::vector<Entry> entries, std::vector<Sha256> path);

  // Reads entries, each of the size that is given. REQUIRES: no read is under way.
  struct Wanted {
    EntryId id;
    int64_t bytes = 0;
  };
  using Found = std::vector<std::optional<EntryFolder::Loaded>>;  // in the order of the wanted ones
  void read(std::vector<Wanted> wanted);
  std::optional<Found> take_read();  // what was read; nullopt: it is not done yet

  void clear();  // forgets the queue, then removes the entries of this program
  void wait_until_clear();
  DiskStats stats() const;

 private:
  struct Write {
    std::optional<Entry> entry;
    std::vector<Sha256> path;  // to be touched
  };
  void run();
  void carry_out(const Write& w);
  void carry_out(const std::vector<Wanted>& wanted);

  const std::unique_ptr<EntryFolder> folder_;
  const int64_t queue_bytes_max_;
  const std::function<void()> wake_;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Write> writes_;
  std::set<EntryId> queued_;
  std::optional<std::vector<Wanted>> wanted_;
  std::optional<Found> found_;
  int64_t queued_bytes_ = 0;
  uint64_t skipped_ = 0;
  bool stop_ = false, clear_ = false, complained_ = false;
  double refused_until_ = 0;  // no entry is taken before
  double stop_at_ = 0;        // when what is left in the queue is given up
  std::thread thread_;
};

}  // namespace autark::engine
