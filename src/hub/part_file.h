// A file that is being fetched: appended to, kept over breaks, and its own only record of how far it is. One
// at a time has it open (the caller holds the folder's lock). A full disk is an Error that says so.
#pragma once
#include <filesystem>
#include <functional>
#include "base/result.h"

namespace autark::hub {

class PartFile {
 public:
  static Result<PartFile> open(const std::filesystem::path& path);  // made with its folders if absent
  PartFile(PartFile&& other) noexcept;
  PartFile& operator=(PartFile&&) = delete;
  ~PartFile();

  const std::filesystem::path& path() const { return path_; }
  int64_t bytes() const { return bytes_; }
  Result<bool> append(std::string_view bytes);
  bool matches(int64_t at, std::string_view bytes) const;  // the bytes that are there already
  // Bytes that belong at `at` <= bytes(): what is there already is compared and kept; where it differs, all
  // from `at` on is forgotten and written anew.
  Result<bool> put(int64_t at, std::string_view bytes);
  Result<bool> cut(int64_t bytes);  // forgets what is beyond
  Result<bool> sync();              // on the disk, not only in memory

 private:
  PartFile(std::filesystem::path path, int file, int64_t bytes)
      : path_(std::move(path)), file_(file), bytes_(bytes) {}
  std::filesystem::path path_;
  int file_ = -1;
  int64_t bytes_ = 0;
};

// Held from construction to destruction, by one process at a time; the file stays.
class FolderLock {
 public:
  // Waits for another process to end; `on_wait` is called once before.
  static Result<FolderLock> take(const std::filesystem::path& path, const std::function<void()>& on_wait);
  FolderLock(FolderLock&& other) noexcept;
  FolderLock& operator=(FolderLock&&) = delete;
  ~FolderLock();

 private:
  explicit FolderLock(int file) : file_(file) {}
  int file_ = -1;
};

// The SHA-256 of a file as hex digits; `on_bytes` hears how far it is.
Result<std::string> sha256_of(const std::filesystem::path& path,
                              const std::function<void(int64_t done)>& on_bytes);
// The name that git gives to a file's bytes: SHA-1 of "blob LENGTH\0" and the bytes, as hex digits.
Result<std::string> git_blob_of(const std::filesystem::path& path);

Error disk_error(const std::filesystem::path& path, const std::string& what, int number);

}  // namespace autark::hub
