#include "hub/filling.h"
#include <algorithm>
#include <cmath>
#include "http/url.h"
#include "hub/content.h"

namespace autark::hub {
namespace {

namespace fs = std::filesystem;

// Two sizes as text, in a unit in which they differ. REQUIRES: more > less.
std::pair<std::string, std::string> sizes(int64_t more, int64_t less) {
  const int shift = more >= 10 << 20 ? 20 : more >= 10 << 10 ? 10 : 0;
  const char* unit = shift == 20 ? " MiB" : shift == 10 ? " KiB" : " bytes";
  const int64_t up = (more + (int64_t{1} << shift) - 1) >> shift;
  return {std::to_string(up) + unit, std::to_string(less >> shift) + unit};
}

// The file that opens the model; without it the folder is not a model. It is removed first and placed last,
// so an interrupted pull never leaves a folder in which files of two revisions are opened together.
std::string door_of(const std::vector<RemoteFile>& files) {
  std::string door;
  for (const RemoteFile& f : files) {
    if (f.path == "config.json") return f.path;
    if (f.path.ends_with(".gguf") && (door.empty() || f.path < door)) door = f.path;
  }
  return door;
}

}  // namespace

Result<bool> remove_whole(const fs::path& path) {
  std::error_code fault;
  fs::remove_all(path, fault);
  if (fault) return disk_error(path, "cannot be removed", fault.value());
  return true;
}

Filling::Filling(const PullOptions& options, std::string folder)
    : options_(options), name_(std::move(folder)), folder_(root() / name_) {}

fs::path Filling::root() const {
  return options_.into.empty() ? model_folder() : options_.into;
}

fs::path Filling::record_path() const {
  return root() / ".pulled" / http::percent_encoded(name_, false);
}

Result<FolderLock> Filling::lock() {
  std::string flat = name_;
  std::replace(flat.begin(), flat.end(), '/', '+');
  auto held = FolderLock::take(root() / ".locks" / flat, [this] {
    if (options_.progress) options_.progress({name_ + ": waiting for another pull of it", 0, 0});
  });
  if (held) {
    record_ = Record::load(record_path());
    staged_ = Record::load(staged(".versions"));
  }
  return held;
}

int64_t Filling::free_at(const fs::path& folder) const {
  if (options_.free_bytes) return options_.free_bytes(folder);
  std::error_code fault;
  const fs::space_info room = fs::space(folder, fault);
  return fault ? INT64_MAX : static_cast<int64_t>(std::min<uintmax_t>(room.available, INT64_MAX));
}

Result<bool> Filling::need_room(int64_t bytes) const {
  std::error_code fault;
  fs::create_directories(folder_, fault);
  if (fault) return disk_error(folder_, "cannot be made", fault.value());
  const int64_t free = free_at(folder_);
  if (bytes <= free) return true;
  const auto [needed, there] = sizes(bytes, free);
  return Error{Code::exhausted,
               folder_.string() + ": " + needed + " are needed and " + there +
                   " are free; free some space or set AUTARK_MODELS to a folder on another disk"};
}

void Filling::announce(size_t files, int64_t bytes) const {
  const auto text = [](double n, const char* unit) { return std::to_string(std::llround(n)) + unit; };
  const std::string size =
      bytes < 10'000'000'000 ? text(double(bytes) / 1e6, " MB") : text(double(bytes) / 1e9, " GB");
  if (options_.progress)
    options_.progress({name_ + ": " + size + " in " + std::to_string(files) +
                       (files == 1 ? " file" : " files") + " are to be fetched"});
}

void Filling::report(int64_t done_of_file, int64_t total_of_file) {
  shown_ = std::max(shown_, before_ + done_of_file);
  if (options_.progress) options_.progress({name_, shown_, total_ ? total_ : total_of_file});
}

Result<Filling::State> Filling::state_of(const fs::path& path, const RemoteFile& file,
                                         const std::string& version) const {
  std::error_code fault;
  const auto bytes = fs::file_size(path, fault);
  const bool fits = file.bytes == 0 || bytes == static_cast<uintmax_t>(file.bytes);
  if (fault || !fs::is_regular_file(path, fault) || !fits) return State::wrong;
  if (file.has_sum()) {
    const auto verified = verify(path, file);
    if (!verified && verified.error().code != Code::invalid) return verified.error();
    if (!verified) return State::wrong;
  }
  const bool is_model = file.path.ends_with(".gguf") || !file.has_sum();
  if (is_model && !check_content(path, file.path, Length::told)) return State::wrong;
  if (file.has_sum() || (!file.version.empty() && version == file.version)) return State::right;
  return version.empty() || file.version.empty() ? State::unknown : State::wrong;
}

Result<bool> Filling::verify(const fs::path& path, const RemoteFile& file) const {
  if (!file.has_sum()) return true;
  const bool large = !file.sha256.empty();
  const std::string& wanted = large ? file.sha256 : file.blob;
  AUTARK_TRY(const std::string sum,
             large ? sha256_of(path,
                               [&](int64_t bytes) {
                                 if (options_.progress)
                                   options_.progress({"verifying " + file.path, bytes, file.bytes});
                               })
                   : git_blob_of(path));
  if (sum == wanted) return true;
  return Error{Code::invalid, std::string(" has the ") + (large ? "sha256 " : "git name ") + sum +
                                  " and should have " + wanted};
}

void Filling::begin(const RemoteFile& file) {
  const auto [entry, added] = staged_.versions.try_emplace(file.path);
  if (!added && entry->second == file.version) return;
  entry->second = file.version;
  staged_.keep(staged(".versions"));
}

Result<bool> Filling::stage(const RemoteFile& file) {
  std::error_code fault;
  for (const char* ending : {".etag", ".marks"}) fs::remove(part(file.path).string() + ending, fault);
  fs::rename(part(file.path), staged(file.path), fault);
  if (fault) return disk_error(staged(file.path), "cannot be put in place", fault.value());
  return true;
}

void Filling::drop(const std::string& file) const {
  std::error_code ignored;
  fs::remove(staged(file), ignored);
  for (const char* ending : {"", ".etag", ".marks"}) fs::remove(part(file).string() + ending, ignored);
}

bool Filling::is_staged(const std::string& file) const {
  std::error_code fault;
  return fs::exists(staged(file), fault);
}

Result<bool> Filling::move(const fs::path& from, const fs::path& to) const {
  std::error_code fault;
  fs::create_directories(to.parent_path(), fault);
  fs::rename(from, to, fault);
  if (fault) return disk_error(to, "cannot be put in place", fault.value());
  return true;
}

// Takes the file that opens the model out of place. It becomes a staged file unless a newer one is staged.
Result<bool> Filling::close_door(const std::string& door) const {
  std::error_code fault;
  if (!fs::exists(in_place(door), fault)) return true;
  return is_staged(door) ? remove_whole(in_place(door)) : move(in_place(door), staged(door));
}

// Deletes the parts and staged files of `files`. Parts of other files of the repository are kept.
Result<bool> Filling::clean_up(const std::vector<RemoteFile>& files) {
  for (const RemoteFile& f : files) {
    drop(f.path);
    staged_.versions.erase(f.path);
  }
  if (staged_.versions.empty()) return remove_whole(folder_ / ".pull");
  staged_.keep(staged(".versions"));
  return true;
}

Result<bool> Filling::publish(const std::vector<RemoteFile>& files, const std::vector<std::string>& gone) {
  std::vector<std::string> coming = gone;  // all files that change: removed or placed
  for (const RemoteFile& f : files) {
    if (is_staged(f.path)) coming.push_back(f.path);
  }
  const std::string door = door_of(files);
  const bool only_door = coming.size() == 1 && coming.front() == door;
  Record now = record_;
  for (const std::string& file : coming) now.versions.erase(file);
  if (now.versions != record_.versions) now.keep(record_path());
  if (!coming.empty() && !only_door && !door.empty()) {
    AUTARK_TRY([[maybe_unused]] const bool closed, close_door(door));
    coming.push_back(door);
  }
  for (const std::string& file : gone) {
    AUTARK_TRY([[maybe_unused]] const bool removed, remove_whole(in_place(file)));
  }
  std::stable_partition(coming.begin(), coming.end(), [&](const std::string& f) { return f != door; });
  for (const std::string& file : coming) {
    if (!is_staged(file)) continue;
    AUTARK_TRY([[maybe_unused]] const bool moved, move(staged(file), in_place(file)));
  }
  for (const RemoteFile& f : files) now.versions[f.path] = f.version;
  if (now.versions != record_.versions) now.keep(record_path());
  record_ = now;
  return clean_up(files);
}

}  // namespace autark::hub
