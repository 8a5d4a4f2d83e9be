#include "store/state_folder.h"
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cerrno>
#include <cstdlib>
#include <cstring>

namespace autark::storage {
namespace {

Error fault(const std::filesystem::path& path, const std::string& what) {
  return {Code::io, "the state folder " + path.string() + " " + what + "; choose another with --state"};
}

}  // namespace

Result<StateFolder> StateFolder::open(const std::filesystem::path& path) {
  std::error_code failed;
  if (path.has_parent_path()) std::filesystem::create_directories(path.parent_path(), failed);
  if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST)
    return fault(path, std::string("cannot be created: ") + std::strerror(errno));
  struct stat is {};
  if (::stat(path.c_str(), &is) != 0 || !S_ISDIR(is.st_mode)) return fault(path, "is no folder");
  if (is.st_uid != ::geteuid()) return fault(path, "belongs to another user");
  const bool ours = std::filesystem::is_empty(path, failed) || std::filesystem::exists(path / "lock", failed);
  if ((is.st_mode & 077) != 0 && (!ours || ::chmod(path.c_str(), 0700) != 0))
    return fault(path, "can be read by other users; give an empty folder, or chmod 700 it");
  const int lock = ::open((path / "lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (lock < 0) return fault(path, std::string("cannot be written: ") + std::strerror(errno));
  if (::flock(lock, LOCK_EX | LOCK_NB) != 0) {
    ::close(lock);
    return fault(path, "is used by another server that runs now");
  }
  return StateFolder(path, lock);
}

std::filesystem::path StateFolder::usual(const std::string& name) {
  const char *state = std::getenv("XDG_STATE_HOME"), *home = std::getenv("HOME");
  if (state && *state) return std::filesystem::path(state) / "autark" / name;
  if (home && *home) return std::filesystem::path(home) / ".local/state/autark" / name;
  return {};
}

StateFolder::StateFolder(StateFolder&& other) noexcept
    : path_(std::move(other.path_)), lock_(std::exchange(other.lock_, -1)) {}

StateFolder::~StateFolder() {
  if (lock_ >= 0) ::close(lock_);
}

}  // namespace autark::storage
