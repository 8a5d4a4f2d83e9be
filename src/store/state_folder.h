// The folder in which one server keeps its state. It belongs to one process at a time.
#pragma once
#include <filesystem>
#include "base/result.h"

namespace autark::storage {

class StateFolder {
 public:
  // Creates the folder if it is missing, with mode 0700, and locks it. An Error if another process has
  // locked it, or if it is no folder of this user.
  static Result<StateFolder> open(const std::filesystem::path& path);
  // $XDG_STATE_HOME/autark/NAME, else ~/.local/state/autark/NAME; empty if neither variable is set.
  static std::filesystem::path usual(const std::string& name);

  StateFolder(StateFolder&& other) noexcept;
  StateFolder(const StateFolder&) = delete;
  ~StateFolder();  // unlocks
  const std::filesystem::path& path() const { return path_; }

 private:
  StateFolder(std::filesystem::path path, int lock) : path_(std::move(path)), lock_(lock) {}

  std::filesystem::path path_;
  int lock_;  // a file descriptor
};

}  // namespace autark::storage
