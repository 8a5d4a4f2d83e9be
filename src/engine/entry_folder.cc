#include "engine/entry_folder.h"
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>
#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <fstream>
#include <iterator>
#include <utility>

namespace autark::engine {
namespace {

namespace fs = std::filesystem;

constexpr size_t kEntriesMax = size_t{1} << 20;  // of a program
constexpr int64_t kSecond = 1'000'000'000;
constexpr const char* kEndings[] = {".page", ".copy"};
constexpr const char* kTemporary = ".tmp";
constexpr size_t kAboutMax = 1024;

double steady_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

int64_t now_ns() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::nanoseconds>(now).count();
}

// Closes a descriptor.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  operator int() const { return fd_; }

 private:
  int fd_;
};

std::string file_name(const EntryId& id) {
  return hex_of(id.name) + kEndings[int(id.kind)];
}

std::optional<EntryId> id_of(std::string_view file) {
  if (file.size() < 64) return {};
  const auto name = sha256_from_hex(file.substr(0, 64));
  for (int kind = 0; name && kind < 2; ++kind)
    if (file.substr(64) == kEndings[kind]) return EntryId{*name, EntryKind(kind)};
  return {};
}

bool is_temporary(std::string_view file) {
  return file.size() > 64 && sha256_from_hex(file.substr(0, 64)) && file.ends_with(kTemporary);
}

std::string fault_line(const fs::path& path, const char* what) {
  return "the folder " + path.string() + " of --cache-dir " + what;
}

Error fault(const fs::path& path, const char* what) {
  return {Code::io, fault_line(path, what) + ": " + std::strerror(errno) + "; name another one"};
}

