// A file that is being fetched. Its length is the only record of how much has arrived. The caller holds the
// folder's lock, so only one process has the file open. A full disk is an Error that says how to proceed.
#pragma once
#include <filesystem>
#include <functional>
#include "base/result.h"

namespace autark::hub {

class PartFile {
 public:
  // Opens the file; creates it and its folders if they do not exist.
  static Result<PartFile> open(const std::filesystem::path& path);
  PartFile(PartFile&& other) noexcept;
  PartFile& operator=(PartFile&&) = delete;
  ~PartFile();

  const std::filesystem::path& path() const { return path_; }
  int64_t bytes() const { return bytes_; }      // length
  Result<bool> append(std::string_view bytes);  // writes at the end
  // Whether the file holds exactly these bytes from `at` on.
  bool matches(int64_t at, std::string_view bytes) const;
  // Writes bytes that belong at `at`. Bytes that are there already are kept if they are equal; otherwise the
  // file is cut at `at` and written anew. REQUIRES: at <= bytes().
  Result<bool> put(int64_t at, std::string_view bytes);
  Result<bool> cut(int64_t bytes);  // shortens the file
  Result<bool> sync();              // returns when all bytes are on the disk

 private:
  PartFile(std::filesystem::path path, int file, int64_t bytes)
      : path_(std::move(path)), file_(file), bytes_(bytes) {}
  std::filesystem::path path_;
  int file_ = -1;
  int64_t bytes_ = 0;
};

// A lock that one process at a time holds, until the object is destroyed. The lock file is never deleted.
class FolderLock {
 public:
  // Waits until no other process holds the lock. If it has to wait, it calls `on_wait` once before.
  static Result<FolderLock> take(const std::filesystem::path& path, const std::function<void()>& on_wait);
  FolderLock(FolderLock&& other) noexcept;
  FolderLock& operator=(FolderLock&&) = delete;
  ~FolderLock();

 private:
  explicit FolderLock(int file) : file_(file) {}
  int file_ = -1;
};

// The SHA-256 of a file as hex digits. `on_bytes` is called with the number of bytes that have been read.
Result<std::string> sha256_of(const std::filesystem::path& path,
                              const std::function<void(int64_t done)>& on_bytes);
// The id that git gives to a file's bytes: SHA-1 of "blob LENGTH\0" and the bytes, as hex digits.
Result<std::string> git_blob_of(const std::filesystem::path& path);

// An Error for a failed file operation: "PATH WHAT: …". `number` is the errno; a full disk
// is Code::exhausted.
Error disk_error(const std::filesystem::path& path, const std::string& what, int number);

}  // namespace autark::hub
