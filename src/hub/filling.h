// One model's folder while a pull fills it. Fetched files stay in FOLDER/.pull/ until all of them are there
// and verified; then they are renamed into FOLDER. A lock keeps two processes from filling the same folder, a
// record says which version each file has.
//
//   MODELS/org/name/config.json               a file in place
//   MODELS/org/name/.pull/config.json.part    a file that is being fetched
//   MODELS/org/name/.pull/config.json         a verified file that waits for the others (staged)
//   MODELS/.locks/org+name                    the lock
//   MODELS/.pulled/org%2Fname                 the record
#pragma once
#include "hub/hub.h"
#include "hub/part_file.h"
#include "hub/record.h"
#include "hub/repository.h"

namespace autark::hub {

class Filling {
 public:
  // `folder` is relative to the model folder, "org/name". Keeps a reference to `options`.
  Filling(const PullOptions& options, std::string folder);

  // Paths of a file of the model: in its final place, staged, and as a part.
  const std::filesystem::path& folder() const { return folder_; }
  std::filesystem::path in_place(const std::string& file) const { return folder_ / file; }
  std::filesystem::path staged(const std::string& file) const { return folder_ / ".pull" / file; }
  std::filesystem::path part(const std::string& file) const { return staged(file).string() + ".part"; }

  // Waits for other processes, then takes the lock and reads the records.
  Result<FolderLock> lock();
  const Record& record() const { return record_; }  // of the files in place

  int64_t free_at(const std::filesystem::path& folder) const;  // free bytes of its disk
  Result<bool> need_room(int64_t bytes) const;                 // an Error if the models' disk has less

  // Tells, before anything is fetched, how many files and bytes are missing.
  void announce(size_t files, int64_t bytes) const;
  // Progress over all files: expect() sets the total, report() tells how much of the current file is there
  // (the number shown never decreases), done() counts a finished file.
  void expect(int64_t bytes) { total_ = bytes; }
  void report(int64_t done_of_file, int64_t total_of_file = 0);
  void done(int64_t bytes) { before_ += bytes; }

  // Whether a file has the right bytes. unknown: there is neither a sum nor a version to compare.
  enum class State { right, wrong, unknown };
  // `version` is the version that the file at `path` is known to have; empty if it is not known.
  Result<State> state_of(const std::filesystem::path& path, const RemoteFile& file,
                         const std::string& version) const;
  // Compares the file's checksum. A wrong one is Code::invalid; true if the hub told no sum.
  Result<bool> verify(const std::filesystem::path& path, const RemoteFile& file) const;

  void begin(const RemoteFile& file);                      // records the version of the part to be fetched
  Result<bool> stage(const RemoteFile& file);              // renames a verified part to its staged name
  const Record& staged_record() const { return staged_; }  // versions of staged files and parts
  void drop(const std::string& file) const;                // deletes its part and its staged file
  // Moves all staged files into place and removes the files in `gone`, which the repository no longer has.
  // The file that opens the model is removed first and placed last, so the folder never looks like a model of
  // mixed files.
  Result<bool> publish(const std::vector<RemoteFile>& files, const std::vector<std::string>& gone);

 private:
  Result<bool> clean_up(const std::vector<RemoteFile>& files);
  bool is_staged(const std::string& file) const;
  Result<bool> close_door(const std::string& door) const;
  Result<bool> move(const std::filesystem::path& from, const std::filesystem::path& to) const;
  std::filesystem::path root() const;
  std::filesystem::path record_path() const;

  const PullOptions& options_;
  const std::string name_;
  const std::filesystem::path folder_;
  Record record_, staged_;  // of the files in place; of staged files and parts
  // Bytes of all files; of the files that are done; the largest number reported.
  int64_t total_ = 0, before_ = 0, shown_ = 0;
};

// Deletes a file or a folder with all that is in it.
Result<bool> remove_whole(const std::filesystem::path& path);

}  // namespace autark::hub