bool write_all(int fd, std::span<const std::byte> from) {
  while (!from.empty()) {
    const ssize_t n = ::write(fd, from.data(), from.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    from = from.subspan(size_t(n));
  }
  return true;
}

bool read_all(int fd, std::span<std::byte> to) {
  while (!to.empty()) {
    const ssize_t n = ::read(fd, to.data(), to.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    to = to.subspan(size_t(n));
  }
  return true;
}

// Calls f(name, status) for the entries and the unfinished files of a program's folder, at most kEntriesMax.
template <class F>
void each_file(const fs::path& folder, F f) {
  std::error_code failed;
  size_t count = 0;
  for (fs::directory_iterator at(folder, failed), end; !failed && at != end && count < kEntriesMax;
       at.increment(failed)) {
    const std::string name = at->path().filename().string();
    struct stat is {};
    if (!id_of(name) && !is_temporary(name)) continue;
    if (::lstat(at->path().c_str(), &is) != 0 || !S_ISREG(is.st_mode)) continue;
    ++count;
    f(name, is);
  }
}

// Calls f(key, path) for the folders of programs.
template <class F>
void each_program(const fs::path& folder, F f) {
  std::error_code failed;
  for (fs::directory_iterator at(folder, failed), end; !failed && at != end; at.increment(failed)) {
    const std::string key = at->path().filename().string();
    struct stat is {};
    if (!sha256_from_hex(key) || ::lstat(at->path().c_str(), &is) != 0 || !S_ISDIR(is.st_mode)) continue;
    f(key, at->path());
  }
}

int64_t used_of(const struct stat& is) {
  return int64_t(is.st_mtim.tv_sec) * kSecond + is.st_mtim.tv_nsec;
}

// True if no running process uses the folder of a program.
bool is_idle(const fs::path& program) {
  const Descriptor lock(::open((program / "lock").c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW));
  return lock < 0 || ::flock(lock, LOCK_EX | LOCK_NB) == 0;
}

int64_t free_bytes(const fs::path& path) {
  struct statvfs is {};
  if (::statvfs(path.c_str(), &is) != 0) return 0;
  return int64_t(is.f_bavail) * int64_t(is.f_frsize);
}

}  // namespace

Result<std::unique_ptr<EntryFolder>> EntryFolder::open(const DiskOptions& options, const Sha256& program,
                                                       const std::string& about) {
  std::unique_ptr<EntryFolder> f(new EntryFolder(options, program));
  if (auto e = f->make_folders(about)) return *e;
  f->scan();
  f->scan_foreign();
  if (f->options_.bytes_max <= 0) f->options_.bytes_max = (free_bytes(options.folder) + f->bytes_) / 10;
  f->counted_.bytes_max = f->options_.bytes_max;
  f->make_room(0);
  return f;
}

EntryFolder::~EntryFolder() {
  for (const int fd : {folder_, lock_})
    if (fd >= 0) ::close(fd);
}

std::optional<Error> EntryFolder::make_folders(const std::string& about) {
  std::error_code failed;
  if (options_.folder.has_parent_path()) fs::create_directories(options_.folder.parent_path(), failed);
  own_path_ = options_.folder / hex_of(program_);
  for (const fs::path& path : {options_.folder, own_path_})
    if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) return fault(path, "cannot be created");
  folder_ = ::open(own_path_.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (folder_ < 0) return fault(own_path_, "cannot be opened");
  struct stat is {};
  if (::fstat(folder_, &is) != 0 || is.st_uid != ::geteuid())
    return Error{Code::io, fault_line(own_path_, "belongs to another user; name another one")};
  if (auto e = lock_folder()) return e;
  const Descriptor to(
      ::openat(folder_, "about", O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (to < 0 || !write_all(to, std::as_bytes(std::span(about)))) return fault(own_path_, "cannot be written");
  return {};
}

// The only user of the folder removes what others left unfinished.
std::optional<Error> EntryFolder::lock_folder() {
  lock_ = ::openat(folder_, "lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (lock_ < 0) return fault(own_path_, "cannot be written");
  if (::flock(lock_, LOCK_EX | LOCK_NB) == 0)
    each_file(own_path_, [&](const std::string& name, const struct stat&) {
      if (is_temporary(name)) ::unlinkat(folder_, name.c_str(), 0);
    });
  if (::flock(lock_, LOCK_SH) != 0) return fault(own_path_, "cannot be locked");
  return {};
}

void EntryFolder::add(const EntryId& id, int64_t bytes, int64_t used) {
  drop(id);
  kept_[id] = {bytes, used};
  order_.emplace(used, id);
  bytes_ += bytes;
}

void EntryFolder::drop(const EntryId& id) {
  const auto k = kept_.find(id);
  if (k == kept_.end()) return;
  order_.erase({k->second.used, id});
  bytes_ -= k->second.bytes;
  kept_.erase(k);
}

// Reads the names anew: other processes of this program write and remove files, too.
void EntryFolder::scan() {
  std::map<EntryId, Kept> found;
  each_file(own_path_, [&](const std::string& name, const struct stat& is) {
    if (const auto id = id_of(name)) found[*id] = {is.st_size, used_of(is)};
  });
  const std::lock_guard lock(mutex_);
  for (const auto& [id, k] : kept_) bytes_ -= k.bytes;
  kept_.clear(), order_.clear();
  for (const auto& [id, k] : found) add(id, k.bytes, k.used);
  scanned_at_ = steady_seconds();
}

void EntryFolder::scan_foreign() {
  std::set<Foreign> found;
  std::set<EntryId> ids;
  each_program(options_.folder, [&](const std::string& key, const fs::path& path) {
    if (key == hex_of(program_)) return;
    each_file(path, [&](const std::string& name, const struct stat& is) {
      found.insert({used_of(is), is.st_size, key, name});
      if (const auto id = id_of(name)) ids.insert(*id);
    });
  });
  const std::lock_guard lock(mutex_);
  for (const Foreign& f : foreign_) bytes_ -= f.bytes;
  for (const Foreign& f : found) bytes_ += f.bytes;
  foreign_ = std::move(found);
  foreign_ids_ = std::move(ids);
}

void EntryFolder::scan_sometimes() {
  if (steady_seconds() - scanned_at_ > options_.scan_seconds) scan(), scan_foreign();
}

bool EntryFolder::holds(const EntryId& id) const {
  const std::lock_guard lock(mutex_);
  return kept_.contains(id);
}

bool EntryFolder::elsewhere(const EntryId& id) const {
  const std::lock_guard lock(mutex_);
  return foreign_ids_.contains(id);
}

// The whole file; nullopt: it cannot be read, empty: it is none of this size.
std::optional<std::vector<std::byte>> EntryFolder::bytes_of(const EntryId& id, int64_t bytes) {
  const Descriptor from(
      ::openat(folder_, file_name(id).c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  struct stat is {};
  if (from < 0 || ::fstat(from, &is) != 0) return {};
  std::vector<std::byte> all;
  if (!S_ISREG(is.st_mode) || is.st_size != kEntryHeaderBytes + bytes) return all;
  all.resize(size_t(is.st_size));
  if (!read_all(from, all)) return {};
  return all;
}

std::optional<EntryFolder::Loaded> EntryFolder::read(const EntryId& id, int64_t bytes) {
  if (!holds(id)) return {};
  auto file = bytes_of(id, bytes);
  Loaded l{file ? std::move(*file) : std::vector<std::byte>(), {}};
  auto entry = parse_entry(l.file, program_, id, bytes);
  if (file && !entry) ::unlinkat(folder_, file_name(id).c_str(), 0);
  const std::lock_guard lock(mutex_);
  if (entry) {
    l.entry = *entry;
    ++counted_.read;
    return l;
  }
  drop(id);
  if (file) ++counted_.damaged;
  return {};
}

bool EntryFolder::exceeds_limits(int64_t bytes) const {
  const std::lock_guard lock(mutex_);
  return bytes_ + bytes > options_.bytes_max || kept_.size() >= kEntriesMax;
}

// Bytes that would become free if everything were evicted that may be.
int64_t EntryFolder::evictable() const {
  std::map<std::string, int64_t> foreign;
  int64_t bytes = 0;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [id, k] : kept_) bytes += k.bytes;
    for (const Foreign& f : foreign_) foreign[f.program] += f.bytes;
  }
  for (const auto& [program, size] : foreign)
    if (is_idle(options_.folder / program)) bytes += size;
  return bytes;
}

// For want of disk space, nothing is evicted if that would not help, because others have filled the disk.
bool EntryFolder::make_room(int64_t bytes) {
  if (bytes > options_.bytes_max) return false;
  while (exceeds_limits(bytes))
    if (!evict_foreign() && !evict()) return false;
  const auto left = [&] { return free_bytes(options_.folder) - bytes; };
  if (left() >= options_.free_least) return true;
  if (left() + evictable() < options_.free_least) return false;
  while (left() < options_.free_least)
    if (!evict_foreign() && !evict()) return false;
  return true;
}

// One file of a program that no process uses; those of the others are not looked at again until the next scan.
bool EntryFolder::evict_foreign() {
  std::set<std::string> busy;
  for (;;) {
    std::optional<Foreign> oldest;
    {
      const std::lock_guard lock(mutex_);
      const auto f =
          std::ranges::find_if(foreign_, [&](const Foreign& f) { return !busy.contains(f.program); });
      if (f == foreign_.end()) return false;
      oldest = *f;
    }
    if (!is_idle(options_.folder / oldest->program)) {
      busy.insert(oldest->program);
      continue;
    }
    ::unlink((options_.folder / oldest->program / oldest->file).c_str());
    const std::lock_guard lock(mutex_);
    foreign_.erase(*oldest);
    if (const auto id = id_of(oldest->file)) foreign_ids_.erase(*id);
    bytes_ -= oldest->bytes;
    ++counted_.evicted;
    return true;
  }
}

// Removes the longest unused entry of this program. False: there is none.
bool EntryFolder::drop_oldest() {
  std::optional<EntryId> oldest;
  {
    const std::lock_guard lock(mutex_);
    if (order_.empty()) return false;
    oldest = order_.begin()->second;
    drop(*oldest);
  }
  ::unlinkat(folder_, file_name(*oldest).c_str(), 0);
  return true;
}

bool EntryFolder::evict() {
  if (!drop_oldest()) return false;
  const std::lock_guard lock(mutex_);
  ++counted_.evicted;
  return true;
}

bool EntryFolder::write(const Entry& e) {
  scan_sometimes();
  if (holds(e.id)) return true;
  const int64_t size = kEntryHeaderBytes + std::ssize(e.bytes);
  const std::string name = file_name(e.id);
  const bool stored = make_room(size) && store(name, e);
  const std::lock_guard lock(mutex_);
  ++(stored ? counted_.written : counted_.failed);
  if (stored) add(e.id, size, now_ns());
  return stored;
}

// Reports an entry as stored only when a loss of power cannot take it away.
bool EntryFolder::store(const std::string& name, const Entry& e) {
  const std::string temporary =
      name + "." + std::to_string(::getpid()) + "." + std::to_string(++temporaries_) + kTemporary;
  bool ok = false;
  {
    const Descriptor to(
        ::openat(folder_, temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (to < 0) return false;
    ok = write_all(to, header_of(e, program_)) && write_all(to, e.bytes) && ::fsync(to) == 0;
  }
  ok = ok && ::renameat(folder_, temporary.c_str(), folder_, name.c_str()) == 0;
  if (!ok) ::unlinkat(folder_, temporary.c_str(), 0);
  return ok && ::fsync(folder_) == 0;
}

void EntryFolder::touch(std::span<const Sha256> path) {
  scan_sometimes();
  const int64_t second = now_ns() / kSecond * kSecond;
  for (size_t i = 0; i < path.size(); ++i) {
    for (const EntryKind kind : {EntryKind::page, EntryKind::copy}) {
      const EntryId id{path[i], kind};
      const int64_t used = second + kSecond - 1 - std::min(int64_t(i), kSecond - 1);
      {
        const std::lock_guard lock(mutex_);
        const auto k = kept_.find(id);
        if (k == kept_.end()) continue;
        add(id, int64_t(k->second.bytes), used);
      }
      const timespec times[2] = {{0, UTIME_OMIT}, {time_t(used / kSecond), long(used % kSecond)}};
      ::utimensat(folder_, file_name(id).c_str(), times, AT_SYMLINK_NOFOLLOW);
    }
  }
}

void EntryFolder::clear() {
  scan();
  while (drop_oldest()) {
  }
  const std::lock_guard lock(mutex_);
  foreign_ids_.clear();  // what was said before is forgotten, too
}

DiskStats EntryFolder::stats() const {
  const std::lock_guard lock(mutex_);
  DiskStats s = counted_;
  s.entries = std::ssize(kept_);
  s.bytes = bytes_;
  return s;
}

std::vector<StoredProgram> stored_programs(const fs::path& folder) {
  std::vector<StoredProgram> all;
  each_program(folder, [&](const std::string& key, const fs::path& path) {
    StoredProgram p{.key = key, .in_use = !is_idle(path)};
    each_file(path, [&](const std::string&, const struct stat& is) {
      ++p.entries, p.bytes += is.st_size, p.used = std::max(p.used, int64_t(is.st_mtim.tv_sec));
    });
    std::ifstream in(path / "about");
    p.about.assign(std::istreambuf_iterator<char>(in), {});
    p.about.resize(std::min(p.about.size(), kAboutMax));
    all.push_back(std::move(p));
  });
  std::ranges::sort(all, {}, &StoredProgram::key);
  return all;
}

int64_t remove_entries(const fs::path& folder) {
  int64_t bytes = 0;
  each_program(folder, [&](const std::string&, const fs::path& path) {
    each_file(path, [&](const std::string& name, const struct stat& is) {
      if (::unlink((path / name).c_str()) == 0) bytes += is.st_size;
    });
  });
  return bytes;
}

}  // namespace autark::engine
