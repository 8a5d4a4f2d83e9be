#include "store/files_folder.h"
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <map>
#include <mutex>
#include <random>
#include <tuple>
#include "base/json.h"
#include "base/log.h"
#include "store/share.h"

namespace autark::storage {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kPrefix = "file-", kRow = ".json", kUnfinished = ".part";

Error fault_of(const fs::path& path, int number) {
  return {number == ENOSPC || number == EDQUOT ? Code::exhausted : Code::io,
          "the file " + path.string() + " cannot be used: " + std::strerror(number)};
}

Error none(const std::string& id) {
  return {Code::not_found, "there is no file '" + id.substr(0, 100) + "'"};
}

// A file descriptor.
class Handle {
 public:
  explicit Handle(int fd) : fd_(fd) {}
  Handle(Handle&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  ~Handle() {
    if (fd_ >= 0) ::close(fd_);
  }
  int get() const { return fd_; }

 private:
  int fd_;
};

Result<Handle> create_private(const fs::path& path) {
  Handle h(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (h.get() < 0) return fault_of(path, errno);
  return h;
}

std::optional<Error> write_all(const Handle& h, std::string_view bytes, const fs::path& path) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(h.get(), bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fault_of(path, errno);
    bytes.remove_prefix(size_t(n));
  }
  return {};
}

// Gives what was written its name, so that it has either all bytes or does not exist.
std::optional<Error> put_in_place(const Handle& h, const fs::path& from, const fs::path& to) {
  if (::fsync(h.get()) != 0 || ::rename(from.c_str(), to.c_str()) != 0) return fault_of(to, errno);
  return {};
}

std::optional<Error> make_durable(const fs::path& folder) {
  const Handle h(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (h.get() < 0 || ::fsync(h.get()) != 0) return fault_of(folder, errno);
  return {};
}

std::string new_id() {
  std::random_device random;
  std::string id(kPrefix);
  for (int i = 0; i < 24; ++i) id += "0123456789abcdef"[random() % 16];
  return id;
}

std::string row_of(const File& f) {
  return dump_json({{"id", f.id},
                    {"owner", f.owner},
                    {"name", f.name},
                    {"purpose", f.purpose},
                    {"bytes", f.bytes},
                    {"created", f.created},
                    {"expires", f.expires},
                    {"number", f.number}});
}

constexpr uint64_t kNumberMax = uint64_t{1} << 53;

// Empty if the text is no row.
std::optional<File> parse_row(const std::string& text) {
  const auto json = parse_json(text, "a file's row");
  if (!json || !json->is_object()) return {};
  for (const char* name : {"id", "owner", "name", "purpose"})
    if (!json->contains(name) || !(*json)[name].is_string()) return {};
  for (const char* name : {"bytes", "created", "expires"})
    if (!json->contains(name) || !(*json)[name].is_number_integer()) return {};
  const Json number = json->value("number", Json());  // rows of older servers have none
  return File{.id = (*json)["id"],
              .owner = (*json)["owner"],
              .name = (*json)["name"],
              .purpose = (*json)["purpose"],
              .bytes = (*json)["bytes"],
              .created = (*json)["created"],
              .expires = (*json)["expires"],
              .number = number.is_number_unsigned() && number.get<uint64_t>() <= kNumberMax
                            ? number.get<int64_t>()
                            : 0};
}

bool is_expired(const File& f, int64_t now) {
  return f.expires != 0 && f.expires < now;
}

bool is_before(const File* a, const File* b) {
  return std::tie(a->created, a->number, a->id) < std::tie(b->created, b->number, b->id);
}

// The folder and what is in it. Writers share it. Thread-safe.
class Folder {
 public:
  Folder(fs::path path, const FileLimits& limits, bool temporary)
      : limits_(limits), temporary_(temporary), path_(std::move(path)) {}
  ~Folder() {
    std::error_code ignored;
    if (temporary_ && !path_.empty()) fs::remove_all(path_, ignored);
  }

  // Reads the rows and removes what is not whole.
  std::optional<Error> load();
  // The path for a new file's bytes. Counts the file, until forget_unfinished() or for good.
  Result<fs::path> begin(const File& file);
  // Counts so many more bytes of an owner, unless they do not fit.
  std::optional<Error> take_room(const std::string& owner, int64_t bytes);
  void forget_unfinished(const File& file);
  // Also sets the file's number.
  std::optional<Error> add(File& file);
  Result<File> find(const std::string& id, const std::string& owner, int64_t now) const;
  std::vector<File> list(const std::string& owner, const FilePage& page, int64_t now);
  std::optional<Error> erase(const std::string& id, const std::string& owner, int64_t now);
  fs::path path_of(std::string_view id, std::string_view end = {}) const {
    return path_ / (std::string(id) + std::string(end));
  }

 private:
  // What is there, of all or of one owner, files that are being written included.
  struct Use {
    int64_t count = 0, bytes = 0;
  };
  // These REQUIRE that mutex_ is held.
  std::optional<Error> make();
  // Why an owner may not have so much more; `more` counts as in Use.
  std::optional<Error> refusal(const std::string& owner, Use more) const;
  void count(const std::string& owner, int64_t files, int64_t bytes);
  void load_row(const fs::path& path);
  std::optional<Error> write_row(const File& file);
  void remove(std::map<std::string, File>::iterator at);
  void remove_expired(int64_t now);

  const FileLimits limits_;
  const bool temporary_;
  mutable std::mutex mutex_;
  fs::path path_;  // empty: not made yet
  std::map<std::string, File> files_;
  int64_t newest_ = 0;  // the largest number
  Use all_;
  std::map<std::string, Use> owners_;
};

std::optional<Error> Folder::make() {
  if (!path_.empty()) return {};
  std::error_code failed;
  std::string name = (fs::temp_directory_path(failed) / "autark-files-XXXXXX").string();
  if (failed || !::mkdtemp(name.data())) return fault_of(name, failed ? failed.value() : errno);
  path_ = name;
  return {};
}

std::optional<Error> Folder::load() {
  const std::lock_guard lock(mutex_);
  if (::mkdir(path_.c_str(), 0700) != 0 && errno != EEXIST) return fault_of(path_, errno);
  std::error_code failed;
  std::vector<fs::path> rows, others;
  for (fs::directory_iterator at(path_, failed), end; !failed && at != end; at.increment(failed)) {
    if (!at->path().filename().string().starts_with(kPrefix)) continue;
    (at->path().extension() == kRow ? rows : others).push_back(at->path());
  }
  if (failed) return fault_of(path_, failed.value());
  for (const fs::path& row : rows) load_row(row);
  for (const fs::path& other : others)
    if (!files_.contains(other.filename().string())) fs::remove(other, failed);
  return {};
}

void Folder::load_row(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  const std::string text(std::istreambuf_iterator<char>(in), {});
  const auto file = parse_row(text);
  std::error_code failed;
  if (file && path.stem() == file->id && fs::file_size(path_of(file->id), failed) == uintmax_t(file->bytes) &&
      !failed) {
    count(file->owner, 1, file->bytes);
    files_[file->id] = *file;
    newest_ = std::max(newest_, file->number);
    return;
  }
  log_warning("the stored file " + path.stem().string() + " is damaged and was removed");
  fs::remove(path, failed);
}

Result<fs::path> Folder::begin(const File& file) {
  const std::lock_guard lock(mutex_);
  remove_expired(file.created);
  if (auto fault = refusal(file.owner, {1, 0})) return *fault;
  if (auto fault = make()) return *fault;
  count(file.owner, 1, 0);
  return path_of(file.id, kUnfinished);
}

std::optional<Error> Folder::refusal(const std::string& owner, Use more) const {
  const int64_t files_left = int64_t(limits_.count) - all_.count - more.count;
  if (files_left < 0)
    return Error{Code::exhausted, "there are " + std::to_string(limits_.count) + " files; delete some"};
  const int64_t bytes_left = limits_.bytes - all_.bytes - more.bytes;
  if (bytes_left < 0) return Error{Code::exhausted, "there is no room for more files; delete some"};
  const auto at = owners_.find(owner);
  const Use own = at == owners_.end() ? Use{} : at->second;
  if (limits_.shared && (!is_within_share(own.count + more.count, files_left) ||
                         !is_within_share(own.bytes + more.bytes, bytes_left)))
    return Error{Code::exhausted, "one owner has its share of the room for files; it must delete some"};
  return {};
}

void Folder::count(const std::string& owner, int64_t files, int64_t bytes) {
  Use& own = owners_[owner];
  for (Use* use : {&all_, &own}) {
    use->count += files;
    use->bytes += bytes;
  }
  if (own.count == 0) owners_.erase(owner);
}

std::optional<Error> Folder::take_room(const std::string& owner, int64_t bytes) {
  const std::lock_guard lock(mutex_);
  if (auto fault = refusal(owner, {0, bytes})) return fault;
  count(owner, 0, bytes);
  return {};
}

void Folder::forget_unfinished(const File& file) {
  const std::lock_guard lock(mutex_);
  count(file.owner, -1, -file.bytes);
}

std::optional<Error> Folder::add(File& file) {
  const std::lock_guard lock(mutex_);
  file.number = ++newest_;
  if (auto fault = write_row(file)) return fault;
  files_[file.id] = file;
  return {};
}

std::optional<Error> Folder::write_row(const File& file) {
  const fs::path unfinished = path_of(file.id, ".row.part");
  auto h = create_private(unfinished);
  if (!h) return h.error();
  auto fault = write_all(*h, row_of(file), unfinished);
  if (!fault) fault = put_in_place(*h, unfinished, path_of(file.id, kRow));
  if (!fault) fault = make_durable(path_);
  std::error_code ignored;
  if (fault)
    for (const fs::path& path : {unfinished, path_of(file.id, kRow)}) fs::remove(path, ignored);
  return fault;
}

// The row goes first: bytes without a row are no file.
void Folder::remove(std::map<std::string, File>::iterator at) {
  std::error_code ignored;
  fs::remove(path_of(at->first, kRow), ignored);
  fs::remove(path_of(at->first), ignored);
  count(at->second.owner, -1, -at->second.bytes);
  files_.erase(at);
}

void Folder::remove_expired(int64_t now) {
  for (auto at = files_.begin(); at != files_.end();) {
    const auto next = std::next(at);
    if (is_expired(at->second, now)) remove(at);
    at = next;
  }
}

Result<File> Folder::find(const std::string& id, const std::string& owner, int64_t now) const {
  const std::lock_guard lock(mutex_);
  const auto at = files_.find(id);
  if (at == files_.end() || at->second.owner != owner || is_expired(at->second, now)) return none(id);
  return at->second;
}

std::vector<File> Folder::list(const std::string& owner, const FilePage& page, int64_t now) {
  const std::lock_guard lock(mutex_);
  remove_expired(now);
  std::vector<const File*> all;
  const auto after = files_.find(page.after);
  if (!page.after.empty() && (after == files_.end() || after->second.owner != owner)) return {};
  for (const auto& [id, file] : files_) {
    if (file.owner != owner || (!page.purpose.empty() && file.purpose != page.purpose)) continue;
    const bool follows = page.after.empty() || (page.ascending ? is_before(&after->second, &file)
                                                               : is_before(&file, &after->second));
    if (follows) all.push_back(&file);
  }
  std::sort(all.begin(), all.end(),
            [&](const File* a, const File* b) { return page.ascending ? is_before(a, b) : is_before(b, a); });
  std::vector<File> shown;
  for (const File* file : all)
    if (shown.size() <= page.limit) shown.push_back(*file);
  return shown;
}

std::optional<Error> Folder::erase(const std::string& id, const std::string& owner, int64_t now) {
  const auto found = find(id, owner, now);
  if (!found) return found.error();
  const std::lock_guard lock(mutex_);
  const auto at = files_.find(id);
  if (at == files_.end()) return none(id);
  remove(at);
  return make_durable(path_);
}

class Writer final : public FileWriter {
 public:
  Writer(std::shared_ptr<Folder> folder, File what, fs::path path, Handle handle)
      : folder_(std::move(folder)), path_(std::move(path)), handle_(std::move(handle)) {
    file = std::move(what);
    file.bytes = 0;
  }
  ~Writer() override {
    if (committed_) return;
    std::error_code ignored;
    fs::remove(path_, ignored);
    folder_->forget_unfinished(file);
  }

  std::optional<Error> write(std::string_view bytes) override {
    if (auto fault = folder_->take_room(file.owner, int64_t(bytes.size()))) return fault;
    file.bytes += int64_t(bytes.size());
    return write_all(handle_, bytes, path_);
  }

  Result<File> commit() override {
    const fs::path to = folder_->path_of(file.id);
    if (auto fault = put_in_place(handle_, path_, to)) return *fault;
    path_ = to;  // removed from there if the rest fails
    if (auto fault = folder_->add(file)) return *fault;
    committed_ = true;
    return file;
  }

 private:
  const std::shared_ptr<Folder> folder_;
  fs::path path_;
  const Handle handle_;
  bool committed_ = false;
};

class Reader final : public FileReader {
 public:
  Reader(fs::path path, Handle handle) : path_(std::move(path)), handle_(std::move(handle)) {}
  Result<std::string> read(size_t most) override {
    std::string bytes(most, '\0');
    ssize_t n;
    while ((n = ::read(handle_.get(), bytes.data(), most)) < 0 && errno == EINTR) {
    }
    if (n < 0) return fault_of(path_, errno);
    bytes.resize(size_t(n));
    return bytes;
  }

 private:
  const fs::path path_;
  const Handle handle_;
};

class FilesFolder final : public Files {
 public:
  explicit FilesFolder(std::shared_ptr<Folder> folder) : folder_(std::move(folder)) {}

  Result<std::unique_ptr<FileWriter>> create(File file) override {
    file.id = new_id();
    file.bytes = 0;
    AUTARK_TRY(fs::path path, folder_->begin(file));
    auto handle = create_private(path);
    if (!handle) return folder_->forget_unfinished(file), handle.error();
    return std::unique_ptr<FileWriter>(
        std::make_unique<Writer>(folder_, std::move(file), std::move(path), std::move(*handle)));
  }
  Result<File> find(const std::string& id, const std::string& owner, int64_t now) override {
    return folder_->find(id, owner, now);
  }
  Result<std::unique_ptr<FileReader>> open(const std::string& id, const std::string& owner,
                                           int64_t now) override {
    AUTARK_TRY(const File file, folder_->find(id, owner, now));
    const fs::path path = folder_->path_of(file.id);
    Handle handle(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
    if (handle.get() < 0) return errno == ENOENT ? none(id) : fault_of(path, errno);
    return std::unique_ptr<FileReader>(std::make_unique<Reader>(path, std::move(handle)));
  }
  Result<std::vector<File>> list(const std::string& owner, const FilePage& page, int64_t now) override {
    return folder_->list(owner, page, now);
  }
  std::optional<Error> erase(const std::string& id, const std::string& owner, int64_t now) override {
    return folder_->erase(id, owner, now);
  }

 private:
  const std::shared_ptr<Folder> folder_;
};

}  // namespace

Result<std::unique_ptr<Files>> open_files(const fs::path& folder, const FileLimits& limits) {
  auto opened = std::make_shared<Folder>(folder, limits, false);
  if (auto fault = opened->load()) return *fault;
  return std::unique_ptr<Files>(std::make_unique<FilesFolder>(std::move(opened)));
}

std::unique_ptr<Files> temporary_files(const FileLimits& limits) {
  return std::make_unique<FilesFolder>(std::make_shared<Folder>(fs::path(), limits, true));
}

}  // namespace autark::storage
