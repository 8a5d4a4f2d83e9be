// One model's folder while a pull fills it. What is fetched lies in FOLDER/.pull/ until everything is there
// and right; then it is renamed into FOLDER. A lock beside the models keeps two processes apart, a record
// beside them says which version each file is.
//
//   MODELS/org/name/config.json   MODELS/org/name/.pull/config.json[.part]   MODELS/.pulled/org%2Fname
#pragma once
#include "hub/hub.h"
#include "hub/part_file.h"
#include "hub/record.h"
#include "hub/repository.h"

namespace autark::hub {

class Filling {
 public:
  // `folder`: below the model folder.
  Filling(const PullOptions& options, std::string folder);

  const std::filesystem::path& folder() const { return folder_; }
  std::filesystem::path in_place(const std::string& file) const { return folder_ / file; }
  std::filesystem::path staged(const std::string& file) const { return folder_ / ".pull" / file; }
  std::filesystem::path part(const std::string& file) const { return staged(file).string() + ".part"; }

  Result<FolderLock> lock();  // the record is read then
  const Record& record() const { return record_; }

  int64_t free_at(const std::filesystem::path& folder) const;
  Result<bool> need_room(int64_t bytes) const;  // on the models' disk

  void expect(int64_t bytes) { total_ = bytes; }
  void report(int64_t done_of_file, int64_t total_of_file = 0);  // never goes back
  void done(int64_t bytes) { before_ += bytes; }

  enum class State { right, wrong, unknown };  // unknown: no sum, no version and no content tells
  Result<State> state_of(const std::filesystem::path& path, const RemoteFile& file,
                         const std::string& version) const;
  Result<bool> verify(const std::filesystem::path& path, const RemoteFile& file) const;  // the sum

  void begin(const RemoteFile& file);          // its part is of this version from now on
  Result<bool> stage(const RemoteFile& file);  // its part is whole and right, and waits for the others
  const Record& staged_record() const { return staged_; }
  void drop(const std::string& file) const;  // what was fetched of it
  // All that is staged comes into place. `gone`: files of earlier pulls that do not belong any more.
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
  Record record_, staged_;                      // of what is in place; of what waits
  int64_t total_ = 0, before_ = 0, shown_ = 0;  // of the whole; of files that are done; the most reported
};

Result<bool> remove_whole(const std::filesystem::path& path);

}  // namespace autark::hub
